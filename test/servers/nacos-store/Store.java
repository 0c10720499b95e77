import java.sql.DriverManager;
import java.sql.SQLException;

/** Makes an empty store of a standalone Nacos in the directory that is its argument. */
public class Store {
    public static void main(String[] args) throws SQLException {
        var url = "jdbc:derby:" + args[0];
        DriverManager.getConnection(url + ";create=true", "nacos", "nacos").close();
        try {
            DriverManager.getConnection(url + ";shutdown=true", "nacos", "nacos");
        } catch (SQLException end) {
            // How Derby says that it has shut down.
            if (!"08006".equals(end.getSQLState())) throw end;
        }
    }
}

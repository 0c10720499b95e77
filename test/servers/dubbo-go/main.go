// A provider and a consumer of podwire.test.Echo (test/proto/echo.proto), as dubbo-go makes them: Triple, found in Nacos.
//
//	dubbo-go provide -nacos host:port -ip 10.244.0.11 -port 20000
//	dubbo-go consume -nacos host:port -out calls.jsonl
package main

import (
	"flag"
	"fmt"
	"os"

	"dubbo.apache.org/dubbo-go/v3"
	"dubbo.apache.org/dubbo-go/v3/logger"
	"dubbo.apache.org/dubbo-go/v3/registry"
)

const echo = "podwire.test.Echo"

// What both sides are told.
type settings struct {
	nacos, mode, app, version, group string
}

func (s *settings) flags(set *flag.FlagSet) {
	set.StringVar(&s.nacos, "nacos", "127.0.0.1:8848", "host:port of Nacos's HTTP")
	set.StringVar(&s.mode, "mode", "", "interface, service (by application) or all; dubbo-go's default when empty")
	set.StringVar(&s.app, "app", "", "the application's name")
	set.StringVar(&s.version, "version", "", "the interface's version")
	set.StringVar(&s.group, "group", "", "the interface's group")
}

func (s *settings) instance(more ...dubbo.InstanceOption) *dubbo.Instance {
	where := []registry.Option{registry.WithNacos(), registry.WithAddress(s.nacos)}
	switch s.mode {
	case "interface":
		where = append(where, registry.WithRegisterInterface())
	case "service":
		where = append(where, registry.WithRegisterService())
	case "all":
		where = append(where, registry.WithRegisterServiceAndInterface())
	}
	options := append([]dubbo.InstanceOption{
		dubbo.WithName(s.app), dubbo.WithRegistry(where...), dubbo.WithLogger(logger.WithLevel("warn")),
	}, more...)
	instance, err := dubbo.NewInstance(options...)
	must(err)
	return instance
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "fatal:", err)
		os.Exit(1)
	}
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "provide" {
		provide(os.Args[2:])
	} else if len(os.Args) > 1 && os.Args[1] == "consume" {
		consume(os.Args[2:])
	} else {
		fmt.Fprintln(os.Stderr, "usage: dubbo-go provide|consume [flags]")
		os.Exit(2)
	}
}

// One Pod: a grpc-go server whose calls go by rules, and which writes each call that it sees to a file. It takes commands as lines
// of JSON and answers each with a line.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"math/rand"
	"net"
	"os"
	"os/signal"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/orca"
	"google.golang.org/grpc/status"
)

// rule says what becomes of a method's calls; `*` is for all that have none of their own.
type rule struct {
	DelayMs  *float64          `json:"delayMs"` // 5 when it is not said
	Workers  int               `json:"workers"` // so many calls at once, and the others queue; 0 is no limit
	Abandon  bool              `json:"abandon"` // calls that their client gave up leave the queue
	Hang     bool              `json:"hang"`
	Fail     uint32            `json:"fail"`  // a status of gRPC
	Share    *float64          `json:"share"` // of the calls that fail; all when it is not said
	Trailers map[string]string `json:"trailers"`
	Load     *load             `json:"load"` // as it reports it with each call
	slots    chan struct{}
}

const service = "/promises.Fleet/"

// load is what a Pod tells of itself, per call and out of band (gRFC A51).
type load struct {
	Utilization float64 `json:"utilization"`
	QPS         float64 `json:"qps"`
}

var (
	// slots are the workers, by their number: a queue before them stays when other rules come.
	slots      = map[int]chan struct{}{}
	rules      atomic.Pointer[map[string]*rule]
	file       *os.File
	ignoreTerm = flag.Bool("ignore-term", false, "go on after SIGTERM")
)

// now is in milliseconds of CLOCK_MONOTONIC, which all processes of the machine share.
func now() float64 {
	var at unix.Timespec
	unix.ClockGettime(unix.CLOCK_MONOTONIC, &at)
	return float64(at.Nano()) / 1e6
}

func write(what string, id string, outcome string) {
	fmt.Fprintf(file, "%s %s %.3f %s\n", what, id, now(), outcome)
}

func setRules(text []byte) error {
	made := map[string]*rule{}
	if err := json.Unmarshal(text, &made); err != nil {
		return err
	}
	if made["*"] == nil {
		made["*"] = &rule{}
	}
	for _, one := range made {
		if one.DelayMs == nil {
			usual := 5.0
			one.DelayMs = &usual
		}
		if one.Workers > 0 && slots[one.Workers] == nil {
			slots[one.Workers] = make(chan struct{}, one.Workers)
		}
		one.slots = slots[one.Workers]
	}
	rules.Store(&made)
	return nil
}

func ruleOf(path string) *rule {
	all := *rules.Load()
	if one := all[path[len(service):]]; one != nil {
		return one
	}
	return all["*"]
}

// serve is one call: what its rule says, written down at both ends.
func serve(_ any, stream grpc.ServerStream) error {
	path, _ := grpc.MethodFromServerStream(stream)
	if !strings.HasPrefix(path, service) {
		return status.Error(codes.Unimplemented, "no such service")
	}
	id, outcome := "-", "0"
	headers, _ := metadata.FromIncomingContext(stream.Context())
	if ids := headers.Get("call-id"); len(ids) > 0 {
		id = ids[0]
	}
	switch path[len(service):] {
	case "Download":
		return download(stream)
	case "Upload":
		return upload(stream)
	}
	write("b", id, "")
	defer func() { write("e", id, outcome) }()
	if headers.Get("call-kills") != nil {
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
	}
	one := ruleOf(path)
	var message []byte
	if err := stream.RecvMsg(&message); err != nil {
		outcome = "broken"
		return err
	}
	if one.Hang {
		<-stream.Context().Done()
		outcome = "hung"
		return stream.Context().Err()
	}
	stream.SetTrailer(metadata.New(one.Trailers))
	if one.Fail != 0 && (one.Share == nil || rand.Float64() < *one.Share) {
		outcome = fmt.Sprint(one.Fail)
		return status.Error(codes.Code(one.Fail), "by its rules")
	}
	if one.slots != nil {
		var given <-chan struct{}
		if one.Abandon {
			given = stream.Context().Done()
		}
		select {
		case one.slots <- struct{}{}:
			defer func() { <-one.slots }()
		case <-given:
			outcome = "abandoned"
			return stream.Context().Err()
		}
	}
	// A call that has waited for a worker takes as long as calls take now.
	one = ruleOf(path)
	if one.Load != nil {
		report := orca.CallMetricsRecorderFromContext(stream.Context())
		report.SetApplicationUtilization(one.Load.Utilization)
		report.SetQPS(one.Load.QPS)
	}
	time.Sleep(time.Duration(*one.DelayMs * float64(time.Millisecond)))
	return stream.SendMsg(&message)
}

// download sends 10 000 messages of 64 KiB, as fast as they are taken.
func download(stream grpc.ServerStream) error {
	message := make([]byte, 64<<10)
	for range 10_000 {
		if err := stream.SendMsg(&message); err != nil {
			write("s", "-", "")
			return err
		}
	}
	return nil
}

// upload takes all that is sent.
func upload(stream grpc.ServerStream) error {
	var message []byte
	for {
		if err := stream.RecvMsg(&message); err == io.EOF {
			return stream.SendMsg(&message)
		} else if err != nil {
			return err
		}
	}
}

func main() {
	address := flag.String("address", "", "to listen on")
	logFile := flag.String("log", "", "what calls are written to")
	first := flag.String("rules", "{}", "the first rules, as JSON")
	cert := flag.String("cert", "", "a certificate; without one, plaintext")
	key := flag.String("key", "", "its key")
	maxStreams := flag.Uint("max-streams", 0, "MAX_CONCURRENT_STREAMS")
	maxAge := flag.Duration("max-age", 0, "of connections")
	withHealth := flag.Bool("health", false, "has grpc.health.v1")
	flag.Parse()
	var err error
	if file, err = os.OpenFile(*logFile, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600); err != nil {
		log.Fatal(err)
	}
	if err = setRules([]byte(*first)); err != nil {
		log.Fatal(err)
	}
	options := []grpc.ServerOption{
		grpc.ForceServerCodecV2(codec{}),
		grpc.UnknownServiceHandler(serve),
		orca.CallMetricsServerOption(nil),
	}
	if *maxStreams > 0 {
		options = append(options, grpc.MaxConcurrentStreams(uint32(*maxStreams)))
	}
	if *maxAge > 0 {
		age := keepalive.ServerParameters{MaxConnectionAge: *maxAge, MaxConnectionAgeGrace: 10 * time.Second}
		options = append(options, grpc.KeepaliveParams(age))
	}
	if *cert != "" {
		identity, err := credentials.NewServerTLSFromFile(*cert, *key)
		if err != nil {
			log.Fatal(err)
		}
		options = append(options, grpc.Creds(identity))
	}
	server := grpc.NewServer(options...)
	checks := health.NewServer()
	if *withHealth {
		healthpb.RegisterHealthServer(server, checks)
		checks.SetServingStatus("fleet", healthpb.HealthCheckResponse_SERVING)
	}
	if own := (*rules.Load())["*"].Load; own != nil {
		reports := orca.NewServerMetricsRecorder()
		reports.SetApplicationUtilization(own.Utilization)
		reports.SetQPS(own.QPS)
		if err := orca.Register(server, orca.ServiceOptions{ServerMetricsProvider: reports}); err != nil {
			log.Fatal(err)
		}
	}
	listener, err := net.Listen("tcp", *address)
	if err != nil {
		log.Fatal(err)
	}
	go server.Serve(counted{listener})
	terms := make(chan os.Signal, 1)
	signal.Notify(terms, syscall.SIGTERM)
	go func() {
		for range terms {
			if !*ignoreTerm {
				server.GracefulStop()
				os.Exit(0)
			}
		}
	}()
	fmt.Println("ready")
	obey(checks)
}

// obey takes commands until the one that started the Pod is gone.
func obey(checks *health.Server) {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var order struct {
			Command string          `json:"command"`
			Value   json.RawMessage `json:"value"`
		}
		if err := json.Unmarshal(lines.Bytes(), &order); err != nil {
			log.Fatal(err)
		}
		switch order.Command {
		case "rules":
			if err := setRules(order.Value); err != nil {
				log.Fatal(err)
			}
		case "health":
			status := healthpb.HealthCheckResponse_NOT_SERVING
			if string(order.Value) == "true" {
				status = healthpb.HealthCheckResponse_SERVING
			}
			checks.SetServingStatus("fleet", status)
		default:
			log.Fatalf("no command %s", order.Command)
		}
		fmt.Println("done")
	}
}

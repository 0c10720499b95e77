// The calls of the benchmark from grpc-go: client CPU per call, calls a second and latency, as JSON. GOMAXPROCS=1 unless set.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"runtime"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"
)

// raw passes messages on as they are, so that protobuf costs nothing on either side.
type raw struct{}

func (raw) Marshal(v any) ([]byte, error) { return *v.(*[]byte), nil }
func (raw) Unmarshal(data []byte, v any) error {
	*v.(*[]byte) = append([]byte(nil), data...)
	return nil
}
func (raw) Name() string { return "raw" }

func cpu() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		log.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// run makes calls, so many at a time, for a time, and returns how long each took.
func run(channel *grpc.ClientConn, inFlight, bytes int, duration time.Duration) []time.Duration {
	var over atomic.Bool
	time.AfterFunc(duration, func() { over.Store(true) })
	took := make([][]time.Duration, inFlight)
	var wait sync.WaitGroup
	for i := range inFlight {
		wait.Add(1)
		go func() {
			defer wait.Done()
			request := make([]byte, bytes)
			for !over.Load() {
				var reply []byte
				started := time.Now()
				err := channel.Invoke(context.Background(), "/bench.Echo/Unary", &request, &reply)
				if err != nil {
					log.Fatal(err)
				}
				if len(reply) != bytes {
					log.Fatalf("%d bytes came back", len(reply))
				}
				took[i] = append(took[i], time.Since(started))
			}
		}()
	}
	wait.Wait()
	var all []time.Duration
	for _, each := range took {
		all = append(all, each...)
	}
	return all
}

func main() {
	inFlight := flag.Int("in-flight", 64, "calls at a time")
	bytes := flag.Int("bytes", 100, "length of a message")
	ms := flag.Int("ms", 2000, "length of the measurement; half as long is warm-up")
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: client [flags] host:port...")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() == 0 {
		flag.Usage()
		os.Exit(2)
	}
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(1)
	}
	backends := manual.NewBuilderWithScheme("bench")
	var addresses []resolver.Address
	for _, address := range flag.Args() {
		addresses = append(addresses, resolver.Address{Addr: address})
	}
	backends.InitialState(resolver.State{Addresses: addresses})
	channel, err := grpc.NewClient("bench:///echo",
		grpc.WithResolvers(backends),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.ForceCodec(raw{})),
		grpc.WithDefaultServiceConfig(`{"loadBalancingConfig":[{"round_robin":{}}]}`),
	)
	if err != nil {
		log.Fatalf("%s: %v", strings.Join(flag.Args(), " "), err)
	}
	duration := time.Duration(*ms) * time.Millisecond
	run(channel, *inFlight, *bytes, duration/2)
	cpuBefore, started := cpu(), time.Now()
	took := run(channel, *inFlight, *bytes, duration)
	used, elapsed := cpu()-cpuBefore, time.Since(started)
	sort.Slice(took, func(a, b int) bool { return took[a] < took[b] })
	at := func(share float64) float64 { return took[int(float64(len(took))*share)].Seconds() * 1e3 }
	err = json.NewEncoder(os.Stdout).Encode(map[string]float64{
		"cpuUs":     used.Seconds() * 1e6 / float64(len(took)),
		"perSecond": float64(len(took)) / elapsed.Seconds(),
		"p50Ms":     at(0.5),
		"p99Ms":     at(0.99),
	})
	if err != nil {
		log.Fatal(err)
	}
}

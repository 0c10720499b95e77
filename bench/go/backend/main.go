// A gRPC server that sends every message back, on several ports of one process. It speaks no protobuf: bytes in, bytes out.
package main

import (
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"os"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/mem"
)

// bufferBytes is for reads and writes: with the default of 32 KiB it is the server that bounds large messages.
const bufferBytes = 256 << 10

// raw passes messages on as they were received, without a copy: what is measured is the clients.
type raw struct{}

func (raw) Marshal(v any) (mem.BufferSlice, error) { return *v.(*mem.BufferSlice), nil }
func (raw) Unmarshal(data mem.BufferSlice, v any) error {
	// Freed by gRPC after the message was sent.
	data.Ref()
	*v.(*mem.BufferSlice) = data
	return nil
}
func (raw) Name() string { return "raw" }

func echo(_ any, stream grpc.ServerStream) error {
	for {
		var message mem.BufferSlice
		if err := stream.RecvMsg(&message); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if err := stream.SendMsg(&message); err != nil {
			return err
		}
	}
}

// serve listens on so many free ports and prints their addresses.
func serve(ports int, options ...grpc.ServerOption) {
	options = append(options,
		grpc.ForceServerCodecV2(raw{}),
		grpc.UnknownServiceHandler(echo),
		grpc.MaxRecvMsgSize(64<<20),
		grpc.InitialWindowSize(4<<20),
		grpc.InitialConnWindowSize(16<<20),
		grpc.ReadBufferSize(bufferBytes),
		grpc.WriteBufferSize(bufferBytes),
	)
	for range ports {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			log.Fatal(err)
		}
		server := grpc.NewServer(options...)
		go func() { log.Fatal(server.Serve(listener)) }()
		fmt.Println(listener.Addr())
	}
}

func main() {
	ports := flag.Int("ports", 4, "number of ports to serve on")
	cert := flag.String("cert", "", "certificate; with it and -key, as many ports serve TLS")
	key := flag.String("key", "", "its key")
	flag.Parse()
	serve(*ports)
	if *cert != "" {
		identity, err := credentials.NewServerTLSFromFile(*cert, *key)
		if err != nil {
			log.Fatal(err)
		}
		serve(*ports, grpc.Creds(identity))
	}
	// Ends with whoever started it.
	io.Copy(io.Discard, os.Stdin)
}

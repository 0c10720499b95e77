package main

import (
	"context"
	"errors"
	"flag"
	"io"
	"strconv"
	"strings"

	"dubbo.apache.org/dubbo-go/v3"
	"dubbo.apache.org/dubbo-go/v3/common/constant"
	"dubbo.apache.org/dubbo-go/v3/protocol"
	"dubbo.apache.org/dubbo-go/v3/protocol/triple/triple_protocol"
	"dubbo.apache.org/dubbo-go/v3/server"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

type text = wrapperspb.StringValue

// Handler of podwire.test.Echo: each answer is "<name of the Pod> <what was sent>". dubbo-go wants it exported.
type Handler struct{ pod string }

func (h *Handler) answer(sent string) *text { return wrapperspb.String(h.pod + " " + sent) }

func (h *Handler) Get(_ context.Context, sent *text) (*text, error) { return h.answer(sent.Value), nil }

func (h *Handler) Collect(_ context.Context, stream *triple_protocol.ClientStream) (*text, error) {
	var all []string
	for message := new(text); stream.Receive(message); message = new(text) {
		all = append(all, message.Value)
	}
	return h.answer(strings.Join(all, ",")), stream.Err()
}

func (h *Handler) List(_ context.Context, count *text, stream *triple_protocol.ServerStream) error {
	n, err := strconv.Atoi(count.Value)
	if err != nil {
		return triple_protocol.NewError(triple_protocol.CodeInvalidArgument, err)
	}
	for i := range n {
		if err := stream.Send(h.answer(strconv.Itoa(i))); err != nil {
			return err
		}
	}
	return nil
}

func (h *Handler) Chat(_ context.Context, stream *triple_protocol.BidiStream) error {
	for {
		message := new(text)
		if err := stream.Receive(message); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if err := stream.Send(h.answer(message.Value)); err != nil {
			return err
		}
	}
}

// What protoc-gen-go-triple would generate.
func serviceInfo() *server.ServiceInfo {
	message := func() any { return new(text) }
	stream := func(stream any) any { return stream }
	answer := func(answer *text, err error) (any, error) {
		if err != nil {
			return nil, err
		}
		return triple_protocol.NewResponse(answer), nil
	}
	return &server.ServiceInfo{
		InterfaceName: echo,
		ServiceType:   (*any)(nil),
		Methods: []server.MethodInfo{
			{
				Name: "Get", Type: constant.CallUnary, ReqInitFunc: message,
				MethodFunc: func(ctx context.Context, args []any, h any) (any, error) {
					return answer(h.(*Handler).Get(ctx, args[0].(*text)))
				},
			},
			{
				Name: "Collect", Type: constant.CallClientStream, StreamInitFunc: stream,
				MethodFunc: func(ctx context.Context, args []any, h any) (any, error) {
					return answer(h.(*Handler).Collect(ctx, args[0].(*triple_protocol.ClientStream)))
				},
			},
			{
				Name: "List", Type: constant.CallServerStream, ReqInitFunc: message, StreamInitFunc: stream,
				MethodFunc: func(ctx context.Context, args []any, h any) (any, error) {
					return nil, h.(*Handler).List(ctx, args[0].(*text), args[1].(*triple_protocol.ServerStream))
				},
			},
			{
				Name: "Chat", Type: constant.CallBidiStream, StreamInitFunc: stream,
				MethodFunc: func(ctx context.Context, args []any, h any) (any, error) {
					return nil, h.(*Handler).Chat(ctx, args[0].(*triple_protocol.BidiStream))
				},
			},
		},
	}
}

// Serves until SIGTERM, on which dubbo-go leaves by itself.
func provide(args []string) {
	var s settings
	set := flag.NewFlagSet("provide", flag.ExitOnError)
	s.flags(set)
	ip := set.String("ip", "127.0.0.1", "where it listens, and what it registers")
	port := set.Int("port", 20000, "Triple's port")
	pod := set.String("pod", "", "what the provider calls itself in answers")
	metadata := set.String("metadata", "", "where consumers read its metadata: dubbo or tri (from itself), or remote (from Nacos)")
	must(set.Parse(args))
	options := []dubbo.InstanceOption{
		dubbo.WithProtocol(protocol.WithTriple(), protocol.WithIp(*ip), protocol.WithPort(*port)),
	}
	switch *metadata {
	case "remote":
		options = append(options, dubbo.WithRemoteMetadata())
	case "dubbo", "tri":
		options = append(options, dubbo.WithMetadataServiceProtocol(*metadata))
	}
	srv, err := s.instance(options...).NewServer()
	must(err)
	var service []server.ServiceOption
	if s.version != "" {
		service = append(service, server.WithVersion(s.version))
	}
	if s.group != "" {
		service = append(service, server.WithGroup(s.group))
	}
	must(srv.Register(&Handler{pod: *pod}, serviceInfo(), service...))
	must(srv.Serve())
}

package main

import (
	"net"

	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
)

// codec takes bytes as they are, and everything else, which is the health service's, as protobuf.
type codec struct{}

func (codec) Marshal(v any) (mem.BufferSlice, error) {
	if bytes, ok := v.(*[]byte); ok {
		return mem.BufferSlice{mem.SliceBuffer(*bytes)}, nil
	}
	return encoding.GetCodecV2(proto.Name).Marshal(v)
}

func (codec) Unmarshal(data mem.BufferSlice, v any) error {
	if bytes, ok := v.(*[]byte); ok {
		*bytes = data.Materialize()
		return nil
	}
	return encoding.GetCodecV2(proto.Name).Unmarshal(data, v)
}

func (codec) Name() string { return "bytes" }

// counted writes down each connection.
type counted struct{ net.Listener }

func (l counted) Accept() (net.Conn, error) {
	connection, err := l.Listener.Accept()
	if err == nil {
		write("c", "-", "")
	}
	return connection, err
}

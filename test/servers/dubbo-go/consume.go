package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"dubbo.apache.org/dubbo-go/v3/client"
	"dubbo.apache.org/dubbo-go/v3/protocol/triple/triple_protocol"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

type consumer struct{ *client.Connection }

func (c consumer) get(sent string) (string, error) {
	answer := new(text)
	err := c.CallUnary(context.Background(), []any{wrapperspb.String(sent)}, answer, "Get")
	return answer.Value, err
}

func (c consumer) collect(sent ...string) (string, error) {
	opened, err := c.CallClientStream(context.Background(), "Collect")
	if err != nil {
		return "", err
	}
	stream := opened.(*triple_protocol.ClientStreamForClient)
	for _, one := range sent {
		if err := stream.Send(wrapperspb.String(one)); err != nil {
			return "", err
		}
	}
	answer := new(text)
	err = stream.CloseAndReceive(triple_protocol.NewResponse(answer))
	return answer.Value, err
}

func (c consumer) list(count string) (all []string, err error) {
	opened, err := c.CallServerStream(context.Background(), wrapperspb.String(count), "List")
	if err != nil {
		return nil, err
	}
	stream := opened.(*triple_protocol.ServerStreamForClient)
	for stream.Receive(new(text)) {
		all = append(all, stream.Msg().(*text).Value)
	}
	return all, stream.Err()
}

func (c consumer) chat(sent ...string) (all []string, err error) {
	opened, err := c.CallBidiStream(context.Background(), "Chat")
	if err != nil {
		return nil, err
	}
	stream := opened.(*triple_protocol.BidiStreamForClient)
	for _, one := range sent {
		answer := new(text)
		if err := errors.Join(stream.Send(wrapperspb.String(one)), stream.Receive(answer)); err != nil {
			return nil, err
		}
		all = append(all, answer.Value)
	}
	if err := stream.CloseRequest(); err != nil {
		return nil, err
	}
	if err := stream.Receive(new(text)); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("the end of the stream: %w", err)
	}
	return all, stream.CloseResponse()
}

// Writes to a file the answers of one call of each kind, then, ten times a second until SIGTERM, how many calls each Pod
// answered and what failed since the line before: a line of JSON each.
func consume(args []string) {
	var s settings
	set := flag.NewFlagSet("consume", flag.ExitOnError)
	s.flags(set)
	every := set.Duration("every", 10*time.Millisecond, "between two calls")
	out := set.String("out", "", "the file that it writes")
	must(set.Parse(args))
	file, err := os.Create(*out)
	must(err)
	tell := func(value any) { must(json.NewEncoder(file).Encode(value)) }
	cli, err := s.instance().NewClient()
	must(err)
	options := []client.ReferenceOption{client.WithRetries(0)}
	if s.version != "" {
		options = append(options, client.WithVersion(s.version))
	}
	if s.group != "" {
		options = append(options, client.WithGroup(s.group))
	}
	info := &client.ClientInfo{InterfaceName: echo, MethodNames: []string{"Get", "Collect", "List", "Chat"}}
	connection, err := cli.DialWithInfo(echo, info, options...)
	must(err)
	c := consumer{connection}
	one, err := c.get("a")
	for until := time.Now().Add(30 * time.Second); err != nil && time.Now().Before(until); one, err = c.get("a") {
		time.Sleep(50 * time.Millisecond)
	}
	must(err)
	collected, err := c.collect("a", "b", "c")
	must(err)
	listed, err := c.list("3")
	must(err)
	chatted, err := c.chat("a", "b")
	must(err)
	tell(map[string]any{"get": one, "collect": collected, "list": listed, "chat": chatted})

	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	answered, failed := map[string]int{}, map[string]int{}
	call, report := time.NewTicker(*every), time.NewTicker(100*time.Millisecond)
	for {
		select {
		case <-call.C:
			if answer, err := c.get("a"); err != nil {
				failed[err.Error()]++
			} else {
				answered[strings.Fields(answer)[0]]++
			}
			continue
		case <-report.C:
		case <-stop:
			tell(map[string]any{"answered": answered, "failed": failed})
			os.Exit(0)
		}
		tell(map[string]any{"answered": answered, "failed": failed})
		answered, failed = map[string]int{}, map[string]int{}
	}
}

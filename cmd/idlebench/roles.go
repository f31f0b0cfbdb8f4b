package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"time"

	"github.com/spf13/cobra"

	"idlegate/cmd/idlebench/internal/backend"
	"idlegate/cmd/idlebench/internal/load"
	"idlegate/cmd/idlebench/internal/narrow"
	"idlegate/cmd/idlebench/internal/relay"
	"idlegate/cmd/idlebench/internal/resp"
)

// The words of the conversation with a load generator. It says ready once it is connected and warm, is told to go, and
// says its result. Then it stays until its input ends, so that its CPU time can be read.
const (
	wordReady = "ready"
	wordGo    = "go"
)

// The roles that the benchmark starts end by SIGTERM, which they leave to do what it does.

// newBackend says its address on standard output and serves until it is killed.
func newBackend() *cobra.Command {
	var holdLittle, speakTLS, speakRESP bool
	cmd := &cobra.Command{
		Use:    "backend",
		Short:  "Check messages and send them back",
		Hidden: true,
		Args:   noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var listen net.ListenConfig
			if holdLittle {
				listen.Control = narrow.Control
			}
			l, err := listen.Listen(cmd.Context(), "tcp", loopback+":0")
			if err != nil {
				return err
			}
			if speakTLS {
				if l, err = listenTLS(l); err != nil {
					return err
				}
			}
			if speakRESP {
				l = resp.Listen(l)
			}
			fmt.Fprintln(cmd.OutOrStdout(), l.Addr())
			return backend.Serve(l, slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil)))
		},
	}
	cmd.Flags().BoolVar(&speakTLS, "tls", false, "speak TLS")
	cmd.Flags().BoolVar(&speakRESP, "resp", false, "speak RESP")
	cmd.Flags().BoolVar(&holdLittle, "narrow", false, "have sockets that hold little")
	return cmd
}

func newRelay() *cobra.Command {
	var listen string
	var cfg relay.Config
	cmd := &cobra.Command{
		Use:    "relay",
		Short:  "Relay with two goroutines a connection",
		Hidden: true,
		Args:   noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if cfg.Listener, err = net.Listen("tcp", listen); err != nil {
				return err
			}
			return relay.Serve(cfg)
		},
	}
	cmd.Flags().StringVar(&listen, "listen", loopback+":0", "address to accept at")
	cmd.Flags().StringVar(&cfg.Backend, "backend", "", "address to connect to")
	cmd.Flags().DurationVar(&cfg.Idle, "idle", 10*time.Minute, "close connections that have been silent for so long")
	cmd.Flags().Int64Var(&cfg.Flaw.Bend, "bend", 0, "bend a bit of this byte of each connection's answers")
	cmd.Flags().Int64Var(&cfg.Flaw.Lose, "lose", 0, "lose this byte of each connection's answers")
	cmd.Flags().BoolVar(&cfg.Flaw.Requests, "requests", false, "of its requests instead")
	return cmd
}

// newLoad takes its configuration as JSON, from the only one who starts it.
func newLoad() *cobra.Command {
	var encoded string
	cmd := &cobra.Command{
		Use:    "load",
		Short:  "Generate load and check the answers",
		Hidden: true,
		Args:   noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var cfg load.Config
			if err := json.Unmarshal([]byte(encoded), &cfg); err != nil {
				return usageError{err}
			}
			return generate(cfg, cmd.InOrStdin(), cmd.OutOrStdout())
		},
	}
	cmd.Flags().StringVar(&encoded, "load", "{}", "what to do")
	return cmd
}

func generate(cfg load.Config, stdin io.Reader, stdout io.Writer) error {
	l, err := load.Open(cfg)
	if err != nil {
		return err
	}
	defer l.Close()
	fmt.Fprintln(stdout, wordReady)
	in := bufio.NewScanner(stdin)
	if !in.Scan() || in.Text() != wordGo {
		return errors.New("was not told to go")
	}
	if err := json.NewEncoder(stdout).Encode(l.Measure()); err != nil {
		return err
	}
	in.Scan()
	return in.Err()
}

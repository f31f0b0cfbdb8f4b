package main

import (
	"net"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"idlegate": main})
}

// Each script is one rule about a command; its exit code and standard error are part of it.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup:               startFake,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exit":    scriptExit,
			"hold":    scriptHold,
			"backend": scriptBackend,
			"connect": scriptConnect,
			"await":   scriptAwait,
			"term":    scriptTerm,
			"asked":   scriptAsked,
		},
	})
}

// exit CODE COMMAND... runs a command and demands its exit code.
func scriptExit(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	if coded, ok := err.(interface{ ExitCode() int }); ok {
		got = coded.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code is %d, want %d", got, want)
	}
}

// hold VARIABLE binds a port of loopback until the script ends and puts host:port into a variable.
func scriptHold(ts *testscript.TestScript, _ bool, args []string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Defer(func() { l.Close() })
	ts.Setenv(args[0], l.Addr().String())
}

// backend SOCKET listens at a unix socket of the script's, and keeps every connection open until the script ends.
func scriptBackend(ts *testscript.TestScript, _ bool, args []string) {
	l, err := net.Listen("unix", ts.MkAbs(args[0]))
	ts.Check(err)
	var done sync.WaitGroup
	ts.Defer(func() { l.Close(); done.Wait() })
	done.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
		}
	})
}

// connect SOCKET opens a connection to a unix socket of the script's, held until the script ends.
func scriptConnect(ts *testscript.TestScript, _ bool, args []string) {
	conn, err := net.Dial("unix", ts.MkAbs(args[0]))
	ts.Check(err)
	ts.Defer(func() { conn.Close() })
}

// await SOCKET waits until something accepts at a unix socket of the script's; ! await SOCKET until nothing does.
func scriptAwait(ts *testscript.TestScript, neg bool, args []string) {
	path := filepath.Clean(ts.MkAbs(args[0]))
	ok := eventually(func() bool {
		conn, err := net.Dial("unix", path)
		if err == nil {
			conn.Close()
		}
		return (err == nil) != neg
	})
	if !ok {
		ts.Fatalf("nothing changed at %s", path)
	}
}

// term sends SIGTERM to what the script runs in the background.
func scriptTerm(ts *testscript.TestScript, _ bool, _ []string) {
	for _, cmd := range ts.BackgroundCmds() {
		ts.Check(cmd.Process.Signal(syscall.SIGTERM))
	}
}

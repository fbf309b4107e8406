// Command sh is the shell of the guest image: the POSIX shell of mvdan.cc/sh
// with a prompt for the person at the console.
//
//	sh                  the standard input: at a terminal with a prompt
//	sh -c LINE [ARG...]
//	sh FILE [ARG...]
//
// u-root's gosh, which has the same interpreter, won't do: at its prompt "exit
// 3" ends nothing, and what a pipe brings it reads to its end before it runs the
// first command.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"sync/atomic"

	"golang.org/x/sys/unix"
	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"
)

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// badUse is the status of a shell that can't make sense of what it reads (POSIX,
// sh, "Exit Status").
const badUse = 2

// interruptStatus is the status of what Ctrl-C ended.
const interruptStatus = 128 + int(unix.SIGINT)

// run is main; it returns the shell's status.
func run(args []string, stdin, stdout, stderr *os.File) int {
	s := &shell{parser: syntax.NewParser(syntax.Variant(syntax.LangBash)), stderr: stderr}
	var text io.Reader
	var name string
	switch {
	case len(args) > 0 && args[0] == "-c":
		if len(args) == 1 {
			_, _ = fmt.Fprintln(stderr, "sh: -c: expected a command line behind it")
			return badUse
		}
		text, args = strings.NewReader(args[1]), args[2:]
	case len(args) > 0 && strings.HasPrefix(args[0], "-"):
		_, _ = fmt.Fprintf(stderr, "sh: %s: no such option; expected: sh [-c LINE | FILE] [ARG...]\n", args[0])
		return badUse
	case len(args) > 0:
		f, err := os.Open(args[0])
		if err != nil {
			_, _ = fmt.Fprintln(stderr, "sh:", err)
			return 127
		}
		defer func() { _ = f.Close() }()
		text, name, args = f, args[0], args[1:]
	}
	var err error
	s.runner, err = interp.New(
		interp.StdIO(stdin, stdout, stderr),
		interp.Params(append([]string{"--"}, args...)...),
		interp.ExecHandlers(func(next interp.ExecHandlerFunc) interp.ExecHandlerFunc { return s.exec(next) }),
	)
	if err != nil {
		_, _ = fmt.Fprintln(stderr, "sh:", err)
		return 126
	}
	switch {
	case text != nil:
		return s.script(text, name)
	case isTerminal(stdin):
		return s.prompt(stdin, stdout)
	}
	return s.stream(stdin)
}

func isTerminal(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

type shell struct {
	runner *interp.Runner
	parser *syntax.Parser
	stderr io.Writer
	status int

	programs atomic.Int32 // how many run
}

// script runs all of a text.
func (s *shell) script(text io.Reader, name string) int {
	file, err := s.parser.Parse(text, name)
	if err != nil {
		s.complain(err)
		return badUse
	}
	s.do(context.Background(), file)
	return s.status
}

// stream runs each command as it comes, and leaves what it has not read yet to
// the commands: a byte at a time, as POSIX has it (sh, "STDIN").
func (s *shell) stream(in io.Reader) int {
	err := s.parser.Stmts(oneByte{in}, func(st *syntax.Stmt) bool {
		s.do(context.Background(), st)
		return !s.runner.Exited()
	})
	if s.runner.Exited() {
		return s.status
	}
	s.end()
	if err != nil {
		s.complain(err)
		return badUse
	}
	return s.status
}

// end runs what "trap … EXIT" says.
func (s *shell) end() {
	status := s.status
	s.do(context.Background(), &syntax.File{})
	if s.status == 0 {
		s.status = status
	}
}

// do runs a piece of a program and keeps its status.
func (s *shell) do(ctx context.Context, node syntax.Node) {
	defer func() {
		// The interpreter panics at what bash has and it has not.
		if r := recover(); r != nil {
			s.complain(fmt.Errorf("the interpreter can't: %v", r))
			s.status = badUse
		}
	}()
	err := s.runner.Run(ctx, node)
	status, isStatus := interp.IsExitStatus(err)
	switch {
	case ctx.Err() != nil:
		s.status = interruptStatus
	case err == nil || isStatus:
		s.status = int(status)
	default:
		s.complain(err)
		s.status = 1
	}
}

func (s *shell) complain(err error) { _, _ = fmt.Fprintln(s.stderr, "sh:", err) }

// setStatus sets what the next command finds in $?. The interpreter keeps that
// to itself.
func (s *shell) setStatus(status int) {
	st, err := syntax.NewParser().Parse(strings.NewReader(fmt.Sprintf("(exit %d)", status)), "")
	if err != nil {
		panic(err) // a constant but for a number
	}
	s.do(context.Background(), st.Stmts[0])
}

// interruptKey is where a context has the function that interrupts it.
type interruptKey struct{}

// foreground runs a piece of a program that Ctrl-C ends.
func (s *shell) foreground(node syntax.Node) {
	// Not cancelled at the end: what it left in the background goes on.
	ctx, interrupt := context.WithCancel(context.Background())
	ctx = context.WithValue(ctx, interruptKey{}, interrupt)
	// Caught and not ignored, which the programs would inherit (signal(7)).
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt)
	done := make(chan struct{})
	defer func() {
		signal.Stop(interrupts)
		close(done)
	}()
	go func() {
		for {
			select {
			case <-interrupts:
				if s.programs.Load() == 0 {
					interrupt()
				}
			case <-done:
				return
			}
		}
	}()
	s.do(ctx, node)
}

// exec runs a program. Ctrl-C reaches it from the terminal, and whether it ends
// by that is its own affair; if it does, so does the list it stands in.
func (s *shell) exec(next interp.ExecHandlerFunc) interp.ExecHandlerFunc {
	return func(ctx context.Context, args []string) error {
		s.programs.Add(1)
		err := next(context.WithoutCancel(ctx), args)
		s.programs.Add(-1)
		interrupt, inForeground := ctx.Value(interruptKey{}).(context.CancelFunc)
		if status, ok := interp.IsExitStatus(err); ok && int(status) == interruptStatus && inForeground {
			interrupt()
		}
		var failed *os.PathError
		if errors.As(err, &failed) { // found, and can't be run: it is no program
			s.complain(failed)
			return interp.NewExitStatus(126)
		}
		return err
	}
}

// oneByte reads one byte at a time.
type oneByte struct{ r io.Reader }

func (o oneByte) Read(b []byte) (int, error) { return o.r.Read(b[:min(1, len(b))]) }

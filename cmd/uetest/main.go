// Command uetest validates a kernel patch: it restores and applies the patch,
// builds the kernel, boots it in QEMU with Go selftests, and judges what the
// kernel does.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"uetest/internal/blame"
)

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// run is main with everything it touches as arguments. It returns the exit
// code.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	go func() {
		// The first signal ends the run in order, a second one at once: what
		// is left then is the guard process's to clear away.
		<-ctx.Done()
		stop()
	}()
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if ctx.Err() == nil {
		trimCache(stderr)
	}
	var code exitCode
	switch {
	case err == nil:
		return 0
	case ctx.Err() != nil:
		fmt.Fprintln(stderr, "uetest: interrupted")
		return int(blame.User)
	case errors.As(err, &code):
		return int(code)
	}
	fmt.Fprintf(stderr, "uetest: %v\n", err)
	return int(blame.Of(err))
}

// exitCode ends the program with a code after the verb has said everything.
type exitCode int

func (c exitCode) Error() string { return fmt.Sprintf("exit code %d", int(c)) }

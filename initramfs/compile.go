package initramfs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"uetest/internal/proc"
)

// A toolchain is the Go that compiles the guest's programs.
type toolchain struct {
	goroot string
	env    []string // the whole environment of the go command
}

// findToolchain asks the go command for its root. In a build with -trimpath
// this program does not know it by itself.
func findToolchain(ctx context.Context, o Options) (toolchain, error) {
	env := append(os.Environ(),
		"GOOS=linux", "GOARCH="+o.Arch, "CGO_ENABLED=0",
		// What the image depends on is set here or hashed; nothing else counts.
		"GOFLAGS=-mod=readonly", "GOWORK=off", "GOEXPERIMENT=", "GODEBUG=",
		"GO386=sse2", "GOAMD64=v1", "GOARM64=v8.0", "GORISCV64=rva20u64",
		// go prefers $PWD to the folder it runs in.
		"PWD="+o.Root,
	)
	out, err := proc.Output(ctx, proc.Cmd{Path: "go", Args: []string{"env", "GOROOT"}, Dir: o.Root, Env: env})
	if err != nil {
		return toolchain{}, err
	}
	return toolchain{goroot: strings.TrimSpace(string(out)), env: env}, nil
}

// buildFlags make a program that depends on nothing but its sources: no paths,
// no build id, no state of the repository.
var buildFlags = []string{"build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w -buildid="}

// compileGuest compiles the agent and the areas into the program out.
func compileGuest(ctx context.Context, o Options, tc toolchain, areas []area, work, out string) error {
	files := filepath.Join(work, "areas")
	if err := os.MkdirAll(files, 0o755); err != nil {
		return err
	}
	overlay, err := overlay(o.Root, areas, files)
	if err != nil {
		return err
	}
	args := append(slices.Clip(buildFlags), "-overlay", overlay, "-o", out, "./"+agentDir)
	err = tc.build(ctx, o.Root, args, "the guest program does not compile")
	if err != nil {
		// The compiler names the copies; line and column are those of the tree.
		return mended{err, strings.ReplaceAll(err.Error(), files+"/", "selftests/")}
	}
	return nil
}

// build runs go build. Its error has all that the compiler said.
func (tc toolchain) build(ctx context.Context, dir string, args []string, failed string) error {
	var lines bytes.Buffer
	err := proc.Run(ctx, proc.Cmd{Path: "go", Args: args, Dir: dir, Env: tc.env, Stderr: &lines, Scratch: true})
	var exit *proc.ExitError
	if errors.As(err, &exit) && exit.Cause == nil && lines.Len() > 0 {
		return fmt.Errorf("%s:\n%s", failed, bytes.TrimSpace(lines.Bytes()))
	}
	return err
}

// A mended error has another text.
type mended struct {
	error
	text string
}

func (m mended) Error() string { return m.text }
func (m mended) Unwrap() error { return m.error }

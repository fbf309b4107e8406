package initramfs

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/u-root/gobusybox/src/pkg/bb"
	"github.com/u-root/gobusybox/src/pkg/golang"
	"github.com/u-root/uio/ulog"

	"uetest/internal/proc"
)

// core is the import path of u-root's commands.
const core = "github.com/u-root/u-root/cmds/core/"

// shellDir is the shell's package in the module.
const shellDir = "initramfs/sh"

// commands are the shell and the commands for it. tools.go names u-root's of
// them, so that go.mod has what they need.
var commands = []string{
	core + "cat", core + "chmod", core + "cp", core + "df",
	core + "dmesg", core + "echo", core + "find", core + "free",
	core + "grep", core + "head", core + "hexdump", core + "id",
	core + "kill", core + "ln", core + "ls", core + "mkdir", core + "more",
	core + "mount", core + "mv", core + "printenv", core + "ps", core + "pwd", core + "rm", "uetest/" + shellDir,
	core + "sleep", core + "sort", core + "stty", core + "tail", core + "touch",
	core + "umount", core + "uname", core + "uptime", core + "wc",
}

// busybox returns the path of a program that holds all commands, made by
// gobusybox: a minute of a compiler's work, so it is kept by itself, and a
// changed selftest does not make it anew.
func busybox(ctx context.Context, o Options, tc toolchain, key string) (string, error) {
	entries, err := o.entries()
	if err != nil {
		return "", err
	}
	e, err := entries.Get(ctx, "shell-"+key, func(ctx context.Context, dir string) error {
		return createBusybox(ctx, o, tc, filepath.Join(dir, "bb"))
	})
	return e.Path("bb"), err
}

func createBusybox(ctx context.Context, o Options, tc toolchain, path string) error {
	work, remove, err := proc.TempDir("busybox-")
	if err != nil {
		return err
	}
	defer remove()

	// gobusybox writes one program out of many. It would also compile it, but
	// all of it each time ("-a"), without inlining, and past a deadline's reach.
	env := golang.Default(golang.DisableCGO(), golang.WithGOOS("linux"), golang.WithGOARCH(o.Arch),
		golang.WithGOROOT(tc.goroot), golang.WithWorkingDir(o.Root), golang.WithMod(golang.ModReadonly))
	var said bytes.Buffer
	err = bb.BuildBusybox(logTo{&said}, &bb.Opts{
		Env: env, GenSrcDir: work, CommandPaths: commands, GenerateOnly: true,
	})
	if err != nil {
		return fmt.Errorf("u-root's commands: %w\n%s", err, bytes.TrimSpace(said.Bytes()))
	}
	main := filepath.Join(work, "src/bb.u-root.com/bb")
	tc.env = append(slices.Clip(tc.env), "GO111MODULE=off", "GOFLAGS=", "GOPATH="+work, "PWD="+main)
	args := append(slices.Clip(buildFlags), "-o", path, ".")
	return tc.build(ctx, main, args, "u-root's commands do not compile")
}

// logTo keeps what gobusybox says, for the case that it fails.
type logTo struct{ *bytes.Buffer }

func (l logTo) Printf(format string, v ...any) { _, _ = fmt.Fprintf(l, format+"\n", v...) }

var _ ulog.Logger = logTo{}

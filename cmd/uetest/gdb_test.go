package main

import (
	"bufio"
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"uetest/internal/blame"
)

// debugged is what became of a uetest and of the gdb that was attached to each
// of its guests.
type debugged struct {
	code     int
	out, err string
	gdb      string
}

// debug runs uetest with --gdb and attaches gdb by the command that it prints,
// with commands to run.
func debug(t *testing.T, uetest, commands string, args ...string) debugged {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), shellLimit)
	defer cancel()
	script := filepath.Join(t.TempDir(), "commands")
	if err := os.WriteFile(script, []byte("set pagination off\nset width 0\n"+commands), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, uetest, append(slices.Clip(args), "-q", "--gdb")...)
	if i := slices.Index(args, "--"); i >= 0 {
		cmd.Args = slices.Concat([]string{uetest}, args[:i], []string{"-q", "--gdb"}, args[i:])
	}
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	var out bytes.Buffer
	cmd.Stdout = &out
	said, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var d debugged
	for lines := bufio.NewScanner(said); lines.Scan(); {
		line := lines.Text()
		d.err += line + "\n"
		if command, ok := strings.CutPrefix(line, "  gdb "); ok {
			// The line is a shell's. Without the start-up file of whoever runs
			// the tests; the commands come behind those of the line.
			seen, err := exec.CommandContext(ctx, "sh", "-c", "exec gdb "+command+" -nx -batch -x "+script).CombinedOutput()
			if err != nil {
				seen = append(seen, err.Error()...)
			}
			d.gdb += string(seen)
		}
	}
	_ = cmd.Wait() // the code is looked at
	d.code, d.out = cmd.ProcessState.ExitCode(), out.String()
	return d
}

// inOrder reports whether text has all of these, one behind the other.
func inOrder(text string, want []string) bool {
	for _, w := range want {
		_, rest, ok := strings.Cut(text, w)
		if !ok {
			return false
		}
		text = rest
	}
	return true
}

func TestGDB(t *testing.T) {
	t.Parallel()
	needKernel(t)
	if _, err := exec.LookPath("gdb"); err != nil {
		t.Skip("needs the package gdb: ", err)
	}
	uetest := buildUetest(t)
	const atIoctl = "break user_events_ioctl\ncontinue\nbacktrace 3\ndelete\ndetach\n"
	// The function's first line, the text of the source, and who called it.
	source := []string{"Breakpoint 1, user_events_ioctl (", "kernel/trace/trace_events_user.c:1692\n", "struct user_event_file_info *info = file->private_data;", "#0  user_events_ioctl (", "in vfs_ioctl (", "fs/ioctl.c:51\n"}
	for _, tt := range []struct {
		name     string
		commands string
		args     []string
		code     int
		gdb      []string // what gdb shows, in order
		out, err string
	}{
		{
			name: "a breakpoint in a run", commands: atIoctl,
			args: []string{"run", "--run", "enable/event-file"},
			gdb:  source, out: "1 test: 1 as expected",
		},
		{
			name: "from the first line of the kernel", commands: "hbreak start_kernel\ncontinue\ndelete\ndetach\n",
			args: []string{"run", "--run", "enable/event-file"},
			gdb:  []string{"Breakpoint 1, start_kernel () at init/main.c:"}, out: "1 test: 1 as expected",
		},
		{
			name: "on virtual time", commands: atIoctl,
			args: []string{"run", "--virtual-time", "--run", "enable/event-file"},
			gdb:  source, out: "1 test: 1 as expected",
		},
		{
			name: "killed before it boots", commands: "kill\n",
			args: []string{"run", "--run", "enable/event-file"},
			code: int(blame.User), out: "1 test: 1 missing", err: "uetest: gdb ended the guest",
		},
		{
			name: "killed in a test", commands: "break user_events_ioctl\ncontinue\nkill\n",
			args: []string{"run", "--run", "enable/event-file"},
			code: int(blame.User), gdb: []string{"Breakpoint 1, user_events_ioctl ("}, out: "1 test: 1 missing", err: "uetest: gdb ended the guest",
		},
		{
			name: "a fault", commands: "break user_event_enabler_write\ncontinue\ndelete\ndetach\n",
			args: []string{"repro", "page-end-oops", "--on", "rfc"},
			gdb:  []string{"user_event_enabler_write"}, out: "generation g1: reproduced",
		},
		{
			name: "a shell", commands: atIoctl,
			args: []string{"shell", "--", "/selftests/enable -run enable/event-file; exit 7"},
			code: 7, gdb: source, out: "enable/event-file: done",
		},
		{
			name: "a shell that is killed", commands: "kill\n",
			args: []string{"shell", "--", "true"},
			code: int(blame.User), err: "uetest: gdb ended the guest",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := debug(t, uetest, tt.commands, tt.args...)
			if got.code != tt.code || !strings.Contains(got.out, tt.out) || !strings.Contains(got.err, tt.err) || !inOrder(got.gdb, tt.gdb) {
				t.Errorf("exit code %d, want %d; gdb:\n%s\nwant %q\nstandard output:\n%s\nstandard error:\n%s", got.code, tt.code, got.gdb, tt.gdb, got.out, got.err)
			}
		})
	}
}

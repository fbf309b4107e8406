package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// processes returns the command lines of all processes, each argument with a
// blank behind it.
func processes(t *testing.T) map[int]string {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	found := map[int]string{}
	for _, f := range files {
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(f)))
		if err != nil {
			continue
		}
		// A process may be gone by now; a kernel thread has none.
		if cmdline, err := os.ReadFile(f); err == nil && len(cmdline) > 0 {
			found[pid] = strings.ReplaceAll(string(cmdline), "\x00", " ")
		}
	}
	return found
}

// inherited reports whether a process inherited a variable of the environment.
func inherited(pid int, variable string) bool {
	env, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	return err == nil && slices.Contains(strings.Split(string(env), "\x00"), variable)
}

// However a run ends, it leaves no process and no file behind.
func TestDeathLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("boots a kernel; not with -short")
	}
	if _, err := os.Stat("/usr/src/linux-source-6.1.tar.xz"); err != nil {
		t.Skip("needs the package linux-source-6.1: ", err)
	}
	uetest := buildUetest(t)
	for _, tt := range []struct {
		name   string
		signal os.Signal
		want   int // exit code; -1 is a death by signal
		guests int
	}{
		{"interrupted", os.Interrupt, 130, 1},
		{"interrupted with two guests", os.Interrupt, 130, 2},
		{"terminated", syscall.SIGTERM, 130, 1},
		{"killed", syscall.SIGKILL, -1, 1},
		{"killed with two guests", syscall.SIGKILL, -1, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
			defer cancel()
			tmp := t.TempDir()
			progress, err := os.Create(filepath.Join(t.TempDir(), "progress"))
			if err != nil {
				t.Fatal(err)
			}
			defer progress.Close()
			said := func() string {
				text, err := os.ReadFile(progress.Name())
				if err != nil {
					t.Fatal(err)
				}
				return string(text)
			}
			var stdout bytes.Buffer
			cmd := exec.CommandContext(ctx, uetest, "run", "--accel", "tcg", "-j", "2")
			cmd.Env = append(os.Environ(), "TMPDIR="+tmp)
			cmd.Stdout, cmd.Stderr = &stdout, progress
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			descendants := func() []string {
				return slices.Collect(maps.Values(started(t, cmd.Process.Pid, tmp)))
			}
			guests := func() (n int) {
				for _, p := range descendants() {
					if strings.HasPrefix(p, "qemu-system") {
						n++
					}
				}
				return n
			}
			for guests() < tt.guests || !strings.Contains(said(), "rfc tests ") { // amid them
				if ctx.Err() != nil {
					t.Fatalf("no test began:\n%s", said())
				}
				time.Sleep(50 * time.Millisecond)
			}
			if err := cmd.Process.Signal(tt.signal); err != nil {
				t.Fatal(err)
			}
			err = cmd.Wait()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != tt.want {
				t.Errorf("got %v, want exit code %d\n%s", err, tt.want, said())
			}
			deadline := time.Now().Add(10 * time.Second)
			for len(descendants()) > 0 && time.Now().Before(deadline) {
				time.Sleep(50 * time.Millisecond)
			}
			if left := descendants(); len(left) > 0 {
				t.Errorf("left behind: %s", left)
			}
			for time.Now().Before(deadline) {
				if files, _ := os.ReadDir(tmp); len(files) == 0 {
					break
				}
				time.Sleep(50 * time.Millisecond)
			}
			if files, _ := os.ReadDir(tmp); len(files) > 0 {
				t.Errorf("left in the temporary directory: %v", files)
			}
			if tt.want == 130 && (!strings.Contains(stdout.String(), "ENDED EARLY interrupted") || strings.Contains(stdout.String(), "context canceled")) {
				t.Errorf("the results so far were not printed:\n%s", stdout.String())
			}
		})
	}
}

package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// processesWith returns the command lines of all processes that name text.
func processesWith(t *testing.T, text string) []string {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, f := range files {
		// A process may be gone by now.
		if data, err := os.ReadFile(f); err == nil && bytes.Contains(data, []byte(text)) {
			found = append(found, strings.ReplaceAll(string(data), "\x00", " "))
		}
	}
	return found
}

// However a run ends, it leaves no process and no file behind.
func TestDeathLeavesNothingBehind(t *testing.T) {
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
	}{
		{"interrupted", os.Interrupt, 130},
		{"terminated", syscall.SIGTERM, 130},
		{"killed", syscall.SIGKILL, -1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
			defer cancel()
			tmp := t.TempDir()
			var stdout, stderr bytes.Buffer
			cmd := exec.CommandContext(ctx, uetest, "run", "--accel", "tcg")
			cmd.Env = append(os.Environ(), "TMPDIR="+tmp)
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			cache, err := cacheDir()
			if err != nil {
				t.Fatal(err)
			}
			// The console's path names the run, and so QEMU's command line.
			mark := func() []string {
				var ours []string
				for _, p := range processesWith(t, filepath.Join(cache, "runs")) {
					if strings.Contains(p, "qemu-system") && strings.Contains(p, "-rfc-") {
						ours = append(ours, p)
					}
				}
				return ours
			}
			for len(mark()) == 0 {
				if ctx.Err() != nil {
					t.Fatalf("QEMU did not start:\n%s", stderr.String())
				}
				time.Sleep(50 * time.Millisecond)
			}
			time.Sleep(2 * time.Second) // amid the tests
			if err := cmd.Process.Signal(tt.signal); err != nil {
				t.Fatal(err)
			}
			err = cmd.Wait()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != tt.want {
				t.Errorf("got %v, want exit code %d\n%s", err, tt.want, stderr.String())
			}
			deadline := time.Now().Add(10 * time.Second)
			for len(mark()) > 0 && time.Now().Before(deadline) {
				time.Sleep(50 * time.Millisecond)
			}
			if left := mark(); len(left) > 0 {
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
			if tt.want == 130 && !strings.Contains(stdout.String(), "interrupted") {
				t.Errorf("the results so far were not printed:\n%s", stdout.String())
			}
		})
	}
}

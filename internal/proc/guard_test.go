package proc

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestNothingIsLeftHoweverUetestEnds(t *testing.T) {
	for _, tt := range []struct {
		name, mode string
		sig        syscall.Signal
		within     time.Duration
	}{
		{"killed with SIGKILL", "plain", syscall.SIGKILL, 2 * time.Second},
		{"killed with SIGKILL, children ignore SIGTERM", "stubborn", syscall.SIGKILL, 8 * time.Second},
		{"interrupted", "plain", syscall.SIGINT, 2 * time.Second},
		{"interrupted, children ignore SIGTERM", "stubborn", syscall.SIGINT, 2 * time.Second},
		{"aborted with SIGQUIT", "quit", syscall.SIGQUIT, 2 * time.Second},
		{"panic", "panic", 0, 2 * time.Second},
		{"os.Exit", "exit", 0, 2 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h, pgid, dir := startHelper(t, tt.mode)
			if tt.sig != 0 {
				if gone(dir) {
					t.Fatalf("%s is not there while the helper runs", dir)
				}
				if err := h.Signal(tt.sig); err != nil {
					t.Fatal(err)
				}
			}
			eventually(t, tt.within, "no process of the group and no directory", func() bool {
				return len(Members(pgid)) == 0 && gone(dir)
			})
		})
	}
}

func TestGuardIsReplacedIfKilled(t *testing.T) {
	dir, remove, err := TempDir("guard-*")
	if err != nil {
		t.Fatal(err)
	}
	defer remove()
	theGuard.mu.Lock()
	first := theGuard.cmd.Process
	theGuard.mu.Unlock()
	if err := first.Kill(); err != nil {
		t.Fatal(err)
	}
	eventually(t, 5*time.Second, "a new guard", func() bool {
		if err := Run(context.Background(), Cmd{Path: "true"}); err != nil {
			t.Fatal(err)
		}
		theGuard.mu.Lock()
		defer theGuard.mu.Unlock()
		return theGuard.cmd.Process.Pid != first.Pid
	})
	theGuard.mu.Lock()
	defer theGuard.mu.Unlock()
	if !theGuard.entries["d "+dir] {
		t.Errorf("the new guard was not told of %s", dir)
	}
}

// runGuard feeds the script and returns after it has ended.
func runGuard(t *testing.T, lines ...string) {
	t.Helper()
	cmd, script, err := guardCmd()
	if err != nil {
		t.Fatal(err)
	}
	defer script.Close()
	defer time.AfterFunc(20*time.Second, func() { _ = cmd.Process.Kill() }).Stop()
	cmd.Stdin = strings.NewReader(strings.Join(lines, "\n") + "\n")
	if out, err := cmd.CombinedOutput(); err != nil || len(out) != 0 {
		t.Fatalf("guard: %v, said %q; want silence", err, out)
	}
}

func TestGuardRemovesOnlyWhatIsLeftAndUetests(t *testing.T) {
	root := filepath.Join(t.TempDir(), "with blank; $x 'q' *")
	left, taken, other := root+"/uetest-left", root+"/uetest-taken", root+"/other"
	for _, d := range []string{left, taken, other} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	runGuard(t, "+d "+left, "+d "+taken, "+d "+other, "-d "+taken, "+d uetest-relative", "-d /not/known", "nonsense")
	if !gone(left) {
		t.Errorf("%s is left", left)
	}
	if gone(taken) {
		t.Errorf("%s is gone, though it was taken back", taken)
	}
	if gone(other) {
		t.Errorf("%s is gone, which uetest did not make", other)
	}
}

func TestGuardSparesAReusedGroupNumber(t *testing.T) {
	start := func() *Process {
		p, err := Start(t.Context(), Cmd{Path: "sleep", Args: []string{"300"}})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	ours, theirs := start(), start()
	defer theirs.Kill()
	runGuard(t,
		fmt.Sprintf("+g %d %d", ours.Pid(), startTime(ours.Pid())),
		fmt.Sprintf("+g %d %d", theirs.Pid(), startTime(theirs.Pid())-1))
	eventually(t, 5*time.Second, "the end of our process", func() bool { return len(Members(ours.Pid())) == 0 })
	if len(Members(theirs.Pid())) != 1 {
		t.Error("a process was ended whose start time is not the one that was noted")
	}
}

// With the write end in a child, the guard would wait for that child's end.
func TestChildrenDoNotInheritTheGuardsPipe(t *testing.T) {
	if err := theGuard.ensure(); err != nil {
		t.Fatal(err)
	}
	pipe, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", theGuard.pipe.Fd()))
	if err != nil || !strings.HasPrefix(pipe, "pipe:") {
		t.Fatalf("%q, %v", pipe, err)
	}
	out, err := Output(t.Context(), Cmd{Path: "ls", Args: []string{"-l", "/proc/self/fd"}})
	if err != nil || !strings.Contains(string(out), "0 -> /dev/null") || strings.Contains(string(out), pipe) {
		t.Errorf("descriptors of a child (%v), where %s should not be:\n%s", err, pipe, out)
	}
}

// The parent-death signal comes with the end of the thread that forked. Here
// every thread that Go had is ended after the start.
func TestChildSurvivesTheThreadThatAskedForIt(t *testing.T) {
	var p *Process
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocks: the thread ends with this goroutine
		var err error
		p, err = Start(t.Context(), Cmd{Path: "sleep", Args: []string{"300"}})
		done <- err
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	defer p.Kill()
	select {
	case <-p.Done():
		t.Errorf("the process ended with the thread: %v", p.Wait())
	case <-time.After(300 * time.Millisecond):
	}
}

package kit

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"uetest/internal/wire"
)

// inTest runs body as a selftest on the machine that runs the tests, and
// returns what it reported.
func inTest(body func(*T)) (seen []wire.Message, end wire.Message) {
	to := sender{func(m wire.Message) error { seen = append(seen, m); return nil }, -1}
	end = runOne("kit/test", body, to)
	return seen, end
}

// want is inTest for a body that has to end well.
func want(t *testing.T, body func(*T)) {
	t.Helper()
	if _, end := inTest(body); end.Status != wire.Done {
		t.Fatalf("ended %s: %s", end.Status, end.Text)
	}
}

func TestChildSeesPrivateMemoryOfItsOwnAndSharedMemoryOfBoth(t *testing.T) {
	want(t, func(k *T) {
		private, shared := k.Word(), k.SharedAnonymous(1).Word(0)
		private.Store(1)
		shared.Store(1)
		c := k.Fork()
		private.Store(2)
		shared.Store(2)
		if got := c.Load(private); got != 1 {
			t.Errorf("private word in the child: got %d, want 1", got)
		}
		if got := c.Load(shared); got != 2 {
			t.Errorf("shared word in the child: got %d, want 2", got)
		}
		c.Store(private, 3)
		c.Store(shared, 3)
		if private.Load() != 2 || shared.Load() != 3 {
			t.Errorf("parent after the child's stores: private %d, shared %d; want 2, 3", private.Load(), shared.Load())
		}
		c.Exit()
	})
}

func TestChildMakesSystemCalls(t *testing.T) {
	want(t, func(k *T) {
		c := k.Fork()
		pid, err := c.Syscall(unix.SYS_GETPID)
		if err != nil || pid != c.PID() {
			t.Errorf("getpid: got %d, %v; want %d", pid, err, c.PID())
		}
		if _, err := c.Syscall(unix.SYS_CLOSE, ^uintptr(0)); err != unix.EBADF {
			t.Errorf("close(-1): got %v, want EBADF", err)
		}
		// What is left alive is killed at the end of the test.
	})
}

func TestChildIsGoneAfterTheTest(t *testing.T) {
	var pid int
	want(t, func(k *T) { pid = k.Fork().PID() })
	if err := unix.Kill(pid, 0); err != unix.ESRCH {
		t.Errorf("kill(%d, 0): %v, want ESRCH", pid, err)
	}
}

func TestChildThatDiesIsAFailureAndNoHang(t *testing.T) {
	_, end := inTest(func(k *T) {
		m := k.Anonymous(1)
		c := k.Fork()
		m.Protect(unix.PROT_NONE)
		w := Word{m, 0}
		if _, err := c.Syscall(unix.SYS_MUNMAP, uintptr(m.Addr(0)), 4096); err != nil {
			k.Fatalf("munmap in the child: %v", err)
		}
		c.Load(w) // SIGSEGV, which can't be blocked when it is the child's own fault
	})
	if end.Status != wire.Failed || !strings.Contains(end.Text, "the child died") {
		t.Errorf("got %s %q", end.Status, end.Text)
	}
}

// forkAndWait, in the environment, makes the test binary a process that forks,
// prints the child's pid and waits to be killed.
const forkAndWait = "UETEST_KIT_FORK_AND_WAIT"

func TestMain(m *testing.M) {
	Parked(os.Args)
	if os.Getenv(forkAndWait) != "" {
		runOne("kit/test", func(k *T) {
			fmt.Println(k.Fork().PID())
			time.Sleep(time.Minute)
		}, sender{func(wire.Message) error { return nil }, -1})
		return
	}
	os.Exit(m.Run())
}

func TestChildDiesWhenItsParentIsKilled(t *testing.T) {
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), forkAndWait+"=1")
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	var pid int
	_, scanErr := fmt.Fscan(out, &pid)
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait() // "signal: killed"
	if scanErr != nil {
		t.Fatal(scanErr)
	}
	for deadline := time.Now().Add(5 * time.Second); alive(pid); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			_ = unix.Kill(pid, unix.SIGKILL)
			t.Fatalf("child %d outlived its parent", pid)
		}
	}
}

// alive reports whether a process runs. A zombie that nobody reaps does not.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(after, "Z") && !strings.HasPrefix(after, "X")
}

// TestForksDoNotHang makes many children while the runtime is as busy as it
// can be with signals, collections and other threads: a child that entered
// the runtime, or took a signal, would hang sooner or later.
func TestForksDoNotHang(t *testing.T) {
	rounds := 500
	if testing.Short() {
		rounds = 50
	}
	stop := make(chan struct{})
	defer close(stop)
	for range 4 {
		go func() {
			var keep [][]byte
			for {
				select {
				case <-stop:
					return
				default:
				}
				if keep = append(keep, make([]byte, 1<<12)); len(keep) > 1000 {
					keep = nil
					runtime.GC()
				}
			}
		}()
	}
	want(t, func(k *T) {
		w := k.Word()
		for i := range rounds {
			c := k.Fork()
			c.Store(w, uint32(i))
			if got := c.Load(w); got != uint32(i) {
				k.Fatalf("round %d: child has %d", i, got)
			}
			if i%2 == 0 {
				c.Exit()
			} else if err := c.kill(); err != nil {
				k.Fatalf("round %d: %v", i, err)
			}
			if w.Load() != 0 {
				k.Fatalf("round %d: the child's store reached the parent", i)
			}
		}
	})
}

func TestReapedChildLeavesNoDescriptor(t *testing.T) {
	var lowest []int
	for range 3 {
		want(t, func(k *T) { k.Fork().Exit(); k.Fork() })
		fd, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		lowest = append(lowest, fd)
		if err := unix.Close(fd); err != nil {
			t.Fatal(err)
		}
	}
	if lowest[0] != lowest[2] {
		t.Errorf("lowest free descriptors: %v", lowest)
	}
}

func TestGoneChildIsToldFromOtherErrors(t *testing.T) {
	want(t, func(k *T) {
		c := k.Fork()
		c.Exit()
		c.reaped = true
		if err := c.call(); err == nil || errors.Is(err, errGone) {
			t.Errorf("a command to a child that is gone: %v", err)
		}
	})
}

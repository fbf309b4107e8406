package kit

import (
	"os"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"uetest/internal/wire"
)

func TestLineageForksFromOneAnother(t *testing.T) {
	want(t, func(k *T) {
		private, shared := k.Word(), k.SharedAnonymous(1).Word(0)
		l := k.Lineage(4)
		a := l.Start()
		a.Store(private, 1)
		b, c := a.Fork(), a.Fork()
		d := b.Fork()
		b.Store(private, 2)
		d.Store(private, 3)
		d.Store(shared, 4)
		for name, tt := range map[string]struct {
			child *Child
			want  uint32
		}{"first": {a, 1}, "its fork": {b, 2}, "another": {c, 1}, "the fork's fork": {d, 3}} {
			if got := tt.child.Load(private); got != tt.want || tt.child.Load(shared) != 4 {
				t.Errorf("%s: private word %d, want %d; shared %d, want 4", name, got, tt.want, tt.child.Load(shared))
			}
			if ppid, err := tt.child.Syscall(unix.SYS_GETPPID); err != nil || ppid != os.Getpid() {
				t.Errorf("%s: parent %d, %v, want the test, %d", name, ppid, err, os.Getpid())
			}
		}
		// Its place is used again, also after one that was killed.
		b.Kill()
		for range 20 {
			e := c.Fork()
			if got := e.Load(private); got != 1 {
				t.Errorf("a later fork: private word %d, want 1", got)
			}
			e.Exit()
		}
	})
}

func TestLineageIsOfSoManyProcesses(t *testing.T) {
	_, end := inTest(func(k *T) {
		a := k.Lineage(2).Start()
		a.Fork()
		a.Fork()
	})
	if end.Status != wire.Failed {
		t.Errorf("a third of two processes: %+v", end)
	}
}

func TestPassedDescriptorIsTheSameFile(t *testing.T) {
	want(t, func(k *T) {
		sockets, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		k.Check(err)
		file := k.Memfd(1)
		l := k.Lineage(2)
		a := l.Start()
		b := a.Fork()
		fd, err := a.Syscall(unix.SYS_FCNTL, uintptr(file), unix.F_DUPFD, 40)
		k.Check(err)
		got := a.Pass(fd, sockets, b)
		flags, err := b.Syscall(unix.SYS_FCNTL, uintptr(got), unix.F_GETFD, 0)
		if err != nil || flags != unix.FD_CLOEXEC {
			t.Errorf("descriptor %d: flags %d, %v; want it closed on exec", got, flags, err)
		}
		text := b.Bytes("passed")
		if n, err := b.Syscall(unix.SYS_WRITE, uintptr(got), text, 6); n != 6 || err != nil {
			t.Fatalf("write to the passed descriptor: %d, %v", n, err)
		}
		content := make([]byte, 6)
		if _, err := unix.Pread(file, content, 0); err != nil || string(content) != "passed" {
			t.Errorf("the file holds %q, %v", content, err)
		}
		k.Check(unix.Close(sockets[0]))
		k.Check(unix.Close(sockets[1]))
	})
}

// A look brings no page in and copies none.
func TestLookAtMemoryLeavesItAsItIs(t *testing.T) {
	want(t, func(k *T) {
		m := k.Anonymous(3)
		m.Word(0).Store(7)
		l := k.Lineage(2)
		a := l.Start()
		look := a.Memory()
		defer look.Close()
		for range 2 {
			if got := look.Present(m.Addr(0), 3); !got[0] || got[1] || got[2] {
				t.Errorf("present: %v, want the first page alone", got)
			}
			if got := look.Word(m.Addr(0)); got != 7 {
				t.Errorf("word %d, want 7", got)
			}
		}
		a.Load(m.Word(4096))
		if got := look.Present(m.Addr(0), 3); !got[1] || got[2] {
			t.Errorf("after a load of the second page: %v", got)
		}
	})
}

// The test binary is what Exec executes here. It answers as an area's program
// does (TestMain).
func TestExecutedImageKeepsWhatIsToBeKept(t *testing.T) {
	want(t, func(k *T) {
		closed, kept := k.Memfd(1), k.Memfd(1)
		l := k.Lineage(2)
		a := l.Start()
		b := a.Fork()
		_, err := a.Syscall(unix.SYS_FCNTL, uintptr(kept), unix.F_SETFD, 0)
		k.Check(err)
		a.Exec("kit")
		for fd, want := range map[int]bool{closed: false, kept: true} {
			link, err := os.Readlink("/proc/" + strconv.Itoa(a.PID()) + "/fd/" + strconv.Itoa(fd))
			if held := err == nil && link == "/memfd:uetest (deleted)"; held != want {
				t.Errorf("descriptor %d, %q, %v; held %t, want %t", fd, link, err, held, want)
			}
		}
		a.Kill()
		if pid, err := b.Syscall(unix.SYS_GETPID); err != nil || pid != b.PID() {
			t.Errorf("the fork of the one that was executed and killed: pid %d, %v", pid, err)
		}
	})
}

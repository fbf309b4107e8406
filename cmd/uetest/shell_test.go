package main

import (
	"bytes"
	"os"
	"os/exec"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"uetest/internal/blame"
)

// shellLimit is what a boot and a command may take on a busy machine without
// KVM.
const shellLimit = 120 * time.Second

// person sits at a terminal where uetest runs.
type person struct {
	t        *testing.T
	tty, us  *os.File
	cmd      *exec.Cmd
	before   *unix.Termios
	ended    chan struct{}
	mu       sync.Mutex
	seen     bytes.Buffer
	answered int // how much of seen was looked at
}

// sit starts uetest at a terminal of 33 by 101 characters.
func sit(t *testing.T, file string, args ...string) *person {
	t.Helper()
	us, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	p := &person{t: t, tty: tty, us: us, ended: make(chan struct{})}
	t.Cleanup(func() { _, _ = us.Close(), tty.Close() })
	p.resize(33, 101)
	p.before = p.settings()
	p.cmd = exec.Command(file, args...)
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = tty, tty, tty
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	p.cmd.Env = append(os.Environ(), "TERM=vt100")
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.cmd.Process.Kill() })
	go func() {
		_ = p.cmd.Wait() // the code is looked at
		close(p.ended)
	}()
	go func() {
		buf := make([]byte, 4096)
		for {
			n, err := us.Read(buf)
			p.mu.Lock()
			p.seen.Write(buf[:n])
			p.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return p
}

func (p *person) resize(rows, cols uint16) {
	p.t.Helper()
	if err := pty.Setsize(p.us, &pty.Winsize{Rows: rows, Cols: cols}); err != nil {
		p.t.Fatal(err)
	}
}

func (p *person) settings() *unix.Termios {
	p.t.Helper()
	s, err := unix.IoctlGetTermios(int(p.tty.Fd()), unix.TCGETS)
	if err != nil {
		p.t.Fatal(err)
	}
	return s
}

// sees waits for text behind what was seen before.
func (p *person) sees(text string) {
	p.t.Helper()
	for end := time.Now().Add(shellLimit); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		p.mu.Lock()
		rest := p.seen.Bytes()[p.answered:]
		i := bytes.Index(rest, []byte(text))
		if i >= 0 {
			p.answered += i + len(text)
		}
		p.mu.Unlock()
		if i >= 0 {
			return
		}
		select {
		case <-p.ended:
			time.Sleep(100 * time.Millisecond) // what it said at its end
			p.mu.Lock()
			late := bytes.Contains(p.seen.Bytes()[p.answered:], []byte(text))
			all := p.seen.String()
			p.mu.Unlock()
			if !late {
				p.t.Fatalf("uetest ended without %q:\n%s", text, all)
			}
		default:
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.t.Fatalf("no %q within %v:\n%s", text, shellLimit, p.seen.String())
}

func (p *person) types(text string) {
	p.t.Helper()
	if _, err := p.us.WriteString(text); err != nil {
		p.t.Fatal(err)
	}
}

// leaves checks the exit code, and that the terminal is as it was.
func (p *person) leaves(code int) {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(shellLimit):
		p.mu.Lock()
		defer p.mu.Unlock()
		p.t.Fatalf("uetest still runs:\n%s", p.seen.String())
	}
	if got := p.cmd.ProcessState.ExitCode(); got != code {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.t.Errorf("exit code %d, want %d:\n%s", got, code, p.seen.String())
	}
	p.isBack()
}

// isBack checks that the terminal is as it was.
func (p *person) isBack() {
	p.t.Helper()
	var after *unix.Termios
	for range 300 { // a guard may be at it
		if after = p.settings(); reflect.DeepEqual(after, p.before) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	p.t.Errorf("the terminal was\n%+v and is\n%+v", *p.before, *after)
}

func needKernel(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("boots kernels; not with -short")
	}
	if _, err := os.Stat("/usr/src/linux-source-6.1.tar.xz"); err != nil {
		t.Skip("needs the package linux-source-6.1: ", err)
	}
}

func TestShellAtATerminal(t *testing.T) {
	t.Parallel()
	needKernel(t)
	uetest := buildUetest(t)
	const prompt = "\r\n$ "
	t.Run("is the guest's", func(t *testing.T) {
		t.Parallel()
		p := sit(t, uetest, "shell", "-q")
		p.sees("Ctrl-A X leaves")
		p.sees("/selftests/enable -run enable/registered-word")
		p.sees(prompt)
		p.types("uname -r\r")
		p.sees("\r\n6.1.")
		p.sees(prompt)
		p.types("stty\r")
		p.sees("rows:33 cols:101")
		p.sees(prompt)
		p.resize(20, 70)
		time.Sleep(200 * time.Millisecond)
		p.types("stty\r")
		p.sees("rows:20 cols:70")
		p.sees(prompt)
		p.types("printenv TERM\r")
		p.sees("vt100")
		p.sees(prompt)
		// Ctrl-C ends the program and neither the shell nor uetest.
		p.types("sleep 1000\r")
		p.sees("1000\r\n")
		time.Sleep(300 * time.Millisecond)
		p.types("\x03")
		p.sees("$ ")
		p.types("/selftests/enable -run enable/event-file\r")
		p.sees("enable/event-file: done")
		p.sees(prompt)
		// The status of the last program, tab, history, several lines.
		p.types("cat /sys/kernel/tracing/user_events_st\t\r")
		p.sees("Active: 0")
		p.sees(prompt)
		p.types("\x1b[A\r")
		p.sees("Active: 0")
		p.sees(prompt)
		p.types("for i in 1 2; do\recho line $i\rdone\r")
		p.sees("\r\nline 1\r\nline 2")
		p.sees(prompt)
		p.types("false\r")
		p.sees(prompt)
		p.types("echo status $?\r")
		p.sees("\r\nstatus 1\r\n")
		p.types("exit 3\r")
		p.leaves(3)
	})
	t.Run("runs a command", func(t *testing.T) {
		t.Parallel()
		p := sit(t, uetest, "shell", "-q", "--", "tty; exit 7")
		p.leaves(7)
	})
	t.Run("is left by its keys", func(t *testing.T) {
		t.Parallel()
		p := sit(t, uetest, "shell", "-q")
		p.sees(prompt)
		p.types("sleep 1000\r\x01x")
		p.sees("left the guest")
		p.leaves(int(blame.User))
	})
	t.Run("says a panic", func(t *testing.T) {
		t.Parallel()
		p := sit(t, uetest, "shell", "-q")
		p.sees(prompt)
		p.types("echo c > /proc/sysrq-trigger\r")
		p.sees("Call Trace")
		p.sees("uetest: Kernel panic - not syncing: sysrq triggered crash")
		p.leaves(int(blame.Kernel))
	})
	t.Run("ends with SIGTERM", func(t *testing.T) {
		t.Parallel()
		p := sit(t, uetest, "shell", "-q")
		p.sees(prompt)
		if reflect.DeepEqual(p.settings(), p.before) {
			t.Fatal("the terminal is not raw")
		}
		if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		p.leaves(int(blame.User))
	})
	t.Run("ends with SIGKILL", func(t *testing.T) {
		t.Parallel()
		p := sit(t, uetest, "shell", "-q")
		p.sees(prompt)
		if err := p.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		p.leaves(-1)
	})
	t.Run("ends with QEMU", func(t *testing.T) {
		t.Parallel()
		p := sit(t, uetest, "shell", "-q")
		p.sees(prompt)
		for _, pid := range children(t, p.cmd.Process.Pid) {
			name, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/comm")
			if strings.HasPrefix(string(name), "qemu") {
				if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
					t.Fatal(err)
				}
			}
		}
		p.sees("QEMU was killed by signal 9")
		p.leaves(int(blame.Host))
	})
}

// children are the processes that pid has started.
func children(t *testing.T, pid int) []int {
	t.Helper()
	out, err := exec.Command("ps", "-o", "pid=", "--ppid", strconv.Itoa(pid)).Output()
	if err != nil {
		t.Fatal(err)
	}
	var pids []int
	for _, f := range strings.Fields(string(out)) {
		n, err := strconv.Atoi(f)
		if err != nil {
			t.Fatal(err)
		}
		pids = append(pids, n)
	}
	return pids
}

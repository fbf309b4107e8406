package vm

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"uetest/internal/blame"
	"uetest/internal/proc"
)

// endLimit is what the smallest of guests may take on a busy machine.
const endLimit = 20 * time.Second

func TestEndTellsWhatTheGuestDid(t *testing.T) {
	t.Parallel()
	needQEMU(t)
	const report = "[    1.0] Kernel panic - not syncing: Attempted to kill init!\r\nmore\r\n"
	for _, tt := range []struct {
		name    string
		machine Machine
		text    string
		code    [][]byte
		want    End
		party   blame.Party // 0: no error
		err     string
	}{
		{"switches itself off", Q35, "", [][]byte{codePowerOff, codeHalt}, PoweredOff, 0, ""},
		{"resets itself and says so", Microvm, "[    1.0] reboot: Restarting system\r\n", [][]byte{codePrint(), codeTripleFault}, Restarted, 0, ""},
		{"triple fault", Microvm, "hello\r\n", [][]byte{codePrint(), codeTripleFault}, Crashed, blame.Kernel, "triple fault"},
		{"triple fault on q35", Q35, "", [][]byte{codeTripleFault}, Crashed, blame.Kernel, "triple fault"},
		{"panic on the console only", Microvm, report, [][]byte{codePrint(), codeTripleFault}, Panicked, blame.Kernel, "Kernel panic - not syncing: Attempted to kill init!"},
		{"panic reported and reset", Microvm, report, [][]byte{codePrint(), codePanic, codeTripleFault}, Panicked, blame.Kernel, "Attempted to kill init!"},
		{"panic reported, nothing printed", Microvm, "", [][]byte{codePanic, codeTripleFault}, Panicked, blame.Kernel, "the console has nothing"},
		{"panic reported and no reset", Microvm, report, [][]byte{codePrint(), codePanic, codeHalt}, Panicked, blame.Kernel, "did not reset the machine"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			v := start(t, Config{Machine: tt.machine, Kernel: kernel(t, tt.text, tt.code...)})
			ends(t, v, endLimit)
			if v.End() != tt.want {
				t.Errorf("got %q, want %q", v.End(), tt.want)
			}
			err := v.Err()
			switch {
			case tt.party == 0 && err != nil:
				t.Errorf("got %v", err)
			case tt.party != 0 && (err == nil || blame.Of(err) != tt.party || !strings.Contains(err.Error(), tt.err)):
				t.Errorf("got %v, want %q, the fault of %v", err, tt.err, tt.party)
			}
			if got, want := strings.Join(v.ConsoleTail(9), "\r\n"), strings.TrimSpace(tt.text); got != want {
				t.Errorf("console %q, want %q", got, want)
			}
			if err := v.Close(); err != nil || v.End() != tt.want {
				t.Errorf("Close after the end: %v, %q", err, v.End())
			}
		})
	}
}

func TestSilentKernelLeavesTheConsoleEmptyAndRuns(t *testing.T) {
	t.Parallel()
	needQEMU(t)
	for _, m := range []Machine{Microvm, Q35} {
		v := start(t, Config{Machine: m, Kernel: kernel(t, "", codeHalt)})
		time.Sleep(300 * time.Millisecond) // the firmware would have printed
		if got := v.ConsoleTail(1); len(got) != 0 || v.End() != Running || v.Err() != nil {
			t.Errorf("%s: console %q, %q, %v", m.Type, got, v.End(), v.Err())
		}
		if s, err := v.Monitor().Status(t.Context()); err != nil || !s.Running {
			t.Errorf("%s: %+v, %v", m.Type, s, err)
		}
		if err := v.Close(); err != nil || v.End() != Closed || v.Err() != nil {
			t.Errorf("%s: %v, %q, %v", m.Type, err, v.End(), v.Err())
		}
	}
}

func TestQEMUThatDoesNotStartIsTheHostsInItsOwnWords(t *testing.T) {
	needQEMU(t)
	dir := t.TempDir()
	text := filepath.Join(dir, "text")
	if err := os.WriteFile(text, []byte(strings.Repeat("no kernel\n", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	script := filepath.Join(dir, "qemu")
	if err := os.WriteFile(script, []byte("#!/bin/sh\necho \"qemu: cannot set up guest memory: $#\" >&2\nexit 3\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	halt := kernel(t, "", codeHalt)
	nope := Microvm
	nope.Type = "nope"
	for name, tt := range map[string]struct {
		c    Config
		want string
	}{
		"not there":             {Config{QEMU: dir + "/missing", Kernel: halt}, dir + "/missing: no such file or directory"},
		"not in PATH":           {Config{QEMU: "qemu-system-nothing", Kernel: halt}, "qemu-system-nothing: executable file not found"},
		"fails":                 {Config{QEMU: script, Kernel: halt}, "qemu: cannot set up guest memory: "},
		"another program":       {Config{QEMU: "/bin/true", Kernel: halt}, "its monitor never answered"},
		"machine unknown":       {Config{Machine: nope, Kernel: halt, QEMU: "qemu-system-x86_64"}, "unsupported machine type"},
		"too much memory":       {Config{Memory: 1 << 30, Kernel: halt}, "Cannot allocate memory"},
		"kernel is text":        {Config{Kernel: text}, "invalid kernel header"},
		"console has no folder": {Config{Kernel: halt, Console: dir + "/no/console"}, "No such file or directory"},
	} {
		t.Run(name, func(t *testing.T) {
			c := tt.c
			c.Port = "test"
			if c.Console == "" {
				c.Console = filepath.Join(t.TempDir(), "console")
			}
			v, err := Start(t.Context(), c)
			if err == nil {
				_ = v.Close()
				t.Fatal("started")
			}
			if !strings.Contains(err.Error(), tt.want) || blame.Of(err) != blame.Host {
				t.Errorf("got %v, the fault of %v; want %q, the host's", err, blame.Of(err), tt.want)
			}
		})
	}
}

func TestKilledQEMUIsTheHosts(t *testing.T) {
	needQEMU(t)
	for _, sig := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM, syscall.SIGSEGV} {
		v := start(t, Config{Kernel: kernel(t, "", codeHalt)})
		if err := syscall.Kill(v.Pid(), sig); err != nil {
			t.Fatal(err)
		}
		ends(t, v, endLimit)
		if v.End() != Killed || blame.Of(v.Err()) != blame.Host || !strings.Contains(v.Err().Error(), "killed") {
			t.Errorf("%v: %q, %v", sig, v.End(), v.Err())
		}
		if _, err := v.Channel().Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("%v: the channel gives %v, want EOF", sig, err)
		}
	}
}

func TestEndOfContextStopsTheMachine(t *testing.T) {
	needQEMU(t)
	ctx, cancel := context.WithCancel(t.Context())
	v, err := Start(ctx, Config{Kernel: kernel(t, "", codeHalt), Port: "test", Console: filepath.Join(t.TempDir(), "console")})
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	ends(t, v, endLimit)
	if v.End() != Stopped || !errors.Is(v.Err(), context.Canceled) {
		t.Errorf("%q, %v", v.End(), v.Err())
	}
	if err := v.Close(); err != nil {
		t.Error(err)
	}
	if _, err := Start(ctx, v.cfg); !errors.Is(err, context.Canceled) {
		t.Errorf("started under an ended context: %v", err)
	}
}

func TestQuitByTheMonitorIsAnEndInGoodOrder(t *testing.T) {
	needQEMU(t)
	v := start(t, Config{Kernel: kernel(t, "", codeHalt)})
	if err := v.Monitor().Quit(t.Context()); err != nil {
		t.Fatal(err)
	}
	ends(t, v, endLimit)
	if v.End() != Closed || v.Err() != nil {
		t.Errorf("%q, %v", v.End(), v.Err())
	}
}

func TestStoppedMachineIsNotEnded(t *testing.T) {
	needQEMU(t)
	v := start(t, Config{Kernel: kernel(t, "", codeHalt)})
	if err := v.Monitor().Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	time.Sleep(100 * time.Millisecond)
	if err := v.Monitor().Cont(t.Context()); err != nil || v.End() != Running {
		t.Errorf("%v, %q, %v", err, v.End(), v.Err())
	}
}

func TestCloseMayBeCalledByAnybodyAnyNumberOfTimes(t *testing.T) {
	needQEMU(t)
	v := start(t, Config{Kernel: kernel(t, "", codeHalt)})
	if n := NotClosed(); len(n) == 0 || !strings.Contains(strings.Join(n, " "), strconv.Itoa(v.Pid())) {
		t.Errorf("a running machine is not among those not closed: %q", n)
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if err := v.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if m := proc.Members(v.Pid()); len(m) != 0 {
		t.Errorf("QEMU is left: %v", m)
	}
	if strings.Contains(strings.Join(NotClosed(), " "), strconv.Itoa(v.Pid())) {
		t.Error("a closed machine is among those not closed")
	}
}

func TestPathsMayHaveCommasAndBlanks(t *testing.T) {
	needQEMU(t)
	dir := filepath.Join(t.TempDir(), "a,b c=d,,path=/e")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	image := filepath.Join(dir, "kernel,x")
	data, err := os.ReadFile(kernel(t, "printed\r\n", codePrint(), codeHalt))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(image, data, 0o600); err != nil {
		t.Fatal(err)
	}
	v := start(t, Config{Kernel: image, Console: filepath.Join(dir, "console"), Port: "a,b"})
	eventually(t, endLimit, "the text on the console", func() bool {
		return strings.Join(v.ConsoleTail(1), "") == "printed"
	})
}

func TestNothingIsLeftWhenUetestIsKilled(t *testing.T) {
	needQEMU(t)
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), helperEnv+"="+kernel(t, "", codeHalt), "TMPDIR="+t.TempDir())
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if killErr := cmd.Process.Kill(); killErr != nil {
		t.Fatal(killErr)
	}
	_ = cmd.Wait() // killed
	var pid int
	var dir string
	if _, scanErr := fmt.Sscan(line, &pid, &dir); scanErr != nil {
		t.Fatalf("helper said %q, %v", line, err)
	}
	eventually(t, 5*time.Second, "no QEMU and no directory", func() bool {
		_, err := os.Stat(dir)
		return len(proc.Members(pid)) == 0 && os.IsNotExist(err)
	})
}

func TestNoDescriptorAndNoGoroutineIsLeft(t *testing.T) {
	needQEMU(t)
	count := func() (fds, goroutines int) {
		e, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(e), runtime.NumGoroutine()
	}
	halt, fault := kernel(t, "", codeHalt), kernel(t, "", codeTripleFault)
	console := filepath.Join(t.TempDir(), "console")
	saved := filepath.Join(t.TempDir(), "snapshot")
	session := func() {
		c := Config{Kernel: halt, Port: "test", Console: console, SaveTo: saved}
		v, err := Start(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		if err := v.Save(t.Context()); err != nil {
			t.Error(err)
		}
		for _, memory := range []int{0, 2 * DefaultMemory} { // the latter is not what was saved
			c := Config{Port: "test", Console: console, Memory: memory}
			v, err := Restore(t.Context(), c, saved)
			if (err == nil) != (memory == 0) {
				t.Errorf("%d MiB: %v", memory, err)
			}
			if err == nil {
				_ = v.Close()
			}
		}
		for _, c := range []Config{
			{Kernel: halt, Port: "test", Console: console},
			{Kernel: fault, Port: "test", Console: console},
			{Kernel: halt, Port: "test", Console: console, QEMU: "/bin/false"},
			{Kernel: halt, Port: "test", Console: console, QEMU: "/nowhere/qemu"},
		} {
			v, err := Start(t.Context(), c)
			if err != nil {
				continue
			}
			if c.Kernel == fault {
				ends(t, v, endLimit)
			}
			if err := v.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	session()
	fds, goroutines := count()
	for range 4 {
		session()
	}
	eventually(t, 5*time.Second, fmt.Sprintf("%d descriptors and %d goroutines", fds, goroutines), func() bool {
		f, g := count()
		return f <= fds && g <= goroutines
	})
}

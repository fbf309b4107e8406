package vm

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/u-root/u-root/pkg/cpio"

	"uetest/internal/blame"
	"uetest/internal/proc"
)

// kernelEnv names a vmlinux, built with kernel-patches/rfc/config, to boot.
const kernelEnv = "UETEST_TEST_KERNEL"

// bootLimit is for a boot on a machine that does many other things.
const bootLimit = 60 * time.Second

// linux is a Config that boots the test kernel with testdata/guest as init. Of one
// CPU: under emulation each waits busily for the other, which takes a boot half as
// much processor time again. Where it makes a difference a test says two.
func linux(t testing.TB) Config {
	t.Helper()
	needQEMU(t)
	vmlinux := os.Getenv(kernelEnv)
	if vmlinux == "" {
		t.Skipf("%s does not name a kernel image", kernelEnv)
	}
	return Config{Kernel: vmlinux, Initrd: initrd(t), Port: "test", CPUs: 1}
}

var initrdOnce struct {
	sync.Mutex
	data []byte
}

// initrd builds testdata/guest and packs it.
func initrd(t testing.TB) string {
	t.Helper()
	initrdOnce.Lock()
	defer initrdOnce.Unlock()
	path := filepath.Join(t.TempDir(), "initrd")
	if initrdOnce.data == nil {
		program := path + ".init"
		build := proc.Cmd{Path: "go", Args: []string{"build", "-trimpath", "-ldflags=-s -w", "-o", program, "./testdata/guest"},
			Env: append(os.Environ(), "CGO_ENABLED=0", "GOARCH=amd64")}
		if err := proc.Run(context.Background(), build); err != nil {
			t.Fatal(err)
		}
		init, err := os.ReadFile(program)
		if err != nil {
			t.Fatal(err)
		}
		var archive strings.Builder
		w := cpio.Newc.Writer(&archive)
		records := []cpio.Record{cpio.Directory("dev", 0o755), cpio.Directory("proc", 0o755), cpio.Directory("sys", 0o755), cpio.StaticFile("init", string(init), 0o755)}
		if err := cpio.WriteRecords(w, records); err != nil {
			t.Fatal(err)
		}
		if err := cpio.WriteTrailer(w); err != nil {
			t.Fatal(err)
		}
		initrdOnce.data = []byte(archive.String())
	}
	if err := os.WriteFile(path, initrdOnce.data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// A guest is a booted kernel whose init said hello.
type guest struct {
	*VM
	lines *bufio.Reader
}

// boot boots a guest, at most three times: with too little of the host's time a
// kernel may find its timers too slow and wait for one for ever.
func boot(t testing.TB, cfg Config) guest {
	t.Helper()
	const tries = 3
	for try := 1; ; try++ {
		g := guest{VM: start(t, cfg)}
		g.lines = bufio.NewReader(g.Channel())
		if err := g.Channel().SetReadDeadline(time.Now().Add(bootLimit / tries)); err != nil {
			t.Fatal(err)
		}
		line, err := g.lines.ReadString('\n')
		if line == "hello\n" {
			return g
		}
		said := fmt.Sprintf("boot %d: guest said %q, %v, want hello; %s, console: %q", try, line, err, g.End(), g.ConsoleTail(10))
		if err := g.Close(); err != nil {
			t.Error(err)
		}
		if try == tries {
			t.Fatal(said)
		}
		t.Log(said)
		if err := os.RemoveAll(cfg.SaveTo); err != nil {
			t.Fatal(err)
		}
	}
}

func (g guest) read(t testing.TB) string {
	t.Helper()
	if err := g.Channel().SetReadDeadline(time.Now().Add(bootLimit)); err != nil {
		t.Fatal(err)
	}
	line, err := g.lines.ReadString('\n')
	if err != nil {
		t.Fatalf("channel: %q, %v; %s, console: %q", line, err, g.End(), g.ConsoleTail(10))
	}
	return strings.TrimSuffix(line, "\n")
}

func (g guest) say(t testing.TB, words string) {
	t.Helper()
	if _, err := fmt.Fprintln(g.Channel(), words); err != nil {
		t.Fatal(err)
	}
}

func TestGuestAnswersOnTheChannel(t *testing.T) {
	t.Parallel()
	for _, m := range []Machine{Microvm, Q35} {
		t.Run(m.Type, func(t *testing.T) {
			t.Parallel()
			cfg := linux(t)
			cfg.Machine, cfg.CPUs = m, 2
			cfg.Append = []string{"uetest.one", "uetest.two=2"}
			g := boot(t, cfg)
			g.say(t, "echo one two")
			if got := g.read(t); got != "one two" {
				t.Errorf("got %q", got)
			}
			g.say(t, "cat /proc/cmdline")
			if got := g.read(t); !strings.Contains(got, " uetest.one uetest.two=2") {
				t.Errorf("command line %s", got)
			}
			g.say(t, "cat /sys/devices/system/cpu/online")
			if got, want := g.read(t), `"0-1\n" <nil>`; got != want {
				t.Errorf("CPUs: got %s, want %s", got, want)
			}
			g.say(t, "flood")
			for i := range 1000 {
				if got := g.read(t); len(got) != 199 {
					t.Fatalf("line %d has %d bytes", i, len(got))
				}
			}
			g.say(t, "print something for the console")
			eventually(t, bootLimit, "the text on the console", func() bool {
				return strings.Contains(strings.Join(g.ConsoleTail(3), "\n"), "something for the console")
			})
		})
	}
}

func TestEndTellsWhatLinuxDid(t *testing.T) {
	t.Parallel()
	for _, m := range []Machine{Microvm, Q35} {
		for _, tt := range []struct {
			say    string
			append []string
			want   End
			err    string
		}{
			{"reset", nil, Restarted, ""},
			{"poweroff", nil, PoweredOff, ""},
			{"panic", nil, Panicked, "Kernel panic - not syncing: sysrq triggered crash"},
			{"exit", nil, Panicked, "Kernel panic - not syncing: Attempted to kill init!"},
			// Only pvpanic tells of it: the kernel stays there for ever.
			{"panic", []string{"panic=0"}, Panicked, "did not reset the machine"},
		} {
			t.Run(m.Type+" "+tt.say+strings.Join(tt.append, ""), func(t *testing.T) {
				t.Parallel()
				cfg := linux(t)
				cfg.Machine, cfg.Append = m, tt.append
				if m.Type == Q35.Type {
					cfg.CPUs = 2 // which the one that panics has to stop
				}
				g := boot(t, cfg)
				g.say(t, tt.say)
				ends(t, g.VM, bootLimit)
				if g.End() != tt.want {
					t.Errorf("got %q, want %q; console: %q", g.End(), tt.want, g.ConsoleTail(5))
				}
				err := g.Err()
				if tt.err == "" && err != nil || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err) || blame.Of(err) != blame.Kernel) {
					t.Errorf("got %v, want %q", err, tt.err)
				}
				// What the kernel prints behind its panic notifiers is there.
				if tail := strings.Join(g.ConsoleTail(5), "\n"); tt.say == "panic" && tt.append != nil && !strings.Contains(tail, "---[ end Kernel panic") {
					t.Errorf("console ends with %q", tail)
				}
			})
		}
	}
}

func TestMachinesSideBySideDoNotMeet(t *testing.T) {
	t.Parallel()
	cfg := linux(t)
	guests := []guest{boot(t, cfg), boot(t, cfg), boot(t, cfg)}
	for i, g := range guests {
		g.say(t, fmt.Sprintf("echo I am %d", i))
		g.say(t, fmt.Sprintf("print I am %d", i))
	}
	for i, g := range guests {
		if got, want := g.read(t), fmt.Sprintf("I am %d", i); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if err := guests[1].Close(); err != nil {
		t.Error(err)
	}
	guests[2].say(t, "echo still here")
	if got := guests[2].read(t); got != "still here" {
		t.Errorf("got %q", got)
	}
}

package vm

import (
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestConsoleTakesInput(t *testing.T) {
	t.Parallel()
	cfg := linux(t)
	g := boot(t, cfg)
	g.say(t, "print before")
	in, err := g.ConsoleInput(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if again, err := g.ConsoleInput(t.Context()); again != in || err != nil {
		t.Errorf("a second time: %v, %v", again, err)
	}
	g.say(t, "type") // read a line from the console, send it back
	if _, err := in.WriteString("words on the console\n"); err != nil {
		t.Fatal(err)
	}
	if got, want := g.read(t), `"words on the console\n" <nil>`; got != want {
		t.Errorf("the guest read %s, want %s", got, want)
	}
	g.say(t, "print after")
	eventually(t, bootLimit, "both lines on the console", func() bool {
		tail := strings.Join(g.ConsoleTail(1000), "\n")
		return strings.Contains(tail, "Linux version") && strings.Contains(tail, "before") && strings.Contains(tail, "after")
	})
}

func TestDumpShowsTasksAndRegisters(t *testing.T) {
	t.Parallel()
	for _, m := range []Machine{Microvm, Q35} {
		t.Run(m.Type, func(t *testing.T) {
			t.Parallel()
			cfg := linux(t)
			cfg.Machine, cfg.CPUs = m, DefaultCPUs
			g := boot(t, cfg)
			g.say(t, "spin")
			if got := g.read(t); got != "spinning" {
				t.Fatal(got)
			}
			began := time.Now()
			d := g.Dump(t.Context())
			took := time.Since(began)
			t.Logf("%v: %s\n%s", took, d.Summary(nil), d.Text(nil))
			if len(d.Notes) > 0 || d.Stopped {
				t.Errorf("notes %q, stopped %v", d.Notes, d.Stopped)
			}
			for _, want := range []string{"Show Blocked State", "Show backtrace of all active CPUs", "Show State", "task:kthreadd", "task:init"} {
				if !strings.Contains(d.Console, want) {
					t.Errorf("no %q in what the kernel answered", want)
				}
			}
			if len(d.CPUs) != DefaultCPUs || !strings.Contains(d.Summary(nil), "in user space") {
				t.Errorf("%s; want one of %d CPUs in user space", d.Summary(nil), DefaultCPUs)
			}
			if most := cfg.Accel.Scale() * float64(monitorLimit+sysrqLimit+reportLimit); took > time.Duration(most) {
				t.Errorf("it took %v", took)
			}
			g.say(t, "echo still here")
			if got := g.read(t); got != "still here" {
				t.Errorf("got %q", got)
			}
		})
	}
}

// A kernel that has its interrupts off, or is none at all, answers nobody.
func TestDumpOfASilentKernelHasItsRegisters(t *testing.T) {
	t.Parallel()
	needQEMU(t)
	spin := []byte{0xeb, 0xfe} // 1: jmp 1b
	for name, tt := range map[string]struct {
		code []byte
		want string
	}{
		"loops": {spin, "CPU 0 at 0x100000; "},
		"halts": {codeHalt, "CPU 0 idle; "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := start(t, Config{CPUs: 1, Kernel: kernel(t, "hello\r\n", tt.code)})
			eventually(t, endLimit, "the CPU where it is to be", func() bool {
				text, err := v.human(t.Context(), 0, "info registers -a")
				r := parseRegisters(text)
				return err == nil && len(r) == 1 && (r[0].Halted == (name == "halts")) && r[0].IP >= loadAddress && r[0].IP < loadAddress+16
			})
			d := v.Dump(t.Context())
			if got, want := d.Summary(nil), tt.want+"the kernel does not answer sysrq"; got != want {
				t.Errorf("got %s\nwant %s", got, want)
			}
			if len(d.Notes) != 1 || !strings.Contains(d.Notes[0], errNoAnswer.Error()) {
				t.Errorf("notes %q", d.Notes)
			}
			if !strings.Contains(d.Registers, "RSP=") && !strings.Contains(d.Registers, "ESP=") {
				t.Errorf("registers %q", d.Registers)
			}
		})
	}
}

func TestDumpOfAStoppedQEMUSaysSo(t *testing.T) {
	t.Parallel()
	needQEMU(t)
	v := start(t, Config{Kernel: kernel(t, "", codeHalt)})
	if err := syscall.Kill(v.Pid(), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	eventually(t, endLimit, "a dump of a stopped process", func() bool { return v.Dump(t.Context()).Stopped })
	d := v.Dump(t.Context())
	if !strings.Contains(d.Summary(nil), "is stopped (state T): somebody sent it SIGSTOP") {
		t.Errorf("got %s", d.Summary(nil))
	}
	if took := time.Since(began); took > endLimit {
		t.Errorf("it took %v", took)
	}
	if err := v.Close(); err != nil || v.End() != Closed {
		t.Errorf("%v, %q", err, v.End())
	}
}

func TestDumpOfAMachineThatTheMonitorStoppedSaysSo(t *testing.T) {
	needQEMU(t)
	v := start(t, Config{Kernel: kernel(t, "", codeHalt)})
	if err := v.Monitor().Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if d := v.Dump(t.Context()); !d.Stopped || !strings.Contains(d.Summary(nil), "QEMU has it as paused") {
		t.Errorf("got %+v", d)
	}
}

func TestDumpOfWhatHasEndedIsEmpty(t *testing.T) {
	needQEMU(t)
	v := start(t, Config{Kernel: kernel(t, "", codeTripleFault)})
	ends(t, v, endLimit)
	if d := v.Dump(t.Context()); len(d.CPUs) != 0 || len(d.Notes) == 0 || d.Stopped {
		t.Errorf("got %+v", d)
	}
}

func FuzzRegisters(f *testing.F) {
	f.Add("\nCPU#0\nRAX=0 RBX=0\nRIP=ffffffff8191ad2b RFL=00000246 [---Z-P-] CPL=0 II=0 A20=1 SMM=0 HLT=1\n\nCPU#1\nRIP=00000000004012ab RFL=00000202 [-------] CPL=3 II=0 A20=1 SMM=0 HLT=0\n")
	f.Add("CPU#0\nEIP=00100000 EFL=00000046 [---Z-P-] CPL=0 II=0 A20=1 SMM=0 HLT=0\n")
	f.Add("CPU#99999999999999999999\nRIP=ff CPL=0 HLT=0")
	f.Fuzz(func(t *testing.T, text string) {
		for _, r := range parseRegisters(text) {
			if r.cpu < 0 {
				t.Errorf("CPU %d", r.cpu)
			}
		}
		parseWords(text)
	})
}

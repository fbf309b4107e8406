package vm

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"uetest/internal/blame"
)

// restores is how many times TestNoRestoreIsLost restores.
var restores = flag.Int("restores", 12, "restored guests in a row, none of which may be lost")

// saved is a guest that said hello, did what it was told, and was saved.
func saved(t testing.TB, cfg Config, tell ...string) (Config, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "snapshot")
	cfg.SaveTo = dir
	g := boot(t, cfg)
	for _, words := range tell {
		g.say(t, words)
		g.read(t)
	}
	if err := g.Save(t.Context()); err != nil {
		t.Fatal(err)
	}
	if g.End() != Closed || g.Err() != nil {
		t.Errorf("saved: %s, %v", g.End(), g.Err())
	}
	cfg.SaveTo = ""
	return cfg, dir
}

// revive restores a guest, which is closed at the end of the test.
func revive(t testing.TB, cfg Config, dir string) guest {
	t.Helper()
	cfg.Console = filepath.Join(t.TempDir(), "console")
	v, err := Restore(t.Context(), cfg, dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := v.Close(); err != nil {
			t.Error(err)
		}
	})
	return guest{VM: v, lines: bufio.NewReader(v.Channel())}
}

// ask says words and returns the answer.
func (g guest) ask(t testing.TB, words string) string {
	t.Helper()
	g.say(t, words)
	return g.read(t)
}

func TestRestoredGuestWorks(t *testing.T) {
	t.Parallel()
	for _, m := range []Machine{Microvm, Q35} {
		t.Run(m.Type, func(t *testing.T) {
			t.Parallel()
			cfg := linux(t)
			cfg.Machine, cfg.CPUs = m, 2
			cfg, dir := saved(t, cfg)
			first, second := revive(t, cfg, dir), revive(t, cfg, dir)
			for i, g := range []guest{first, second} {
				if got, want := g.ask(t, fmt.Sprintf("work of %d", i)), fmt.Sprintf("of %d child <nil>", i); got != want {
					t.Errorf("got %q, want %q", got, want)
				}
				if got := g.ask(t, "cat /proc/cmdline"); !strings.Contains(got, "tsc_early_khz=") {
					t.Errorf("command line %s", got)
				}
				if got, want := g.ask(t, "cat /sys/devices/system/cpu/online"), `"0-1\n" <nil>`; got != want {
					t.Errorf("CPUs: got %s, want %s", got, want)
				}
				g.say(t, fmt.Sprintf("print on the console of %d", i))
			}
			// Neither sees what the other writes.
			sums := map[string]bool{}
			for _, g := range []guest{first, second} {
				if got := g.ask(t, fmt.Sprintf("fill %c 4", rune('a'+len(sums)))); got != "<nil>" {
					t.Error(got)
				}
				sums[g.ask(t, "sum")] = true
			}
			for _, g := range []guest{first, second} {
				if got := g.ask(t, "sum"); !sums[got] || len(sums) != 2 {
					t.Errorf("sum %s, want one of %v", got, sums)
				}
			}
			if got := revive(t, cfg, dir).ask(t, "sum"); !strings.HasPrefix(got, "0 ") || !strings.Contains(got, "no such file") {
				t.Errorf("a third guest has %s", got)
			}
			for i, g := range []guest{first, second} {
				eventually(t, bootLimit, "the text on the console", func() bool {
					return strings.Contains(strings.Join(g.ConsoleTail(1000), "\n"), fmt.Sprintf("on the console of %d", i))
				})
				if tail := strings.Join(g.ConsoleTail(1000), "\n"); strings.Contains(tail, "Linux version") {
					t.Errorf("the console of a restored guest has its boot:\n%s", tail)
				}
			}
			// And they end as booted ones do.
			first.say(t, "reset")
			second.say(t, "panic")
			ends(t, first.VM, bootLimit)
			ends(t, second.VM, bootLimit)
			if first.End() != Restarted && first.End() != Crashed || second.End() != Panicked || blame.Of(second.Err()) != blame.Kernel {
				t.Errorf("ends: %s (%v), %s (%v)", first.End(), first.Err(), second.End(), second.Err())
			}
		})
	}
}

// The clocks that count from the boot go on as if there had been no time
// between, so timers are neither late nor early. The time of day stands still.
func TestClocksAndTimersAfterARestore(t *testing.T) {
	t.Parallel()
	for _, m := range []Machine{Microvm, Q35} {
		t.Run(m.Type, func(t *testing.T) {
			t.Parallel()
			cfg := linux(t)
			cfg.Machine = m
			if m.Type == Q35.Type {
				cfg.CPUs = 2 // with a clock each
			}
			dir := filepath.Join(t.TempDir(), "snapshot")
			cfg.SaveTo = dir
			before := boot(t, cfg)
			const armed = 3 * time.Second
			if got := before.ask(t, "timer "+armed.String()); got != "armed" {
				t.Fatal(got)
			}
			begin := time.Now()
			then := clocks(t, before)
			if err := before.Save(t.Context()); err != nil {
				t.Fatal(err)
			}
			saved := time.Since(begin)
			const away = 2 * time.Second
			time.Sleep(away)
			begin = time.Now()
			g := revive(t, cfg, dir)
			now := clocks(t, g)
			slack := saved + time.Since(begin)
			for i, name := range []string{"the time of day", "CLOCK_MONOTONIC", "CLOCK_BOOTTIME"} {
				if d := now[i] - then[i]; d <= 0 || d > slack {
					t.Errorf("%s went on by %v over a save and a restore, of which %v were the guest's", name, d, slack)
				}
			}
			line := g.read(t)
			var fired time.Duration
			if _, err := fmt.Sscanf(line, "fired %d", &fired); err != nil || fired < armed || fired > armed+armed/2+slack {
				t.Errorf("a timer of %v: %q, %v", armed, line, err)
			}
			const nap = 500 * time.Millisecond
			begin = time.Now()
			line = g.ask(t, "nap "+nap.String())
			took := time.Since(begin)
			var goroutine, call time.Duration
			if _, err := fmt.Sscanf(line, "%d %d <nil>", &goroutine, &call); err != nil || goroutine < nap || call < nap || goroutine+call > took {
				t.Errorf("two sleeps of %v: %s, %v of the host's time", nap, line, took)
			}
			// The guest's second is the host's.
			if took < 2*nap*99/100 {
				t.Errorf("two sleeps of %v took %v", nap, took)
			}
		})
	}
}

func clocks(t *testing.T, g guest) (c [3]time.Duration) {
	t.Helper()
	line := g.ask(t, "clocks")
	if _, err := fmt.Sscan(line, &c[0], &c[1], &c[2]); err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	return c
}

func TestNoRestoreIsLost(t *testing.T) {
	t.Parallel()
	cfg := linux(t)
	cfg.CPUs = 2
	cfg, dir := saved(t, cfg)
	const together = 2
	var all sync.WaitGroup
	for w := range together {
		all.Go(func() {
			for i := w; i < *restores; i += together {
				cfg := cfg
				cfg.Console = filepath.Join(t.TempDir(), "console")
				v, err := Restore(t.Context(), cfg, dir)
				if err != nil {
					t.Errorf("restore %d: %v", i, err)
					continue
				}
				g := guest{VM: v, lines: bufio.NewReader(v.Channel())}
				_ = v.Channel().SetDeadline(time.Now().Add(bootLimit))
				for _, tt := range []struct{ say, want string }{
					{fmt.Sprintf("work %d", i), fmt.Sprintf("%d child <nil>", i)},
					{"fill x 20", "<nil>"},
				} {
					_, _ = fmt.Fprintln(v.Channel(), tt.say)
					if line, err := g.lines.ReadString('\n'); err != nil || line != tt.want+"\n" {
						t.Errorf("restore %d: %q, %v; %s, console %q", i, line, err, v.End(), v.ConsoleTail(10))
					}
				}
				if err := v.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}

func TestSnapshotIsRefusedWhereItWasNeverTried(t *testing.T) {
	other := Microvm
	other.Unsaved = "it forgets"
	for name, tt := range map[string]struct {
		c    Config
		want string
	}{
		"kvm":     {Config{Accel: KVM}, "kvm"},
		"machine": {Config{Machine: other}, "microvm of x86_64: it forgets"},
		"clock":   {Config{Clock: Clock{Mode: VirtualTime}}, "counts instructions"},
	} {
		err := CanSnapshot(tt.c)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v", name, err)
		}
		tt.c.Kernel, tt.c.Console, tt.c.Port = kernel(t, "", codeHalt), filepath.Join(t.TempDir(), "console"), "test"
		save := tt.c
		save.SaveTo = filepath.Join(t.TempDir(), "snapshot")
		if _, err := Start(t.Context(), save); err == nil || !strings.Contains(err.Error(), tt.want) || blame.Of(err) != blame.Host {
			t.Errorf("%s: Start to save: %v", name, err)
		}
		if _, err := os.Stat(save.SaveTo); !os.IsNotExist(err) {
			t.Errorf("%s: a directory was made for what can't be saved", name)
		}
		if _, err := Restore(t.Context(), tt.c, t.TempDir()); err == nil || blame.Of(err) != blame.Host {
			t.Errorf("%s: Restore: %v", name, err)
		}
	}
	if err := CanSnapshot(Config{}); err != nil {
		t.Error(err)
	}
}

func TestGuestThatCannotBeSavedSaysWhy(t *testing.T) {
	t.Parallel()
	needQEMU(t)
	v := start(t, Config{Kernel: kernel(t, "", codeHalt)})
	if err := v.Save(t.Context()); err == nil || !strings.Contains(err.Error(), "without a directory") {
		t.Errorf("got %v", err)
	}
	dir := filepath.Join(t.TempDir(), "snapshot")
	dead := start(t, Config{Kernel: kernel(t, "", codeHalt), SaveTo: dir})
	if err := dead.Monitor().Quit(t.Context()); err != nil {
		t.Fatal(err)
	}
	ends(t, dead, endLimit)
	if err := dead.Save(t.Context()); err == nil || !strings.Contains(err.Error(), "ended before it was saved: closed") || blame.Of(err) != blame.Host {
		t.Errorf("a guest that is dead: %v, the fault of %v", err, blame.Of(err))
	}
	full := start(t, Config{Kernel: kernel(t, "", codeHalt), SaveTo: dir})
	if err := os.Symlink("/dev/full", filepath.Join(dir, "x")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(dir, "x"), filepath.Join(dir, stateName)); err != nil {
		t.Fatal(err)
	}
	if err := full.Save(t.Context()); err == nil || blame.Of(err) != blame.Host {
		t.Errorf("a disk that is full: %v", err)
	}
	if full.End() == Running {
		t.Error("the machine runs on")
	}
}

// QEMU itself believes much that is not so; what it finds has to be told.
func TestRestoreOfWhatIsNoSnapshotFails(t *testing.T) {
	t.Parallel()
	cfg, dir := saved(t, linux(t))
	cfg.Console = filepath.Join(t.TempDir(), "console")
	path := func(name string) string { return filepath.Join(dir, name) }
	state, err := os.ReadFile(path(stateName))
	if err != nil {
		t.Fatal(err)
	}
	for name, damage := range map[string]func() error{
		"state cut":     func() error { return os.Truncate(path(stateName), int64(len(state)/2)) },
		"state empty":   func() error { return os.Truncate(path(stateName), 0) },
		"state garbled": func() error { return os.WriteFile(path(stateName), append([]byte("garbage"), state...), 0o600) },
		"state missing": func() error { return os.Remove(path(stateName)) },
		"memory cut":    func() error { return os.Truncate(path(memoryName), 1<<20) },
	} {
		if err := os.WriteFile(path(stateName), state, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := damage(); err != nil {
			t.Fatal(err)
		}
		v, err := Restore(t.Context(), cfg, dir)
		if err == nil {
			_ = v.Close()
		}
		if err == nil || blame.Of(err) != blame.Host {
			t.Errorf("%s: got %v", name, err)
		}
		if name == "memory cut" {
			if err := os.Truncate(path(memoryName), DefaultMemory<<20); err != nil {
				t.Fatal(err)
			}
		}
	}
	other := cfg
	other.Machine = Q35
	v, err := Restore(t.Context(), other, dir)
	if err == nil {
		_ = v.Close()
	}
	if err == nil || blame.Of(err) != blame.Host {
		t.Errorf("another machine: got %v", err)
	}
	if _, err := Restore(t.Context(), cfg, filepath.Join(dir, "nowhere")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no directory: got %v", err)
	}
}

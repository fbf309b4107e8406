package vm

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"uetest/internal/blame"
	"uetest/internal/cache"
	"uetest/internal/proc"
)

// store is an empty cache, and what it tells.
func store(t testing.TB) Snapshots {
	t.Helper()
	c, err := cache.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return Snapshots{Cache: c, Damaged: func(line string) { t.Log(line) }}
}

// halted is a guest that does nothing.
func halted(t testing.TB) Config {
	t.Helper()
	needQEMU(t)
	return Config{Kernel: kernel(t, "printed\r\n", codePrint(), codeHalt), Port: "test", Console: filepath.Join(t.TempDir(), "console"), Memory: 64}
}

// printed waits for what a halted guest prints, all of it.
func printed(_ context.Context, v *VM) ([]byte, error) {
	for end := time.Now().Add(endLimit); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if tail := v.ConsoleTail(1); slices.Equal(tail, []string{"printed"}) {
			return []byte("it said " + tail[0]), nil
		}
	}
	return nil, errors.New("the guest printed nothing")
}

func mustGet(t testing.TB, s Snapshots, cfg Config) Snapshot {
	t.Helper()
	snapshot, err := s.Get(t.Context(), cfg, printed)
	if err != nil {
		t.Fatal(err)
	}
	return snapshot
}

// runs restores a guest and asks QEMU whether it runs.
func runs(t testing.TB, s Snapshot) {
	t.Helper()
	v, err := s.Restore(t.Context(), filepath.Join(t.TempDir(), "console"), nil)
	if err != nil {
		t.Error(err)
		return
	}
	if status, err := v.Monitor().Status(t.Context()); err != nil || !status.Running {
		t.Errorf("a restored guest: %+v, %v", status, err)
	}
	if err := v.Close(); err != nil {
		t.Error(err)
	}
}

func TestSnapshotIsMadeOnceAndKeepsTheBoot(t *testing.T) {
	t.Parallel()
	s, cfg := store(t), halted(t)
	if _, ok := s.Lookup(cfg); ok {
		t.Error("an empty cache has a snapshot")
	}
	first := mustGet(t, s, cfg)
	cfg.Console = filepath.Join(t.TempDir(), "another")
	again, err := s.Get(t.Context(), cfg, func(context.Context, *VM) ([]byte, error) { return nil, errors.New("started again") })
	if err != nil {
		t.Fatal(err)
	}
	if first.Cached || !again.Cached {
		t.Errorf("cached: %v, then %v", first.Cached, again.Cached)
	}
	found, ok := s.Lookup(cfg)
	if !ok {
		t.Fatal("Lookup does not find it")
	}
	for _, snapshot := range []Snapshot{first, again, found} {
		if said, err := snapshot.Said(); err != nil || string(said) != "it said printed" {
			t.Errorf("the guest said %q, %v", said, err)
		}
		if lines := readTail(snapshot.Console()); !slices.Equal(lines, []string{"printed"}) {
			t.Errorf("its console has %q", lines)
		}
		runs(t, snapshot)
	}
	for _, snapshot := range []Snapshot{first, again, found} {
		snapshot.Release()
	}
	if err := again.Discard(t.Context()); err != nil {
		t.Error(err)
	}
	if _, ok := s.Lookup(cfg); ok {
		t.Error("a discarded snapshot is there")
	}
}

func TestSnapshotFollowsAllThatTheGuestIsMadeFrom(t *testing.T) {
	s, base := store(t), halted(t)
	write := func(content string) string {
		path := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(path, []byte(content), 0o755); err != nil {
			t.Fatal(err)
		}
		return path
	}
	qemu, err := proc.LookPath(Microvm.QEMU)
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(base.Kernel)
	if err != nil {
		t.Fatal(err)
	}
	key := func(c Config) string {
		t.Helper()
		_, key, err := s.identify(c)
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	want := key(base)
	for name, change := range map[string]func(*Config){
		"another console":               func(c *Config) { c.Console = "/another" },
		"the same kernel elsewhere":     func(c *Config) { c.Kernel = write(string(content)) },
		"defaults spelled out":          func(c *Config) { c.Machine, c.CPUs, c.QEMU = Microvm, DefaultCPUs, qemu },
		"a directory to be saved to":    func(c *Config) { c.SaveTo = "/anywhere" },
		"the counter as it is measured": func(c *Config) { c.TSC = HostTSC() },
	} {
		c := base
		change(&c)
		if key(c) != want {
			t.Errorf("%s: another key", name)
		}
	}
	keys := map[string]string{want: "the base"}
	for name, change := range map[string]func(*Config){
		"kernel":     func(c *Config) { c.Kernel = write("another") },
		"initrd":     func(c *Config) { c.Initrd = write("an initrd") },
		"the other":  func(c *Config) { c.Initrd = write("the other") },
		"machine":    func(c *Config) { c.Machine = Q35 },
		"CPUs":       func(c *Config) { c.CPUs = 3 },
		"memory":     func(c *Config) { c.Memory = 65 },
		"parameter":  func(c *Config) { c.Append = []string{"a b"} },
		"parameters": func(c *Config) { c.Append = []string{"c"} },
		"port":       func(c *Config) { c.Port = "other" },
		"TSC":        func(c *Config) { c.TSC = 1_234_000 },
		"QEMU":       func(c *Config) { c.QEMU = write("#!/bin/sh\n") },
	} {
		c := base
		change(&c)
		if same := keys[key(c)]; same != "" {
			t.Errorf("%s has the key of %s", name, same)
		}
		keys[key(c)] = name
	}
}

func TestDamagedSnapshotIsNeverRestored(t *testing.T) {
	t.Parallel()
	s, cfg := store(t), halted(t)
	snapshot := mustGet(t, s, cfg)
	dir := snapshot.entry.Dir
	snapshot.Release()
	flip := func(name string) func() error {
		return func() error {
			path := filepath.Join(dir, name)
			info, err := os.Stat(path)
			if err != nil {
				return err
			}
			f, err := os.OpenFile(path, os.O_RDWR, 0)
			if err != nil {
				return err
			}
			defer func() { _ = f.Close() }()
			b := make([]byte, 1)
			at := info.Size() / 2
			if _, err := f.ReadAt(b, at); err != nil {
				return err
			}
			if _, err := f.WriteAt([]byte{b[0] ^ 1}, at); err != nil {
				return err
			}
			return os.Chtimes(path, time.Time{}, info.ModTime()) // as if nothing had been written
		}
	}
	for name, damage := range map[string]func() error{
		"memory cut":      func() error { return os.Truncate(filepath.Join(dir, memoryName), 1<<20) },
		"memory punched":  func() error { return os.Truncate(filepath.Join(dir, memoryName), 0) },
		"memory longer":   func() error { return os.Truncate(filepath.Join(dir, memoryName), 65<<20) },
		"memory missing":  func() error { return os.Remove(filepath.Join(dir, memoryName)) },
		"bit of memory":   flip(memoryName),
		"state cut":       func() error { return os.Truncate(filepath.Join(dir, stateName), 1000) },
		"state missing":   func() error { return os.Remove(filepath.Join(dir, stateName)) },
		"bit of state":    flip(stateName),
		"console missing": func() error { return os.Remove(filepath.Join(dir, consoleName)) },
		"manifest cut":    func() error { return os.Truncate(filepath.Join(dir, "manifest.json"), 30) },
		"manifest gone":   func() error { return os.Remove(filepath.Join(dir, "manifest.json")) },
	} {
		if err := damage(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, ok := s.Lookup(cfg); ok {
			t.Errorf("%s: believed", name)
		}
		told := ""
		s.Damaged = func(line string) { told = line }
		again, err := s.Get(t.Context(), cfg, printed)
		if err != nil || again.Cached || told == "" {
			t.Errorf("%s: cached %v, %v; told %q", name, again.Cached, err, told)
			continue
		}
		runs(t, again)
		again.Release()
	}
	// Restoring changes nothing that is compared.
	again := mustGet(t, s, cfg)
	for range 3 {
		runs(t, again)
	}
	again.Release()
	if again := mustGet(t, s, cfg); !again.Cached {
		t.Error("a restored snapshot is not what it was")
	}
}

func TestGuestThatDoesNotSettleLeavesNothing(t *testing.T) {
	t.Parallel()
	s, cfg := store(t), halted(t)
	broken := errors.New("the kernel did not boot")
	_, err := s.Get(t.Context(), cfg, func(context.Context, *VM) ([]byte, error) { return nil, broken })
	if err != broken {
		t.Errorf("got %v, want settle's own error", err)
	}
	_, err = s.Get(t.Context(), cfg, func(ctx context.Context, v *VM) ([]byte, error) {
		return nil, v.Close() // Save finds it ended
	})
	if err == nil || blame.Of(err) != blame.Host {
		t.Errorf("a guest that ended: %v", err)
	}
	if names := left(t, s); len(names) > 0 {
		t.Errorf("left: %q", names)
	}
	kvm := cfg
	kvm.Accel = KVM
	if _, err := s.Get(t.Context(), kvm, printed); err == nil || !strings.Contains(err.Error(), "kvm") {
		t.Errorf("kvm: %v", err)
	}
}

// left is what the cache has of snapshots.
func left(t testing.TB, s Snapshots) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(s.Cache.Dir(), cache.Snapshots))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestManyWantOneSnapshotAndOneMakesIt(t *testing.T) {
	t.Parallel()
	s, cfg := store(t), halted(t)
	var made atomic.Int32
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			cfg := cfg
			cfg.Console += fmt.Sprint(i)
			snapshot, err := s.Get(t.Context(), cfg, func(ctx context.Context, v *VM) ([]byte, error) {
				made.Add(1)
				return printed(ctx, v)
			})
			if err != nil {
				t.Error(err)
				return
			}
			runs(t, snapshot)
		})
	}
	all.Wait()
	if made.Load() != 1 {
		t.Errorf("made %d times", made.Load())
	}
}

// saverEnv makes the test binary save a guest: the kernel's path, the cache, and
// when it waits to be killed.
const saverEnv = "UETEST_VM_SAVER"

// saver is that. It says where it is, and its QEMU's id.
func saver(args string) error {
	f := strings.Split(args, "|")
	c, err := cache.Open(f[1])
	if err != nil {
		return err
	}
	cfg := Config{Kernel: f[0], Port: "test", Console: filepath.Join(f[1], "console"), Memory: 64}
	_, err = Snapshots{Cache: c}.Get(context.Background(), cfg, func(ctx context.Context, v *VM) ([]byte, error) {
		said, err := printed(ctx, v)
		fmt.Println(v.Pid())
		if err == nil && f[2] == "before" {
			<-v.Done()
		}
		return said, err
	})
	fmt.Println("saved")
	return err
}

func TestSaverThatIsKilledLeavesNothingThatIsBelieved(t *testing.T) {
	t.Parallel()
	cfg := halted(t)
	// At once when the guest is up, within the save, and after it.
	delays := map[string]time.Duration{"before": 0, "1ms": time.Millisecond, "5ms": 5 * time.Millisecond, "20ms": 20 * time.Millisecond, "60ms": 60 * time.Millisecond}
	for _, name := range slices.Sorted(maps.Keys(delays)) {
		s := store(t)
		cmd := exec.Command("/proc/self/exe")
		cmd.Env = append(os.Environ(), saverEnv+"="+strings.Join([]string{cfg.Kernel, s.Cache.Dir(), name}, "|"))
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		var pid int
		if _, err := fmt.Fscan(bufio.NewReader(out), &pid); err != nil {
			t.Errorf("%s: the saver said no number: %v", name, err)
		}
		time.Sleep(delays[name])
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // killed
		eventually(t, 5*time.Second, "no QEMU", func() bool { return len(proc.Members(pid)) == 0 })

		snapshot, ok := s.Lookup(cfg)
		t.Logf("%s: saved %v, left %q", name, ok, left(t, s))
		if name == "before" && ok {
			t.Error("a snapshot of a guest that was not saved")
		}
		if ok {
			runs(t, snapshot)
		}
		runs(t, mustGet(t, s, cfg))
		for _, file := range left(t, s) {
			if strings.Contains(file, ".tmp") || strings.Contains(file, ".old") {
				t.Errorf("%s: %s is left when the snapshot was made again", name, file)
			}
		}
	}
}

// The same with Linux, from the cache to the answer.
func TestLinuxIsRestoredFromTheCache(t *testing.T) {
	t.Parallel()
	s, cfg := store(t), linux(t)
	cfg.Console = filepath.Join(t.TempDir(), "console")
	hello := func(_ context.Context, v *VM) ([]byte, error) {
		line, err := bufio.NewReader(v.Channel()).ReadString('\n')
		return []byte(line), err
	}
	begin := time.Now()
	snapshot, err := s.Get(t.Context(), cfg, hello)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("made in %v", time.Since(begin))
	snapshot.Release()
	begin = time.Now()
	again, err := s.Get(t.Context(), cfg, hello)
	if err != nil || !again.Cached {
		t.Fatalf("cached %v, %v", again.Cached, err)
	}
	t.Logf("found in %v", time.Since(begin))
	begin = time.Now()
	v, err := again.Restore(t.Context(), filepath.Join(t.TempDir(), "console"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = v.Close() }()
	g := guest{VM: v, lines: bufio.NewReader(v.Channel())}
	if got := g.ask(t, "work x"); got != "x child <nil>" {
		t.Errorf("got %q", got)
	}
	t.Logf("answered in %v", time.Since(begin))
}

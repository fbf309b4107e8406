package initramfs

import (
	"crypto/rand"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"uetest/internal/paired"
	"uetest/internal/vm"
	"uetest/internal/wire"
)

// wakeUp is what a restored guest is told first.
func wakeUp(now time.Time) wire.Message {
	random := make([]byte, wire.WakeBytes)
	_, _ = rand.Read(random) // never fails
	return wire.Message{Kind: wire.Wake, Now: now, Random: random}
}

// restored is a guest whose agent was told to go on, and when that is.
func restored(t *testing.T, cfg vm.Config, dir string, now time.Time) *guest {
	t.Helper()
	v := restore(t, cfg, dir)
	t.Cleanup(func() {
		if err := v.Close(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("console:\n%s", strings.Join(v.ConsoleTail(40), "\n"))
		}
	})
	g := &guest{t: t, vm: v, dec: wire.NewDecoder(v.Channel()), enc: wire.NewEncoder(v.Channel())}
	if !now.IsZero() {
		g.send(wakeUp(now))
		g.hello = g.next()
		for g.hello.Kind == wire.Kmsg { // of what the kernel was about when it was saved
			g.hello = g.next()
		}
		if g.hello.Kind != wire.Hello {
			t.Fatalf("a woken guest says %+v, want hello first", g.hello)
		}
	}
	return g
}

// restore is a guest from a snapshot, which closes with the test.
func restore(t testing.TB, cfg vm.Config, dir string) *vm.VM {
	t.Helper()
	cfg.Console = filepath.Join(t.TempDir(), "console")
	v, err := vm.Restore(t.Context(), cfg, dir)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestRestoredGuestsAreFreshAndDiffer(t *testing.T) {
	cfg := vm.Config{Initrd: misbehaving(t, nil).Path, Port: wire.PortName, SaveTo: filepath.Join(t.TempDir(), "snapshot")}
	g := boot(t, cfg)
	g.send(wire.Message{Kind: wire.Settle})
	booted := 0
	m := g.next()
	for ; m.Kind == wire.Kmsg; m = g.next() {
		booted++
	}
	if m.Kind != wire.Settled || booted < 20 {
		t.Fatalf("%+v after %d records of the kernel log, want settled after the whole boot", m, booted)
	}
	settled := m.At
	if err := g.vm.Save(t.Context()); err != nil {
		t.Fatal(err)
	}
	dir := cfg.SaveTo
	cfg.SaveTo = ""

	seen, stack := map[string]string{}, ""
	for i := range 3 {
		const away = 5000 * time.Hour // and not what its clock says anyway
		begin := time.Now()
		g := restored(t, cfg, dir, begin.Add(time.Duration(i)*away))
		if g.hello.Version != wire.Version || g.hello.Guest.Release == "" || g.hello.At < settled || g.hello.At > settled+20*time.Second {
			t.Errorf("a guest that settled %v after its boot says %+v", settled, g.hello)
		}
		r := g.run(wire.Message{ID: "clone"})
		took := time.Since(begin)
		if r.end.Status != wire.Done {
			t.Fatalf("ended %s %q", r.end.Status, r.end.Text)
		}
		if contains(r.kmsg, "Linux version") {
			t.Errorf("the kernel log of the boot is sent again: %q", r.kmsg)
		}
		for _, s := range r.saw {
			key, value, _ := strings.Cut(s, "=")
			switch n, _ := strconv.ParseInt(value, 10, 64); key {
			case "now":
				since := time.Unix(0, n).Sub(begin.Add(time.Duration(i) * away))
				if since < 0 || since > took+time.Second {
					t.Errorf("the guest's time of day is %v behind what it was told %v ago", took-since, took)
				}
			case "slept":
				if d := time.Duration(n); d < 100*time.Millisecond || d > 10*time.Second {
					t.Errorf("a sleep of 100ms took %v of the guest's time", d)
				}
			case "stack":
				// The process is a copy of the one that waited.
				if i == 0 {
					stack = value
				} else if value != stack {
					t.Errorf("the first test has its stack at %s, in the guest before at %s: it is not the process that was saved", value, stack)
				}
			default:
				if strings.Contains(value, ",") && !strings.HasSuffix(value, ",<nil>") {
					t.Errorf("%s", s)
				}
				if seen[s] != "" {
					t.Errorf("two guests have the same %s", s)
				}
				seen[s] = key
			}
		}
		// The second test's process is the guest's own.
		for _, s := range g.run(wire.Message{ID: "clone"}).saw {
			if strings.HasPrefix(s, "stack=") {
				if seen[s] != "" {
					t.Errorf("two guests have the same %s", s)
				}
				seen[s] = "stack"
			}
		}
		g.sound("a restore")
		g.send(wire.Message{Kind: wire.Stop})
		for m := g.next(); m.Kind != wire.Bye; m = g.next() {
			if m.Kind == wire.Log {
				t.Errorf("the guest says %q", m.Text)
			}
		}
	}
	if len(seen) != 9 {
		t.Errorf("saw %v, want three things of each guest", seen)
	}

	// One that was not told has the time of the snapshot: that is what Wake is
	// for.
	asleep := restored(t, cfg, dir, time.Time{})
	r := asleep.run(wire.Message{ID: "done"})
	if r.end.Status != wire.Done {
		t.Errorf("a guest that was not woken: %+v", r.end)
	}
	// And nonsense is told and no end.
	for _, m := range []wire.Message{{Kind: wire.Wake}, {Kind: wire.Wake, Now: time.Now(), Random: []byte("short")}} {
		asleep.send(m)
		if got := asleep.next(); got.Kind != wire.Hello {
			t.Errorf("%+v, want hello", got)
		}
		if got := asleep.next(); got.Kind != wire.Log || !strings.Contains(got.Text, "restored guest: ") {
			t.Errorf("%+v, want a line that says what is missing", got)
		}
	}
	asleep.sound("a Wake without words")
}

// What a restored test costs: through package vm to the agent's Hello, and to
// the End of a small test and of the guest, against QEMU alone with the same
// arguments, once to the same Hello, and once to the same End: what of the
// first ratio is the test itself, whoever runs it.
func BenchmarkRestoredTest(b *testing.B) {
	cfg := vm.Config{Kernel: os.Getenv("UETEST_TEST_KERNEL"), Port: wire.PortName}
	if cfg.Kernel == "" {
		b.Skip("needs a kernel: set UETEST_TEST_KERNEL to a vmlinux")
	}
	img, err := Build(b.Context(), Options{Root: "..", Cache: sharedCache})
	if err != nil {
		b.Fatal(err)
	}
	dir := b.TempDir()
	cfg.Initrd, cfg.Console, cfg.SaveTo = img.Path, filepath.Join(dir, "console"), filepath.Join(dir, "snapshot")
	v, err := vm.Start(b.Context(), cfg)
	if err != nil {
		b.Fatal(err)
	}
	talk(b, v.Channel(), wire.Message{Kind: wire.Settle}, wire.Settled)
	if err := v.Save(b.Context()); err != nil {
		b.Fatal(err)
	}
	cfg.SaveTo = ""
	v = restore(b, cfg, filepath.Join(dir, "snapshot"))
	args := v.Command().Args
	if err := v.Close(); err != nil {
		b.Fatal(err)
	}
	test := wire.Message{Kind: wire.Run, ID: "enable/event-file", Program: "enable", Timeout: patience}

	for _, bare := range []struct {
		name string
		ask  []wire.Message
	}{
		{"hello", nil},
		{"end", []wire.Message{test}},
	} {
		b.Run("bare to "+bare.name, func(b *testing.B) {
			var hello []float64
			var times paired.Times
			for b.Loop() {
				times.Add(func() {
					begin := time.Now()
					v := restore(b, cfg, filepath.Join(dir, "snapshot"))
					talk(b, v.Channel(), wakeUp(time.Now()), wire.Hello)
					hello = append(hello, time.Since(begin).Seconds())
					if m := talk(b, v.Channel(), test, wire.End); m.Status != wire.Done {
						b.Fatalf("the test ended %s %q", m.Status, m.Text)
					}
					if err := v.Close(); err != nil {
						b.Fatal(err)
					}
				}, func() { bareRestore(b, args, filepath.Join(dir, "snapshot"), bare.ask...) })
			}
			times.Report(b, "test", "bare")
			slices.Sort(hello)
			b.ReportMetric(hello[len(hello)/2], "s/hello")
		})
	}
}

// talk sends a message and returns the first answer of a kind.
func talk(b *testing.B, conn net.Conn, m wire.Message, kind wire.Kind) wire.Message {
	b.Helper()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		b.Fatal(err)
	}
	if err := wire.NewEncoder(conn).Encode(m); err != nil {
		b.Fatal(err)
	}
	for dec := wire.NewDecoder(conn); ; {
		got, err := dec.Decode()
		if err != nil {
			b.Fatalf("want %s: %v", kind, err)
		}
		if got.Kind == kind {
			return got
		}
	}
}

// bareRestore is QEMU with nobody around it: what its monitor and the guest are
// to be told first waits in their sockets. The guest runs tests to their End.
func bareRestore(b *testing.B, args []string, dir string, tests ...wire.Message) {
	cmd := exec.Command(vm.Microvm.QEMU, args...)
	var conns [2]net.Conn // both are held to the end: QEMU drops what it has not read of a monitor that hangs up
	for i := range conns {
		fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			b.Fatal(err)
		}
		ours := os.NewFile(uintptr(fds[0]), "ours")
		conn, err := net.FileConn(ours)
		if err != nil {
			b.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		conns[i] = conn
		_ = ours.Close()
		cmd.ExtraFiles = append(cmd.ExtraFiles, os.NewFile(uintptr(fds[1]), "theirs"))
	}
	monitor, port := conns[0], conns[1]
	if _, err := io.WriteString(monitor, `{"execute":"qmp_capabilities"}
{"execute":"migrate-set-capabilities","arguments":{"capabilities":[{"capability":"x-ignore-shared","state":true}]}}
{"execute":"migrate-incoming","arguments":{"uri":"fd:7"}}
`); err != nil {
		b.Fatal(err)
	}
	for _, name := range []string{os.DevNull, filepath.Join(dir, "memory"), filepath.Join(dir, "state")} {
		f, err := os.OpenFile(name, os.O_RDWR, 0)
		if err != nil {
			b.Fatal(err)
		}
		cmd.ExtraFiles = append(cmd.ExtraFiles, f)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // killed
	}()
	for _, f := range cmd.ExtraFiles {
		_ = f.Close()
	}
	talk(b, port, wakeUp(time.Now()), wire.Hello)
	for _, m := range tests {
		talk(b, port, m, wire.End)
	}
}

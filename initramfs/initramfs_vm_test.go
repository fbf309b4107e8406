package initramfs

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"uetest/internal/vm"
	"uetest/internal/wire"
)

// These tests boot a real kernel with a real image and talk to the agent in it.
// $UETEST_TEST_KERNEL is the kernel, a vmlinux or bzImage with user_events.
// patience bounds every wait for the guest: a boot takes a second on an idle
// machine and twenty on a busy one. Only a fault reaches it.
const patience = 2 * time.Minute

// misbehaving is an image whose only area is the agent's test program.
func misbehaving(t *testing.T, more map[string]string) Image {
	t.Helper()
	files := map[string]string{
		"selftests/misbehave/main.go": "package main\n\nimport \"uetest/internal/agent/misbehave\"\n\nfunc main() { misbehave.Main() }\n",
	}
	for name, text := range more {
		files[name] = text
	}
	return mustBuild(t, Options{Root: tree(t, files)})
}

// A guest is a booted image.
type guest struct {
	t     *testing.T
	vm    *vm.VM
	dec   *wire.Decoder
	enc   *wire.Encoder
	hello wire.Message
}

func start(t *testing.T, cfg vm.Config) *vm.VM {
	t.Helper()
	cfg.Kernel = os.Getenv("UETEST_TEST_KERNEL")
	if cfg.Kernel == "" {
		t.Skip("needs a kernel: set UETEST_TEST_KERNEL to a vmlinux")
	}
	if cfg.Port == "" {
		cfg.Port = wire.PortName
	}
	cfg.Console = filepath.Join(t.TempDir(), "console")
	v, err := vm.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := v.Close(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("console:\n%s", strings.Join(v.ConsoleTail(40), "\n"))
		}
	})
	return v
}

// boot starts a guest and takes its Hello.
func boot(t *testing.T, cfg vm.Config) *guest {
	t.Helper()
	v := start(t, cfg)
	g := &guest{t: t, vm: v, dec: wire.NewDecoder(v.Channel()), enc: wire.NewEncoder(v.Channel())}
	g.hello = g.next()
	if g.hello.Kind != wire.Hello {
		t.Fatalf("first message %+v, want a hello", g.hello)
	}
	return g
}

func (g *guest) next() wire.Message {
	g.t.Helper()
	if err := g.vm.Channel().SetReadDeadline(time.Now().Add(patience)); err != nil {
		g.t.Fatal(err)
	}
	m, err := g.dec.Decode()
	if err != nil {
		g.t.Fatalf("from the guest: %v", err)
	}
	return m
}

func (g *guest) send(m wire.Message) {
	g.t.Helper()
	if err := g.enc.Encode(m); err != nil {
		g.t.Fatalf("to the guest: %v", err)
	}
}

// A run is what one test sent.
type run struct {
	saw, log, output, kmsg []string
	kernel                 []string // of kmsg, what the kernel itself logged
	end                    wire.Message
}

func (g *guest) run(m wire.Message) (r run) {
	g.t.Helper()
	if m.Program == "" {
		m.Program = "misbehave"
		m.ID = "misbehave/" + m.ID
	}
	if m.Timeout == 0 {
		m.Timeout = patience / 2
	}
	m.Kind = wire.Run
	g.send(m)
	for started := false; ; {
		got := g.next()
		started = started || got.Kind == wire.Start
		if !started {
			if got.Kind == wire.End {
				g.t.Fatalf("%s ended without a start: %+v", m.ID, got)
			}
			continue // from before
		}
		if got.Kind != wire.Kmsg && got.ID != m.ID {
			g.t.Errorf("message %+v during %s", got, m.ID)
		}
		switch got.Kind {
		case wire.Saw:
			r.saw = append(r.saw, got.Key+"="+got.Value)
		case wire.Log:
			r.log = append(r.log, got.Text)
		case wire.Output:
			r.output = append(r.output, got.Text)
		case wire.Kmsg:
			r.kmsg = append(r.kmsg, got.Text)
			if got.Facility == 0 {
				r.kernel = append(r.kernel, got.Text)
			}
		case wire.End:
			r.end = got
			return r
		}
	}
}

func contains(lines []string, text string) bool {
	return slices.ContainsFunc(lines, func(line string) bool { return strings.Contains(line, text) })
}

// sound checks that the guest is as good as new.
func (g *guest) sound(after string) {
	g.t.Helper()
	r := g.run(wire.Message{ID: "done"})
	if r.end.Status != wire.Done || !slices.Equal(r.saw, []string{"word=1", "other=0"}) {
		g.t.Fatalf("after %s a good test ends %s %q and saw %q", after, r.end.Status, r.end.Text, r.saw)
	}
}

// TestGuestWithoutAPortOrAskedForItGivesAShell looks at the console only: what
// is behind it takes no input.
func TestGuestWithoutAPortOrAskedForItGivesAShell(t *testing.T) {
	img := misbehaving(t, nil)
	for name, tt := range map[string]struct {
		cfg  vm.Config
		want []string
	}{
		"no port":   {vm.Config{Port: "org.somebody.else"}, []string{"no virtio port named org.uetest.results within 2s; there are: vport0p1=org.somebody.else", "uetest: tracefs is at "}},
		"asked for": {vm.Config{Append: []string{"uetest.shell"}}, []string{"uetest: tracefs is at "}},
	} {
		t.Run(name, func(t *testing.T) {
			tt.cfg.Initrd = img.Path
			v := start(t, tt.cfg)
			deadline := time.Now().Add(patience)
			for {
				console := strings.Join(v.ConsoleTail(30), "\n")
				missing := slices.DeleteFunc(slices.Clone(tt.want), func(s string) bool { return strings.Contains(console, s) })
				if len(missing) == 0 {
					break
				}
				if time.Now().After(deadline) {
					t.Fatalf("not on the console: %q", missing)
				}
				select {
				case <-v.Done():
					t.Fatalf("the machine ended: %s %v; not on the console: %q", v.End(), v.Err(), missing)
				case <-time.After(50 * time.Millisecond):
				}
			}
		})
	}
}

// BenchmarkHello is the time from the start of QEMU to Hello, which is what an
// image costs each boot.
func BenchmarkHello(b *testing.B) {
	kernel := os.Getenv("UETEST_TEST_KERNEL")
	if kernel == "" {
		b.Skip("needs a kernel: set UETEST_TEST_KERNEL to a vmlinux")
	}
	img, err := Build(b.Context(), Options{Root: "..", Cache: sharedCache})
	if err != nil {
		b.Fatal(err)
	}
	info, err := os.Stat(img.Path)
	if err != nil {
		b.Fatal(err)
	}
	dir := b.TempDir()
	for b.Loop() {
		v, err := vm.Start(b.Context(), vm.Config{Kernel: kernel, Initrd: img.Path, Port: wire.PortName, Console: filepath.Join(dir, "console")})
		if err != nil {
			b.Fatal(err)
		}
		if err := v.Channel().SetReadDeadline(time.Now().Add(patience)); err != nil {
			b.Fatal(err)
		}
		m, err := wire.NewDecoder(v.Channel()).Decode()
		if err != nil || m.Kind != wire.Hello {
			b.Fatalf("%+v, %v", m, err)
		}
		if err := v.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(info.Size())/(1<<20), "image-MiB")
}

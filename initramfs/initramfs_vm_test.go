package initramfs

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
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

func TestGuest(t *testing.T) {
	g := boot(t, vm.Config{Initrd: misbehaving(t, nil).Path})

	t.Run("says what it is", func(t *testing.T) {
		h := g.hello
		if err := h.CheckVersion(); err != nil {
			t.Error(err)
		}
		if !regexp.MustCompile(`^\d+\.\d+`).MatchString(h.Guest.Release) || h.Guest.Machine != "x86_64" || h.Guest.CPUs != vm.DefaultCPUs {
			t.Errorf("guest %+v", h.Guest)
		}
		if !slices.Contains([]string{"g0", "g0+stable", "g1", "g2", "g3"}, h.Guest.Generation) {
			t.Errorf("generation %q", h.Guest.Generation)
		}
		if h.Guest.Missing == nil {
			t.Error("missing features: none were looked for")
		}
	})
	t.Run("is silent until it is asked", func(t *testing.T) {
		// The boot's kernel log comes behind Hello. Then there is nothing.
		var notes []string
		conn := g.vm.Channel()
		if err := conn.SetReadDeadline(time.Now().Add(2 * time.Second)); err != nil {
			t.Fatal(err)
		}
		seen, first := 0, ""
		for {
			m, err := g.dec.Decode()
			if errors.Is(err, os.ErrDeadlineExceeded) {
				break
			}
			switch {
			case err != nil:
				t.Fatal(err)
			case m.Kind == wire.Kmsg:
				if seen++; seen == 1 {
					first = m.Text
				}
			default:
				notes = append(notes, m.Text)
			}
		}
		if seen < 20 || !strings.HasPrefix(first, "Linux version") {
			t.Errorf("%d records of the kernel log, the first %q; want the whole boot", seen, first)
		}
		if len(notes) > 0 {
			t.Errorf("the set-up did not go well: %q", notes)
		}
		g.sound("two seconds of silence")
	})
	t.Run("is set up for tests", func(t *testing.T) {
		r := g.run(wire.Message{ID: "guest"})
		for _, want := range []string{
			"mount=/proc:proc", "mount=/sys:sysfs", "mount=/dev:devtmpfs", "mount=/tmp:tmpfs",
			"mount=/sys/kernel/tracing:tracefs", "mount=/dev/pts:devpts",
			"hostname=uetest", "tmp=1777", "nofile=1048576 <nil>", "lo=unknown0x9",
			"kernel/printk_devkmsg=on", "kernel/kptr_restrict=0", "vm/oom_dump_tasks=0",
			"PATH=/bbin:/selftests", "HOME=/", "TMPDIR=/tmp",
			"self=/selftests/misbehave<nil>", "nice=0",
			"SigBlk=0000000000000000", "SigIgn=0000000000000000",
		} {
			if !slices.Contains(r.saw, want) {
				t.Errorf("no %s in %q", want, r.saw)
			}
		}
	})
	for _, tt := range []struct {
		behaviour string
		limit     time.Duration
		status    wire.Status
		text      string // in the End's text
		output    string // in what it printed
		log       string // in a line of the log
	}{
		{behaviour: "done", status: wire.Done},
		{behaviour: "skipped", status: wire.Skipped, text: "needs hugetlb"},
		{behaviour: "failed", status: wire.Failed, text: "open: no such file"},
		{behaviour: "silent", status: wire.Crashed, text: "exit status 0 without an end message"},
		{behaviour: "exits", status: wire.Crashed, text: `exit status 3 after it had said "done"`},
		{behaviour: "panics", status: wire.Crashed, text: "exit status 2", output: "panic: on purpose"},
		{behaviour: "segfaults", status: wire.Crashed, text: "signal 11 (SIGSEGV)"},
		{behaviour: "killed", status: wire.Crashed, text: `signal 9 (SIGKILL) after it had said "done"`},
		{behaviour: "loops", limit: time.Second, status: wire.Timeout, text: "not ended after 1s", output: "looping\n", log: "(misbehave) in state "},
		{behaviour: "sleeps", limit: time.Second, status: wire.Timeout, text: `after it had said "done"`, log: "(misbehave) in state S at "},
		{behaviour: "ignores", limit: time.Second, status: wire.Timeout},
		{behaviour: "garbage", status: wire.Failed, text: "descriptor 3: not a message"},
		{behaviour: "floods output", status: wire.Done, output: "the last line"},
		{behaviour: "floods report", status: wire.Done},
		{behaviour: "leaves a child", status: wire.Done, log: "left behind and killed: "},
		{behaviour: "leaves a deep child", status: wire.Done, log: "left behind and killed: "},
		{behaviour: "child keeps the pipe", status: wire.Done, log: "left behind and killed: "},
		// A chain of processes, each of which is gone when it is looked for.
		{behaviour: "hydra", status: wire.Done},
		{behaviour: "bomb", limit: 3 * time.Second, status: wire.Timeout, text: "not ended after 3s"},
		{behaviour: "bombs and ends", status: wire.Done, log: "left behind and killed: "},
		{behaviour: "hogs memory", status: wire.Crashed, text: "signal 9 (SIGKILL) without"},
		{behaviour: "signals init", status: wire.Done},
	} {
		t.Run("survives a test that "+tt.behaviour, func(t *testing.T) {
			g.t = t
			r := g.run(wire.Message{ID: tt.behaviour, Timeout: tt.limit})
			if r.end.Status != tt.status || !strings.Contains(r.end.Text, tt.text) {
				t.Errorf("end %s %q, want %s with %q", r.end.Status, r.end.Text, tt.status, tt.text)
			}
			if !strings.Contains(strings.Join(r.output, ""), tt.output) {
				t.Errorf("output %.500q, want %q in it", r.output, tt.output)
			}
			if !contains(r.log, tt.log) && tt.log != "" {
				t.Errorf("log %q, want a line with %q", r.log, tt.log)
			}
			if tt.limit != 0 && r.end.At > tt.limit+wire.EndLimit {
				t.Errorf("the end came after %v, the watchdog's limit was %v", r.end.At, tt.limit)
			}
			g.sound(tt.behaviour)
		})
	}
	t.Run("refuses a program it does not have", func(t *testing.T) {
		g.t = t
		r := g.run(wire.Message{ID: "x/y", Program: "nothing"})
		if r.end.Status != wire.Failed || !strings.Contains(r.end.Text, "there are: demo, misbehave") {
			t.Errorf("end %s %q", r.end.Status, r.end.Text)
		}
	})
	t.Run("refuses another version", func(t *testing.T) {
		g.t = t
		g.send(wire.Message{Kind: wire.Run, ID: "misbehave/done", Program: "misbehave", Version: wire.Version + 1})
		m := g.next()
		for m.Kind == wire.Kmsg {
			m = g.next()
		}
		if m.Kind != wire.End || m.Status != wire.Failed || !strings.Contains(m.Text, "build both again") {
			t.Errorf("answer %+v, want an end that refuses the run", m)
		}
	})
	t.Run("sends what the kernel logs within the test that caused it", func(t *testing.T) {
		g.t = t
		for range 5 {
			if r := g.run(wire.Message{ID: "splats"}); r.end.Status != wire.Done || !contains(r.kmsg, "uetest: BUG: made up") || len(r.kernel) > 0 {
				t.Errorf("end %s %q; kernel log %q, from the kernel %q; want the program's line, and known as such", r.end.Status, r.end.Text, r.kmsg, r.kernel)
			}
			if r := g.run(wire.Message{ID: "dumps"}); r.end.Status != wire.Done || !contains(r.kernel, "Show Blocked State") {
				t.Errorf("end %s %q; kernel log %q, want the kernel's dump", r.end.Status, r.end.Text, r.kernel)
			}
			if r := g.run(wire.Message{ID: "done"}); len(r.kmsg) > 0 {
				t.Errorf("a silent test has the lines %q", r.kmsg)
			}
		}
	})
	t.Run("says bye and ends the machine", func(t *testing.T) {
		g.t = t
		g.send(wire.Message{Kind: wire.Stop})
		m := g.next()
		for m.Kind == wire.Kmsg {
			m = g.next()
		}
		if m.Kind != wire.Bye || m.Text != "asked to stop" {
			t.Fatalf("answer %+v, want a bye", m)
		}
		if _, err := g.dec.Decode(); err != io.EOF {
			t.Errorf("behind the bye: %v, want the end", err)
		}
		select {
		case <-g.vm.Done():
			if g.vm.End() != vm.Restarted || g.vm.Err() != nil {
				t.Errorf("the machine %s: %v", g.vm.End(), g.vm.Err())
			}
		case <-time.After(patience):
			t.Error("the machine runs on")
		}
	})
}

// wedge registers the last word of page after page for an enabled event. The
// RFC sets a bit in it with an instruction of eight bytes, which at the end of
// a page reaches into whatever lies behind it in physical memory. Where that is
// not mapped the kernel faults, with locks held.
const wedge = `package main

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"

	"uetest/internal/uapi"
	"uetest/internal/wire"
)

func main() {
	report := wire.NewEncoder(os.NewFile(3, "report"))
	fail := func(what string, err error) {
		if err != nil {
			_ = report.Encode(wire.Message{Kind: wire.End, Status: wire.Failed, Text: what + ": " + err.Error()})
			os.Exit(0)
		}
	}
	fd, err := unix.Open("/sys/kernel/tracing/user_events_data", unix.O_RDWR|unix.O_CLOEXEC, 0)
	fail("open", err)
	layout := uapi.G1.Layout()
	name := []byte("wedge\x00")
	register := func(word *byte) {
		var reg [uapi.RegSize]byte
		layout.Put(reg[:], uapi.Reg{EnableAddr: uint64(uintptr(unsafe.Pointer(word))), NameArgs: uint64(uintptr(unsafe.Pointer(&name[0])))})
		fail("register", uapi.Ioctl(fd, uapi.IocReg, unsafe.Pointer(&reg[0])))
	}
	const size = 128 << 20
	mem, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_POPULATE)
	fail("mmap", err)
	register(&mem[0])
	fail("enable", os.WriteFile("/sys/kernel/tracing/events/user_events/wedge/enable", []byte("1"), 0))
	for i := 4092; i < size; i += 4096 {
		register(&mem[i])
	}
	_ = report.Encode(wire.Message{Kind: wire.End, Status: wire.Done})
}
`

// TestKernelThatHangsWithALockIsToldFromATestThatHangs has a test fault in the
// kernel so that neither it nor whatever touches user_events afterwards can be
// killed.
func TestKernelThatHangsWithALockIsToldFromATestThatHangs(t *testing.T) {
	img := misbehaving(t, map[string]string{"selftests/wedge/main.go": wedge})
	// A hole in physical memory every four megabytes: the page before each of
	// them faults. Without holes there is one such page or two, and who gets
	// them is luck.
	appended := []string{"transparent_hugepage=never"}
	for at := 40; at < 240; at += 4 {
		appended = append(appended, fmt.Sprintf("memmap=4K$%dM", at))
	}
	g := boot(t, vm.Config{Initrd: img.Path, Memory: 256, Append: appended})
	if g.hello.Guest.Generation != "g1" {
		t.Skipf("needs the RFC's kernel (g1) in UETEST_TEST_KERNEL, this is %q", g.hello.Guest.Generation)
	}
	r := g.run(wire.Message{ID: "wedge/first", Program: "wedge", Timeout: patience / 2})
	t.Logf("first: %s %s, after %v\n%s", r.end.Status, r.end.Text, r.end.At, strings.Join(append(r.log, r.kernel...), "\n"))
	if !contains(r.kernel, "user_event_enabler_write") || !contains(r.kernel, "BUG: ") {
		t.Fatal("no fault of the kernel within the test")
	}
	if r.end.Status != wire.Crashed || !strings.Contains(r.end.Text, "the kernel faulted") {
		t.Errorf("end %s %q, want crashed because the kernel faulted", r.end.Status, r.end.Text)
	}

	// Whoever comes next hangs on the lock, and cannot be killed.
	r = g.run(wire.Message{ID: "wedge/second", Program: "wedge", Timeout: 2 * time.Second})
	t.Logf("second: %s %s, after %v\n%s", r.end.Status, r.end.Text, r.end.At, strings.Join(r.log, "\n"))
	if r.end.Status != wire.Timeout || !strings.Contains(r.end.Text, "cannot be killed: ") || !strings.Contains(r.end.Text, "in state D") {
		t.Errorf("end %s %q, want a timeout with the process that cannot be killed", r.end.Status, r.end.Text)
	}
	if !contains(r.log, "SIGKILL does not end: ") || !contains(r.log, "in state D at ") {
		t.Errorf("log %q, want where the process hangs", r.log)
	}
	if most := 2*time.Second + wire.EndLimit; r.end.At > most {
		t.Errorf("the end came after %v, want at most %v", r.end.At, most)
	}

	// The agent itself is well, and does not wait again for what is stuck.
	begin := time.Now()
	g.sound("a fault of the kernel")
	t.Logf("a good test then took %v", time.Since(begin))
	g.send(wire.Message{Kind: wire.Stop})
	m := g.next()
	for m.Kind == wire.Kmsg {
		m = g.next()
	}
	if m.Kind != wire.Bye {
		t.Errorf("answer to stop %+v, want a bye", m)
	}
	select {
	case <-g.vm.Done():
	case <-time.After(patience):
		t.Error("the machine runs on")
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
		"no port":   {vm.Config{Port: "org.somebody.else"}, []string{"no virtio port named org.uetest.results within 2s; there are: vport0p1=org.somebody.else", "uetest: a shell"}},
		"asked for": {vm.Config{Append: []string{"uetest.shell"}}, []string{"uetest: a shell"}},
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

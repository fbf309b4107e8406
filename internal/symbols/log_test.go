package symbols

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

func TestPlacesOfALine(t *testing.T) {
	for _, tt := range []struct {
		line string
		want []string
	}{
		{"[    0.949251]  user_events_ioctl+0x24d/0x610", []string{"user_events_ioctl 24d 610"}},
		{" ? do_futex+0x90/0x130", []string{"do_futex 90 130"}},
		{"[    0.6][   T57] RIP: 0010:user_events_write_core.isra.0+0x65/0x160", []string{"user_events_write_core.isra.0 65 160 exact"}},
		{"RIP: 0033:0x40a88e", nil},
		{"EIP: f+0x1/0x2", []string{"f 1 2 exact"}},
		{"pc : f+0x1/0x2", []string{"f 1 2 exact"}},
		{"lr : f+0x1/0x2", []string{"f 1 2"}},
		{"epc : f+0x1/0x2", []string{"f 1 2 exact"}},
		{" ra : f+0x1/0x2", []string{"f 1 2"}},
		{"[    0.6] epc : f+0x1/0x2", []string{"f 1 2 exact"}},
		{"WARNING: CPU: 0 PID: 7 at mm/gup.c:1 f+0x1/0x2", []string{"f 1 2 exact"}},
		{"[    1.0] WARNING: mm/gup.c:1 at f+0x1/0x2, CPU#0: x/7", []string{"f 1 2 exact"}},
		{"BUG: KASAN: use-after-free in f+0x1/0x2", []string{"f 1 2"}},
		{" f+0x1/0x2 [ext4]", nil},
		{" f+0x1/0x2 [ext4 0123456789abcdef0123]", nil},
		{" f+0x1/0x2 [ext4] g+0x3/0x4", []string{"g 3 4"}},
		{" f+0x1/0x2 (a/b.c:12)", nil},
		{" f+0x1/0x2 (a/b.h:3 a/b.c:12)", nil},
		{" f+0x1/0x2 (unreliable)", []string{"f 1 2"}},
		{" [<ffffffff81000000>] ? f+0x1/0x2", []string{"f 1 2"}},
		{"last enabled at (42): [<c0>] f+0x1/0x2 and g.cold+0x1/0x8", []string{"f 1 2", "g.cold 1 8"}},
		{" f+0x12345678901234567/0x2", nil},
		{" f+0x1", nil},
		{" 9f+0x1/0x2", []string{"f 1 2"}},
		{"", nil},
	} {
		var got []string
		for _, p := range Places(tt.line) {
			s := fmt.Sprintf("%s %x %x", p.Function, p.Offset, p.Size)
			if p.Exact {
				s += " exact"
			}
			got = append(got, s)
		}
		if !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%q: got %q, want %q", tt.line, got, tt.want)
		}
	}
}

func TestLinesGetTheirPlaces(t *testing.T) {
	m := open(t, compile(t, "-g"))
	size := sizes(m, "kernel_init")[0]
	inlined := uint64(0)
	for len(m.Lookup("kernel_init", inlined, size)) < 3 {
		inlined++
	}
	for m.Lookup("kernel_init", inlined, size)[0].Line != marked(t, "include/list.h", "in innermost") {
		inlined++
	}
	places := fmt.Sprintf(" (include/list.h:%d include/list.h:%d init/main.c:%d)",
		marked(t, "include/list.h", "in innermost"), marked(t, "include/list.h", "in middle"), marked(t, "init/main.c", "in kernel_init"))
	frame := func(off uint64) string { return fmt.Sprintf("kernel_init+%#x/%#x", off, size) }
	frames := m.Frames()
	for _, tt := range []struct{ name, line, want string }{
		{"an instruction", "RIP: 0010:" + frame(inlined), "RIP: 0010:" + frame(inlined) + places},
		{"the same in the trace: arm64", " " + frame(inlined), " " + frame(inlined) + places},
		{"what a call before it returns to", " ? " + frame(inlined+1) + " tail", " ? " + frame(inlined+1) + places + " tail"},
		{"of a module", " " + frame(inlined) + " [init]", " " + frame(inlined) + " [init]"},
		{"of another kernel", " kernel_init+0x1/0xfff0", " kernel_init+0x1/0xfff0"},
		{"no frame", "<TASK>", "<TASK>"},
	} {
		got := frames.Line(tt.line)
		if got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
		if again := frames.Line(got); again != got {
			t.Errorf("%s, a second time: got %q, want %q", tt.name, again, got)
		}
	}
}

func FuzzPlaces(f *testing.F) {
	f.Add("[    0.949251]  user_events_ioctl+0x24d/0x610")
	f.Add("RIP: 0010:f.isra.0+0x65/0x160 [m 0123] g+0x1/0x2 (a.c:1)")
	f.Fuzz(func(t *testing.T, line string) {
		end := 0
		for _, p := range Places(line) {
			text := fmt.Sprintf("%s+0x", p.Function)
			if p.start < end || p.end > len(line) || !strings.HasPrefix(line[p.start:p.end], text) {
				t.Fatalf("%+v is not in %q", p, line)
			}
			end = p.end
			back := Places(fmt.Sprintf("%s+%#x/%#x", p.Function, p.Offset, p.Size))
			if len(back) != 1 || back[0].Function != p.Function || back[0].Offset != p.Offset || back[0].Size != p.Size {
				t.Fatalf("%+v of %q reads back as %+v", p, line, back)
			}
		}
	})
}

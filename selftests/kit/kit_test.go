package kit

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"uetest/internal/feature"
	"uetest/internal/wire"
)

func TestEndSaysHowTheTestEnded(t *testing.T) {
	for _, c := range []struct {
		name   string
		body   func(*T)
		status wire.Status
		text   string // contained
	}{
		{"returns", func(*T) {}, wire.Done, ""},
		{"fatal", func(k *T) { k.Fatalf("no %s", "luck") }, wire.Failed, "no luck"},
		{"check", func(k *T) { k.Check(unix.EBUSY) }, wire.Failed, "busy"},
		{"skip", func(k *T) { k.Skip(feature.Perf) }, wire.Skipped, "perf"},
		{"panic", func(*T) { panic("ouch") }, wire.Failed, "panic: ouch"},
		{"panic has a stack", func(*T) { panicking() }, wire.Failed, "kit.panicking"},
		{"nil dereference", func(*T) { var w *Word; _ = w.off }, wire.Failed, "nil pointer"},
		{"memory fault", func(k *T) { m := k.Anonymous(1); m.Protect(unix.PROT_NONE); m.Word(0).Load() }, wire.Failed, "invalid memory address"},
		{"odd value", func(k *T) { k.Saw("key", 1.5) }, wire.Failed, "float64"},
		{"blank in a value", func(k *T) { k.Saw("key", "a b") }, wire.Failed, "blank"},
		{"no key", func(k *T) { k.Saw("", 1) }, wire.Failed, "empty"},
		{"error without errno", func(k *T) { k.Saw("key", errors.New("x")) }, wire.Failed, "no errno"},
		{"can't undo", func(k *T) { k.later(undoData, func() error { return unix.EIO }) }, wire.Failed, "left something behind"},
		{"fatal and can't undo", func(k *T) {
			k.later(undoData, func() error { return unix.EIO })
			k.Fatalf("first")
		}, wire.Failed, "first\nand left"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, end := inTest(c.body)
			if end.Kind != wire.End || end.ID != "kit/test" || end.Status != c.status || !strings.Contains(end.Text, c.text) {
				t.Errorf("got %+v, want %s with %q", end, c.status, c.text)
			}
			if c.status == wire.Done && end.Text != "" {
				t.Errorf("a good end says %q", end.Text)
			}
		})
	}
}

func panicking() { panic("here") }

func TestUndoRunsInPhasesAndBackwards(t *testing.T) {
	var order []string
	note := func(s string) func() error { return func() error { order = append(order, s); return nil } }
	want(t, func(k *T) {
		k.later(undoEvents, note("event"))
		k.later(undoData, note("data1"))
		k.later(undoData, note("data2"))
		k.Cleanup(func() { order = append(order, "test") })
		k.later(undoChildren, note("child"))
	})
	if got := strings.Join(order, " "); got != "child test data2 data1 event" {
		t.Errorf("got %s", got)
	}
}

func TestMeasureIsALineAndANumber(t *testing.T) {
	seen, _ := inTest(func(k *T) { k.Measure("time", 30, "places", 1234.56, "µs") })
	want := wire.Sample{Of: "time", X: 30, Per: "places", Y: 1234.56, Unit: "µs"}
	if len(seen) != 1 || seen[0].Kind != wire.Log || seen[0].Text != "time: 30 places: 1235 µs" || seen[0].Sample == nil || *seen[0].Sample != want {
		t.Errorf("got %+v", seen)
	}
}

func TestObservationsKeepTheirOrderAndForm(t *testing.T) {
	seen, _ := inTest(func(k *T) {
		k.Saw("nil", nil)
		k.Saw("errno", fmt.Errorf("open x: %w", &os.PathError{Op: "open", Path: "x", Err: unix.EFAULT}))
		k.Saw("yes", true)
		k.Saw("no", false)
		k.Saw("n", -3)
		k.Saw("word", uint32(0x1f))
		k.Saw("s", "a:b")
		k.Saw("count", Result(8, nil))
		k.Saw("failed", Result(-1, unix.EBADF))
		k.Logf("for %s", "people")
	})
	var got []string
	for _, m := range seen {
		if m.ID != "kit/test" {
			t.Errorf("message of %q", m.ID)
		}
		if m.Kind == wire.Saw {
			got = append(got, m.Key+"="+m.Value)
		}
	}
	const wanted = "nil=ok errno=EFAULT yes=yes no=no n=-3 word=0x0000001f s=a:b count=8 failed=EBADF"
	if g := strings.Join(got, " "); g != wanted {
		t.Errorf("got  %s\nwant %s", g, wanted)
	}
	if last := seen[len(seen)-1]; last.Kind != wire.Log || last.Text != "for people" {
		t.Errorf("the log line: %+v", last)
	}
}

func TestCommandLine(t *testing.T) {
	tests := Tests{"kit/b": func(*T) {}, "kit/a": func(k *T) { k.Saw("a", 1) }}
	for _, c := range []struct {
		args   []string
		code   int
		stdout string
		sent   string
	}{
		{[]string{"-list"}, 0, "kit/a\nkit/b\n", ""},
		{[]string{"-run", "kit/a"}, 0, "", "saw kit/a; end kit/a done"},
		{[]string{"-run", "kit/c"}, 0, "", "end kit/c failed"},
		{[]string{"-run"}, 2, "", ""},
		{nil, 2, "", ""},
	} {
		var stdout, stderr bytes.Buffer
		var sent []string
		to := sender{func(m wire.Message) error {
			sent = append(sent, strings.TrimSpace(fmt.Sprintf("%s %s %s", m.Kind, m.ID, m.Status)))
			return nil
		}, -1}
		code := run(c.args, tests, &stdout, &stderr, to)
		if code != c.code || stdout.String() != c.stdout || strings.Join(sent, "; ") != c.sent {
			t.Errorf("%q: got %d, %q, %q; want %d, %q, %q", c.args, code, stdout.String(), sent, c.code, c.stdout, c.sent)
		}
		if (code == 2) != strings.Contains(stderr.String(), "usage") {
			t.Errorf("%q: code %d, stderr %q", c.args, code, stderr.String())
		}
	}
}

func TestUnreportableEndIsAnExitCode(t *testing.T) {
	var stderr bytes.Buffer
	to := sender{func(wire.Message) error { return unix.EPIPE }, -1}
	if code := run([]string{"-run", "kit/a"}, Tests{"kit/a": func(*T) {}}, &stderr, &stderr, to); code != 2 {
		t.Errorf("got %d, want 2", code)
	}
}

func TestWordsAreWhereTheySay(t *testing.T) {
	want(t, func(k *T) {
		m := k.Anonymous(2).Touch()
		w := m.Word(8)
		w.Store(0xf0)
		w.Or(0x0f)
		w.Add(1)
		if got := w.Load(); got != 0x100 {
			t.Errorf("got %#x, want 0x100", got)
		}
		if w.Addr() != m.Addr(0)+8 || w.Next(-2).Addr() != m.Addr(0) {
			t.Error("addresses do not follow the offsets")
		}
		if m.Addr(len(m.Bytes())) != m.Addr(0)+uint64(len(m.Bytes())) {
			t.Error("the end has no address")
		}
		m.PutString(16, "abc")
		if !bytes.Equal(m.Bytes()[16:20], []byte("abc\x00")) {
			t.Errorf("string: % x", m.Bytes()[16:20])
		}
	})
	for name, body := range map[string]func(*T){
		"odd word":        func(k *T) { k.Anonymous(1).Word(2) },
		"word behind":     func(k *T) { k.Anonymous(1).Word(os.Getpagesize()) },
		"string too long": func(k *T) { k.Anonymous(1).PutString(os.Getpagesize()-3, "abc") },
	} {
		if _, end := inTest(body); end.Status != wire.Failed {
			t.Errorf("%s: ended %s", name, end.Status)
		}
	}
}

func TestObjectsAreCountedInTheCacheThatServesThem(t *testing.T) {
	x86 := []string{"kmalloc-8", "kmalloc-16", "kmalloc-32", "kmalloc-64", "kmalloc-96", "kmalloc-128", "mm_struct"}
	arm64 := []string{"kmalloc-128", "kmalloc-256", "mm_struct"}
	for _, tt := range []struct {
		cache string
		there []string
		want  string
	}{
		{"kmalloc-64", x86, "kmalloc-64"},
		{"kmalloc-96", x86, "kmalloc-96"},
		{"kmalloc-16", arm64, "kmalloc-128"},
		{"kmalloc-96", arm64, "kmalloc-128"},
		{"kmalloc-192", arm64, "kmalloc-256"},
		{"kmalloc-1k", arm64, "kmalloc-1k"},
		{"mm_struct", arm64, "mm_struct"},
		{"no_such", arm64, "no_such"},
	} {
		if got := servedBy(tt.cache, func(c string) bool { return slices.Contains(tt.there, c) }); got != tt.want {
			t.Errorf("%s of %v: %s, want %s", tt.cache, tt.there, got, tt.want)
		}
	}
}

package main

import (
	"bytes"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"uetest/selftests/kit"
)

func payloadInTrace(t *kit.T) {
	d, ev, r := enabled(t, "u32 count")
	n, err := d.Write(r.Index, []byte{0x2a, 0, 0, 0x80})
	wrote(t, ev, n, err)
	records := t.Trace("trace", ev)
	t.Saw("own-pid", len(records) == 1 && records[0].PID == unix.Gettid())
}

// The fields give the least that has to be written and not the most.
func longerThanFields(t *kit.T) {
	d, ev, r := enabled(t, "u8 a")
	n, err := d.Write(r.Index, []byte("abcdefghijklmnopqrstuvwxyz01"))
	wrote(t, ev, n, err)
}

func orderOfRecords(t *kit.T) {
	d, ev, r := enabled(t, "u32 a")
	for _, b := range []byte{3, 1, 2} {
		_, err := d.Write(r.Index, []byte{b, 0, 0, 0})
		t.Check(err)
	}
	t.Saw("trace", kit.Payloads(t.Trace("trace", ev)))
}

// writev makes one record of its parts, also where the index is cut in two.
func gathered(t *kit.T) {
	d, ev, r := enabled(t, "u32 a; u32 b")
	index := []byte{byte(r.Index), 0, 0, 0}
	n, err := unix.Writev(d.FD, [][]byte{index[:1], index[1:], {1, 2, 3}, {4, 5}, {6, 7, 8}})
	wrote(t, ev, n, err)
}

func twoEvents(t *kit.T) {
	d, ev, r := enabled(t, "u32 a")
	other := t.Event("u32 a")
	s := d.Register(other, t.Word().Bit(0))
	other.On()
	t.Saw("indexes", strconv.Itoa(r.Index)+","+strconv.Itoa(s.Index))
	_, err := d.Write(r.Index, []byte{0xaa, 0, 0, 0})
	t.Check(err)
	_, err = d.Write(s.Index, []byte{0xbb, 0, 0, 0})
	t.Check(err)
	t.Saw("first", kit.Payloads(t.Trace("trace", ev)))
	t.Saw("second", kit.Payloads(t.Trace("trace", other)))
}

// The same index means another event on another descriptor.
func indexIsPerDescriptor(t *kit.T) {
	_, ev, _ := enabled(t, "u32 a")
	d, other := t.Open(), t.Event("u32 a")
	s := d.Register(other, t.Word().Bit(0))
	r := d.Register(ev, t.Word().Bit(0))
	other.On()
	t.Saw("indexes", strconv.Itoa(s.Index)+","+strconv.Itoa(r.Index))
	_, err := d.Write(0, []byte{0xbb, 0, 0, 0})
	t.Check(err)
	t.Saw("first", kit.Payloads(t.Trace("trace", ev)))
	t.Saw("second", kit.Payloads(t.Trace("trace", other)))
}

func bothBuffers(t *kit.T) {
	d, ev, r := enabled(t, "u32 a")
	in := t.Instance()
	t.WriteFile(in.Path(ev.Path("enable")), "1")
	_, err := d.Write(r.Index, []byte{1, 0, 0, 0})
	t.Check(err)
	ev.Off()
	_, err = d.Write(r.Index, []byte{2, 0, 0, 0})
	t.Check(err)
	t.Saw("top", kit.Payloads(t.Trace("trace", ev)))
	t.Saw("instance", kit.Payloads(t.Trace(in.Path("trace"), ev)))
}

func perfCounts(t *kit.T) {
	t.ClearTrace()
	d, ev := t.Open(), t.Event("u32 a")
	r := d.Register(ev, t.Word().Bit(0))
	p := t.PerfOpen(ev)
	for range 3 {
		_, err := d.Write(r.Index, []byte{1, 0, 0, 0})
		t.Check(err)
	}
	t.Saw("count", p.Count())
	t.Saw("trace", kit.Payloads(t.Trace("trace", ev)))
}

func perfSample(t *kit.T) {
	d, ev := t.Open(), t.Event("u64 a; u32 b")
	r := d.Register(ev, t.Word().Bit(0))
	p := t.PerfOpen(ev)
	p.Sample()
	_, err := d.Write(r.Index, []byte("0123456789ab"))
	t.Check(err)
	records := p.Records()
	t.Saw("samples", len(records))
	t.Saw("payload", len(records) == 1 && bytes.HasPrefix(records[0], []byte("0123456789ab")))
}

// A filter on a field is looked at when the record is there, so the write
// succeeds either way.
func filter(t *kit.T) {
	d, ev, r := enabled(t, "u32 a")
	t.WriteFile(ev.Path("filter"), "a == 7")
	for _, b := range []byte{6, 7} {
		n, err := d.Write(r.Index, []byte{b, 0, 0, 0})
		t.Saw("write-"+strconv.Itoa(int(b)), kit.Result(n, err))
	}
	t.Saw("trace", kit.Payloads(t.Trace("trace", ev)))
}

// trace_pipe consumes what it shows.
func tracePipe(t *kit.T) {
	d, ev, r := enabled(t, "u32 a")
	_, err := d.Write(r.Index, []byte{0x5a, 0, 0, 0})
	t.Check(err)
	f, err := os.OpenFile(kit.Tracefs+"/trace_pipe", os.O_RDONLY|unix.O_NONBLOCK, 0)
	t.Check(err)
	t.Cleanup(func() { _ = f.Close() })
	buf := make([]byte, 1<<16)
	n, err := unix.Read(int(f.Fd()), buf)
	t.Check(err)
	t.Saw("pipe", printed(t, ev, string(buf[:n])))
	_, err = unix.Read(int(f.Fd()), buf)
	t.Saw("again", err)
	t.Saw("trace", kit.Payloads(t.Trace("trace", ev)))
}

// printed is how the text of a trace shows the one event that it holds: a dump
// of the entry, or its fields.
func printed(t *kit.T, ev *kit.Event, text string) string {
	if t.PrintsFields() {
		_, fields, _ := strings.Cut(strings.TrimSpace(text), ev.Name+": ")
		return strings.NewReplacer(" ", "_", "=", "~").Replace(fields)
	}
	records, err := kit.ParseTrace(text)
	t.Check(err)
	return kit.Payloads(t.Unpad(records))
}

func disabled(t *kit.T) {
	d, ev, r := enabled(t, "u32 a")
	ev.Off()
	n, err := d.Write(r.Index, []byte{1, 0, 0, 0})
	wrote(t, ev, n, err)
}

// An event is written while the ring buffer is stopped: the program can't
// know and is not told.
func tracingOff(t *kit.T) {
	d, ev, r := enabled(t, "u32 a")
	t.SetFile("tracing_on", "0")
	n, err := d.Write(r.Index, []byte{1, 0, 0, 0})
	wrote(t, ev, n, err)
}

func againAfterToggle(t *kit.T) {
	d, ev, r := enabled(t, "u32 a")
	_, err := d.Write(r.Index, []byte{1, 0, 0, 0})
	t.Check(err)
	ev.Off()
	_, _ = d.Write(r.Index, []byte{2, 0, 0, 0}) // the count or EBADF: write/disabled tells
	ev.On()
	_, err = d.Write(r.Index, []byte{3, 0, 0, 0})
	t.Check(err)
	t.Saw("trace", kit.Payloads(t.Trace("trace", ev)))
}

func noFieldsFourBytes(t *kit.T) {
	d, ev, r := enabled(t, "")
	n, err := d.Write(r.Index, nil)
	t.Saw("write", kit.Result(n, err))
	t.Saw("records", len(t.Trace("trace", ev)))
}

func noFieldsFiveBytes(t *kit.T) {
	d, ev, r := enabled(t, "")
	n, err := d.Write(r.Index, []byte{7})
	t.Saw("write", kit.Result(n, err))
	records := t.Trace("trace", ev)
	t.Saw("first-byte", len(records) == 1 && records[0].Payload[0] == 7)
}

// A record that the ring buffer can't take is dropped.
func largerThanAPage(t *kit.T) {
	d, ev, r := enabled(t, "u32 a")
	n, err := d.Write(r.Index, make([]byte, 2*os.Getpagesize()))
	t.Saw("write", kit.Result(n, err))
	t.Saw("records", len(t.Trace("trace", ev)))
}

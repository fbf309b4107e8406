package main

import "uetest/selftests/kit"

// perfStringOutOfBounds writes a string that points past the record while perf
// alone looks: nothing is counted and the writer is told.
func perfStringOutOfBounds(t *kit.T) {
	t.ClearTrace()
	d, ev := t.Open(), t.Event("__data_loc char[] s")
	r := d.Register(ev, t.Word().Bit(0))
	p := t.PerfOpen(ev)
	p.Sample()
	write := func(offset int) (int, error) {
		return d.Write(r.Index, append(loc(offset, 4), "abc\x00"...))
	}
	t.Saw("in-bounds", kit.Result(write(12)))
	t.Saw("out-of-bounds", kit.Result(write(40)))
	t.Saw("samples", len(p.Records()))
}

// softDisabled has a trigger see the event in the top level buffer, where it is
// not enabled, and an instance that enabled it. The record is the instance's
// alone.
func softDisabled(t *kit.T) {
	t.ClearTrace()
	d, ev, in := t.Open(), t.Event("u32 a"), t.Instance()
	r := d.Register(ev, t.Word().Bit(0))
	t.WriteFile(ev.Path("trigger"), "traceon")
	t.Cleanup(func() { t.WriteFile(ev.Path("trigger"), "!traceon") })
	t.WriteFile(in.Path(ev.Path("enable")), "1")
	n, err := d.Write(r.Index, []byte{7, 0, 0, 0})
	t.Saw("write", kit.Result(n, err))
	t.Saw("top", kit.Payloads(t.Trace("trace", ev)))
	t.Saw("instance", kit.Payloads(t.Trace(in.Path("trace"), ev)))
}

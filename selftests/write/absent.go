package main

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"uetest/selftests/kit"
)

// absentPayload writes a payload from a page that is not there yet, and from
// one that is there no more. The data is copied where no page can be faulted in,
// so that has to be done before.
func absentPayload(t *kit.T) {
	d, ev, r := enabled(t, "u64 a")
	page := t.Map(-1, 1, unix.PROT_READ, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	index := binary.NativeEndian.AppendUint32(nil, uint32(r.Index))
	t.Saw("untouched", kit.Result(unix.Writev(d.FD, [][]byte{index, page.Bytes()[:8]})))
	t.Check(unix.Madvise(page.Bytes(), unix.MADV_DONTNEED))
	n, err := unix.Writev(d.FD, [][]byte{index, page.Bytes()[:8]})
	wrote(t, ev, n, err)
}

// perfNoFields samples an event that has no fields. What stands where a payload
// would is perf's padding.
func perfNoFields(t *kit.T) {
	d, ev := t.Open(), t.Event("")
	r := d.Register(ev, t.Word().Bit(0))
	p := t.PerfOpen(ev)
	p.Sample()
	n, err := d.Write(r.Index, nil)
	t.Saw("write", kit.Result(n, err))
	t.Saw("count", p.Count())
	t.Saw("samples", len(p.Records()))
}

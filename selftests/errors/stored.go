package main

import (
	"bytes"
	"fmt"

	"uetest/internal/uapi"
	"uetest/selftests/kit"
)

// indexStoredWhole has ones where the index is to be stored, and looks at what
// the ioctl changed beside it.
func indexStoredWhole(t *kit.T) {
	desc, r := good(t)
	mem, l := t.Anonymous(1).Touch(), t.Layout()
	const at, descAt = 256, 2048
	r.NameArgs = mem.PutString(descAt, desc)
	for i := range at + l.Size + 64 {
		mem.Bytes()[i] = 0xff
	}
	r.WriteIndex = ^uint32(0)
	mem.PutReg(at, r)
	before := bytes.Clone(mem.Bytes())
	t.Saw("reg", t.Open().Ioctl(uapi.IocReg, mem.Pointer(at)))
	index, _ := l.Outputs(mem.Bytes()[at:])
	t.Saw("index", int(index))
	changed := 0
	for i, b := range mem.Bytes() {
		inIndex := i >= at+l.WriteIndex && i < at+l.WriteIndex+4
		if b != before[i] && !inIndex {
			changed++
		}
	}
	t.Saw("other-bytes-changed", changed)
}

// regEachByteOfTail sets one byte at a time of what a later header may have
// behind the struct.
func regEachByteOfTail(t *kit.T) {
	const size, descAt = 48, 1024
	d, mem := t.Open(), t.Anonymous(1).Touch()
	desc, r := good(t)
	r.Size, r.NameArgs = size, mem.PutString(descAt, desc)
	results := map[string]int{}
	for i := t.Layout().Size; i < size; i++ {
		mem.PutReg(0, r)
		mem.Bytes()[i] = 1
		v, err := kit.Value(d.Ioctl(uapi.IocReg, mem.Pointer(0)))
		t.Check(err)
		results[v]++
		mem.Bytes()[i] = 0
	}
	t.Saw("refused", fmt.Sprintf("%d-of-%d", results["E2BIG"], size-t.Layout().Size))
}

// regReturnsZero registers a second event on a descriptor, whose index is 1:
// that is stored, and the result of the ioctl is 0 all the same.
func regReturnsZero(t *kit.T) {
	d, ev := t.Open(), t.Event("u32 count")
	d.Register(t.Event("u32 count"), t.Word().Bit(0))
	_, r := good(t)
	mem := t.Anonymous(1).Touch()
	r.NameArgs = mem.PutString(1024, ev.Desc)
	mem.PutReg(0, r)
	n, err := d.IoctlResult(uapi.IocReg, mem.Pointer(0))
	t.Saw("reg", kit.Result(n, err))
	index, _ := t.Layout().Outputs(mem.Bytes())
	t.Saw("index", int(index))
}

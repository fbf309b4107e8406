package main

import (
	"os"

	"golang.org/x/sys/unix"

	"uetest/selftests/kit"
)

// pageEnd registers the last word of many pages whose physical neighbours were
// freed a moment ago. What is written past such a page is a use after free.
func pageEnd(t *kit.T) {
	const pages = 512
	ev, d := t.Event("u32 count"), t.Open()
	m := t.Anonymous(pages).Touch()
	size := os.Getpagesize()
	for i := 1; i < pages; i += 2 {
		t.Check(unix.Madvise(m.Bytes()[i*size:(i+1)*size], unix.MADV_DONTNEED))
	}
	for i := 0; i < pages; i += 2 {
		d.Register(ev, m.Word((i+1)*size-4).Bit(0))
	}
	t.Saw("registered", "ok")
	ev.On()
	set := 0
	for i := 0; i < pages; i += 2 {
		set += int(m.Word((i+1)*size - 4).Load())
	}
	t.Saw("all-set", set == pages/2)
}

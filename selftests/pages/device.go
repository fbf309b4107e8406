package main

import (
	"os"

	"golang.org/x/sys/unix"

	"uetest/selftests/kit"
)

// The RAM disk is a file whose pages are written back, so that its mapping is
// write-protected each time: unlike a memfd, like any file of a disk.

// device maps the last page of the RAM disk and returns its word, written.
func device(t *kit.T) (m *kit.Mem, fd int, off int64) {
	fd = t.RAMDisk(unix.O_RDWR)
	size, err := unix.Seek(fd, 0, unix.SEEK_END)
	t.Check(err)
	off = size - int64(os.Getpagesize())
	m = t.MapFile(fd, off, 1, rw, unix.MAP_SHARED)
	m.Word(at).Store(0)
	return m, fd, off
}

// stored reads the word from the device itself, past the page cache.
func stored(t *kit.T, off int64) int {
	buf := t.Anonymous(1).Touch() // aligned, as O_DIRECT wants it
	_, err := unix.Pread(t.RAMDisk(unix.O_RDONLY|unix.O_DIRECT), buf.Bytes(), off)
	t.Check(err)
	return int(buf.Word(at).Load())
}

func deviceGetsTheBit(t *kit.T) {
	m, fd, off := device(t)
	p := register(t, m.Word(at))
	p.step("on", true)
	t.Check(unix.Fsync(fd))
	t.Saw("stored", stored(t, off))
}

func deviceAfterMsync(t *kit.T) {
	m, _, off := device(t)
	p := register(t, m.Word(at))
	m.Sync()
	p.step("on", true)
	m.Sync()
	t.Saw("stored", stored(t, off))
	p.w.Next(1).Store(1)
	p.step("written-off", false)
	p.step("written-on", true)
}

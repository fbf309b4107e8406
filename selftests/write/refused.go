package main

import (
	"encoding/binary"
	"os"

	"golang.org/x/sys/unix"

	"uetest/selftests/kit"
)

// shorterThanIndex writes 0 to 3 bytes.
func shorterThanIndex(t *kit.T) {
	d, ev, _ := enabled(t, "")
	mem := t.Anonymous(1).Touch().Bytes()
	for n, key := range []string{"zero", "one", "two", "three"} {
		t.Saw(key, kit.Result(unix.Write(d.FD, mem[:n])))
	}
	t.Saw("trace", kit.Payloads(t.Trace("trace", ev)))
}

func unknownIndex(t *kit.T) {
	d, ev, r := enabled(t, "u8 a")
	n, err := d.Write(r.Index+1, []byte{1})
	t.Saw("next", kit.Result(n, err))
	n, err = d.Write(1<<31-1, []byte{1})
	wrote(t, ev, n, err)
}

// The event is there and enabled, but not registered on this descriptor.
func unregistered(t *kit.T) {
	_, ev, r := enabled(t, "u8 a")
	n, err := t.Open().Write(r.Index, []byte{1})
	wrote(t, ev, n, err)
}

func underMinimum(t *kit.T) {
	d, ev, r := enabled(t, "u32 a; u16 b")
	n, err := d.Write(r.Index, make([]byte, 5))
	wrote(t, ev, n, err)
	n, err = d.Write(r.Index, make([]byte, 6))
	t.Saw("minimum", kit.Result(n, err))
}

// The size is checked before the event's state.
func underMinimumDisabled(t *kit.T) {
	d, ev, r := enabled(t, "u32 a")
	ev.Off()
	n, err := d.Write(r.Index, make([]byte, 3))
	t.Saw("write", kit.Result(n, err))
}

// raw is write(2) of an address that may be none.
func raw(d *kit.Data, address, length uintptr) (int, error) {
	n, _, errno := unix.Syscall(unix.SYS_WRITE, uintptr(d.FD), address, length)
	if errno != 0 {
		return -1, errno
	}
	return int(n), nil
}

func badAddresses(t *kit.T) {
	d, ev, r := enabled(t, "u8 a")
	t.Saw("null", kit.Result(raw(d, 0, 5)))
	t.Saw("kernel", kit.Result(raw(d, ^uintptr(0)&^0xfff, 5)))
	// The index can be read, what is behind it can't.
	mem, page := t.Anonymous(2).Touch(), os.Getpagesize()
	binary.NativeEndian.PutUint32(mem.Bytes()[page-4:], uint32(r.Index))
	t.Check(unix.Mprotect(mem.Bytes()[page:], unix.PROT_NONE))
	n, err := raw(d, uintptr(mem.Addr(page-4)), 5)
	wrote(t, ev, n, err)
}

// The payload begins in a page that can be read and ends in one that can't.
func halfReadablePayload(t *kit.T) {
	d, ev, r := enabled(t, "u64 a")
	mem, page := t.Anonymous(2).Touch(), os.Getpagesize()
	binary.NativeEndian.PutUint32(mem.Bytes()[page-8:], uint32(r.Index))
	t.Check(unix.Mprotect(mem.Bytes()[page:], unix.PROT_NONE))
	n, err := raw(d, uintptr(mem.Addr(page-8)), 12)
	wrote(t, ev, n, err)
}

func atAnOffset(t *kit.T) {
	d, ev, r := enabled(t, "u32 a")
	record := binary.NativeEndian.AppendUint32(nil, uint32(r.Index))
	record = append(record, 9, 0, 0, 0)
	t.Saw("one", kit.Result(unix.Pwrite(d.FD, record, 1)))
	t.Saw("zero", kit.Result(unix.Pwrite(d.FD, record, 0)))
	t.Wrote(record[4:]...)
	t.Saw("trace", kit.Payloads(t.Trace("trace", ev)))
}

// Registering takes no right to write, writing does.
func readOnlyDescriptor(t *kit.T) {
	t.ClearTrace()
	d, ev := t.OpenWith(unix.O_RDONLY), t.Event("u8 a")
	r, err := d.TryRegister(ev, t.Word().Bit(0))
	t.Saw("reg", err)
	ev.On()
	t.Saw("on", r.Enabled())
	n, err := d.Write(r.Index, []byte{1})
	wrote(t, ev, n, err)
}

func read(t *kit.T) {
	d, _, _ := enabled(t, "u8 a")
	t.Saw("read", kit.Result(unix.Read(d.FD, make([]byte, 8))))
}

func seek(t *kit.T) {
	d, _, _ := enabled(t, "u8 a")
	_, err := unix.Seek(d.FD, 0, unix.SEEK_SET)
	t.Saw("seek", err)
}

// loc is a dynamic location: the size in the upper half, the offset in the
// lower one (DYN_LOC of user_events.h).
func loc(offset, size int) []byte {
	return binary.NativeEndian.AppendUint32(nil, uint32(size<<16|offset))
}

// dynamicString writes a field whose data lies behind it, at an offset from
// the start of the entry: struct trace_entry has 8 bytes, the field 4.
// A string has to end in a zero within the entry, or the write is EFAULT.
func dynamicString(field string, offset int, s string) func(*kit.T) {
	return func(t *kit.T) {
		d, ev, r := enabled(t, field)
		n, err := d.Write(r.Index, append(loc(offset, len(s)), s...))
		wrote(t, ev, n, err)
	}
}

// relativeLocation counts the offset from the end of the field.
func relativeLocation(field string, offset int, s string) func(*kit.T) {
	return func(t *kit.T) {
		d, ev, r := enabled(t, field)
		n, err := d.Write(r.Index, append(loc(offset, len(s)), s...))
		wrote(t, ev, n, err)
	}
}

// payloadNotFaultedIn writes from a page of a file that was never touched in
// this mapping. The copy is made where no fault may be taken, so the kernel
// has to bring the page in before.
func payloadNotFaultedIn(t *kit.T) {
	d, ev, r := enabled(t, "u32 a")
	fd := t.Memfd(1)
	_, err := unix.Pwrite(fd, append(binary.NativeEndian.AppendUint32(nil, uint32(r.Index)), 1, 2, 3, 4), 0)
	t.Check(err)
	n, err := raw(d, uintptr(t.Map(fd, 1, unix.PROT_READ, unix.MAP_SHARED).Addr(0)), 8)
	t.Wrote(1, 2, 3, 4)
	wrote(t, ev, n, err)
}

// refusedByNone writes a bad string while the event is off: what is behind the
// index and the size is looked at only by who records it.
func refusedByNone(t *kit.T) {
	d, ev, r := enabled(t, "__data_loc char[] s")
	ev.Off()
	n, err := d.Write(r.Index, append(loc(100, 100), "abcd"...))
	wrote(t, ev, n, err)
	n, err = raw(d, 0, 8)
	t.Saw("null", kit.Result(n, err))
}

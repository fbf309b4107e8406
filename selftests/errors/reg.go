package main

import (
	"bytes"
	"os"

	"golang.org/x/sys/unix"

	"uetest/internal/uapi"
	"uetest/selftests/kit"
)

func regNull(t *kit.T) { t.Saw("reg", t.Open().Ioctl(uapi.IocReg, nil)) }

// good is arguments that are in order, for an event and a word of their own.
func good(t *kit.T) (desc string, r uapi.Reg) {
	return t.Event("u32 count").Desc, uapi.Reg{EnableAddr: t.Word().Addr(), EnableSize: 4}
}

// regSize registers with a size, the rest in order and zeroes behind it.
func regSize(size uint32) func(*kit.T) {
	return func(t *kit.T) {
		t.Saw("reg", sized(t, size, 0))
	}
}

// sized registers with a size in a page that is filled behind the struct.
func sized(t *kit.T, size uint32, fill byte) error {
	const descAt = 8192
	desc, r := good(t)
	mem := t.Anonymous(4)
	r.NameArgs = mem.PutString(descAt, desc)
	if r.Size = size; size == 0 {
		r.Size = ^uint32(0) // Put takes 0 for the right size
	}
	mem.PutReg(0, r)
	if size == 0 {
		copy(mem.Bytes(), make([]byte, 4))
	}
	tail := mem.Bytes()[t.Layout().Size:descAt]
	copy(tail, bytes.Repeat([]byte{fill}, len(tail)))
	return t.Open().Ioctl(uapi.IocReg, mem.Pointer(0))
}

func regSizeOneShort(t *kit.T) { t.Saw("reg", sized(t, uint32(t.Layout().Size)-1, 0)) }

func regTail(fill byte) func(*kit.T) {
	return func(t *kit.T) { t.Saw("reg", sized(t, 64, fill)) }
}

// The size can be read, the rest lies in a page that can't.
func regUnreadableTail(t *kit.T) {
	mem, page := t.Anonymous(2).Touch(), os.Getpagesize()
	at := page - 4
	mem.Bytes()[at] = byte(t.Layout().Size)
	t.Check(unix.Mprotect(mem.Bytes()[page:], unix.PROT_NONE))
	t.Saw("reg", t.Open().Ioctl(uapi.IocReg, mem.Pointer(at)))
}

func regReservedBits(t *kit.T) {
	desc, r := good(t)
	r.Reserved, r.Flags = 1, 1<<15 // the flags have the place of reserved bits on g3
	_, err := t.Open().Reg(desc, r)
	t.Saw("reg", err)
}

// The struct can be read and not written: the kernel has nowhere to put the
// index.
func regResultUnwritable(t *kit.T) {
	desc, r := good(t)
	mem := t.Anonymous(1)
	r.NameArgs = mem.PutString(1024, desc)
	r.WriteIndex = 77
	mem.PutReg(0, r)
	mem.Protect(unix.PROT_READ)
	d := t.Open()
	t.Saw("reg", d.Ioctl(uapi.IocReg, mem.Pointer(0)))
	index, _ := t.Layout().Outputs(mem.Bytes())
	t.Saw("index", int(index))
	// Whether it is registered all the same, with an index that nobody was
	// told: a payload that is too short is EINVAL, an unknown index ENOENT.
	_, err := d.Write(0, nil)
	t.Saw("write", err)
}

// The index alone lies in a page that can't be written.
func regResultPartlyWritable(t *kit.T) {
	desc, r := good(t)
	mem, page := t.Anonymous(2).Touch(), os.Getpagesize()
	r.NameArgs = mem.PutString(0, desc)
	r.WriteIndex = 77
	at := page - t.Layout().WriteIndex
	mem.PutReg(at, r)
	t.Check(unix.Mprotect(mem.Bytes()[page:], unix.PROT_READ))
	t.Saw("reg", t.Open().Ioctl(uapi.IocReg, mem.Pointer(at)))
	index, _ := t.Layout().Outputs(mem.Bytes()[at:])
	t.Saw("index", int(index))
}

// orderOfChecks registers with two things wrong at a time.
func orderOfChecks(t *kit.T) {
	d, mem := t.Open(), t.Anonymous(4)
	odd, kernel := t.Word().Addr()+1, uint64(^uintptr(0)&^0xfff)
	try := func(r uapi.Reg) error {
		r.EnableSize = 4
		_, err := d.RegAt(mem, 0, r)
		return err
	}
	t.Saw("size-and-address", try(uapi.Reg{Size: 4097, EnableAddr: odd}))
	for i := range 64 {
		mem.Bytes()[i] = 1 // behind the struct, which is written next
	}
	t.Saw("tail-and-address", try(uapi.Reg{Size: 64, EnableAddr: odd}))
	t.Saw("short-and-kernel", try(uapi.Reg{Size: 27, EnableAddr: kernel}))
	t.Saw("address-and-name", try(uapi.Reg{EnableAddr: odd, NameArgs: 0}))
	t.Saw("kernel-and-syntax", try(uapi.Reg{EnableAddr: kernel, NameArgs: mem.PutString(1024, t.Event("long x").Desc)}))
}

// sizeBeforeName registers with a wrong size and without a name. Behind the
// struct stand ones.
func sizeBeforeName(t *kit.T) {
	d, mem := t.Open(), t.Anonymous(2)
	at := t.Word().Addr()
	try := func(size int) error {
		for i := range mem.Bytes() {
			mem.Bytes()[i] = 1
		}
		_, err := d.RegAt(mem, 0, uapi.Reg{Size: uint32(size), EnableAddr: at, EnableSize: 4})
		return err
	}
	t.Saw("over-page", try(4097))
	t.Saw("short", try(t.Layout().Size-1))
	t.Saw("tail", try(t.Layout().Size+1))
}

package main

import (
	"encoding/binary"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"

	"uetest/internal/uapi"
	"uetest/selftests/kit"
)

// What a 32-bit program can't register, a 64-bit one can register for it.

// enabled is an event with the given fields, registered and enabled, with an
// empty trace.
func enabled(t *kit.T, fields string, at kit.Bit) (*kit.Data, *kit.Event, *kit.Registration) {
	t.ClearTrace()
	d, ev := t.Open(), t.Event(fields)
	r := d.Register(ev, at)
	ev.On()
	return d, ev, r
}

func number(t *kit.T, i int) int {
	n, err := strconv.Atoi(t.Args()[i])
	t.Check(err)
	return n
}

// payload is a record's: "32" or "64", by the program that writes it.
func payload() []byte {
	return []byte(strconv.Itoa(8*int(unsafe.Sizeof(uintptr(0)))) + "ab")
}

// A struct iovec of a 32-bit program is half as large; the kernel has another
// way for it (lib/iov_iter.c, compat iovecs).
func inheritedWrite(t *kit.T) {
	if t.Args() != nil {
		d, index := t.Inherit(t.File(0)), number(t, 1)
		n, err := d.Write(index, payload())
		t.Saw("write", kit.Result(n, err))
		n, err = d.Write(index, payload()[:2])
		t.Saw("short", kit.Result(n, err))
		n, err = d.Write(index+1, payload())
		t.Saw("other", kit.Result(n, err))
		record := append(binary.NativeEndian.AppendUint32(nil, uint32(index)), payload()...)
		t.Saw("pwrite", kit.Result(unix.Pwrite(d.FD, record, 0)))
		t.Saw("writev", kit.Result(unix.Writev(d.FD, [][]byte{record[:3], record[3:4], record[4:5], record[5:]})))
		return
	}
	d, ev, r := enabled(t, "u32 a", t.Word().Bit(0))
	each(t, kit.Part{Args: []string{"writer", strconv.Itoa(r.Index)}, Files: []int{d.FD}})
	t.Saw("trace", kit.Payloads(t.Trace("trace", ev)))
}

// sentDescriptor passes the descriptor in a message, whose layout is another
// for a 32-bit receiver (net/compat.c, put_cmsg_compat). .NET gets its
// descriptor that way.
func sentDescriptor(t *kit.T) {
	if t.Args() != nil {
		space := make([]byte, unix.CmsgSpace(4))
		_, n, _, _, err := unix.Recvmsg(t.File(0), make([]byte, 1), space, unix.MSG_CMSG_CLOEXEC)
		t.Check(err)
		messages, err := unix.ParseSocketControlMessage(space[:n])
		t.Check(err)
		if len(messages) != 1 {
			t.Fatalf("%d control messages, want one", len(messages))
		}
		fds, err := unix.ParseUnixRights(&messages[0])
		t.Check(err)
		wrote, err := t.Inherit(fds[0]).Write(number(t, 1), payload())
		t.Saw("write", kit.Result(wrote, err))
		return
	}
	d, ev, r := enabled(t, "u32 a", t.Word().Bit(0))
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	t.Check(err)
	t.Cleanup(func() { t.Check(unix.Close(pair[0])); t.Check(unix.Close(pair[1])) })
	for range 2 { // one for each program
		t.Check(unix.Sendmsg(pair[0], []byte{0}, unix.UnixRights(d.FD), nil, 0))
	}
	each(t, kit.Part{Args: []string{"receiver", strconv.Itoa(r.Index)}, Files: []int{pair[1]}})
	t.Saw("trace", kit.Payloads(t.Trace("trace", ev)))
}

// fileWord is a word in a file in memory that both processes map.
func fileWord(t *kit.T, fd int) kit.Word {
	return t.Map(fd, 1, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED).Touch().Word(256)
}

// handed is a registration as the arguments of a part whose second file has
// the word.
func handed(ev *kit.Event, r *kit.Registration) []string {
	return []string{"user", ev.Name, strconv.Itoa(r.Index), strconv.Itoa(int(r.StatusBit)), strconv.Itoa(r.At.N)}
}

func received(t *kit.T) (*kit.Event, *kit.Registration) {
	at := fileWord(t, t.File(1)).Bit(number(t, 4))
	return t.Theirs(t.Args()[1]), t.TheirRegistration(number(t, 2), uint32(number(t, 3)), at)
}

// sharedWord has a program toggle the event, and be told so in a word that it
// could not register.
func sharedWord(t *kit.T) {
	if t.Args() != nil {
		ev, r := received(t)
		t.Saw("before", r.Enabled())
		ev.On()
		t.Saw("on", r.Enabled())
		ev.Off()
		t.Saw("off", r.Enabled())
		return
	}
	fd := t.Memfd(1)
	d, ev := t.Open(), t.Event("u32 a")
	r := d.Register(ev, fileWord(t, fd).Bit(31))
	each(t, kit.Part{Args: handed(ev, r), Files: []int{d.FD, fd}})
}

// userReg is struct user_reg of g1 and later as a 32-bit compiler lays it out
// without __packed__: a u64 is aligned to 4 there, so packing changes nothing.
type userReg struct {
	size, bit          uint32
	enableAddr, nameAt uint64
	writeIndex         uint32
}

// packedStruct registers a struct that the part wrote, with the size that it
// has for the part's compiler.
func packedStruct(t *kit.T) {
	const regAt, descAt, wordAt = 0, 256, 1024
	if t.Args() != nil {
		mem := t.Map(t.File(0), 1, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
		base, err := strconv.ParseUint(t.Args()[1], 10, 64)
		t.Check(err)
		r := (*userReg)(mem.Pointer(regAt))
		const fourBytes = 4 << 8 // enable_size of g3; reserved on g1, which ignores it
		*r = userReg{uint32(unsafe.Sizeof(*r)), 5 | fourBytes, base + wordAt, base + descAt, ^uint32(0)}
		t.Saw("size", int(unsafe.Sizeof(*r)))
		t.Saw("index-at", int(unsafe.Offsetof(r.writeIndex)))
		return
	}
	fd := t.Memfd(1)
	mem := t.Map(fd, 1, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED).Touch()
	d, ev, word := t.Open(), t.Event("u32 a"), mem.Word(wordAt)
	mem.PutString(descAt, ev.Desc)
	t.Run(kit.Part{Twin: true, Args: []string{"writer", strconv.FormatUint(mem.Addr(0), 10)}, Files: []int{fd}})
	t.Saw("reg", d.Ioctl(uapi.IocReg, mem.Pointer(regAt)))
	t.Saw("index", int(mem.Word(regAt+24).Load()))
	ev.On()
	t.Saw("on", word.Load())
	ev.Off()
	t.Saw("off", word.Load())
}

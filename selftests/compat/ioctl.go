package main

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"uetest/internal/uapi"
	"uetest/selftests/kit"
)

// The numbers of the commands take the size of a pointer, and user_events has
// no compat_ioctl: fs/ioctl.c answers a 32-bit caller with ENOTTY before
// user_events is asked.
const pointer32, pointer64 = 4, 8

// ioctlNumbers calls each command by the number that a 32-bit program has for
// it and by the one that a 64-bit program has: REG with a struct that is right,
// DEL with the name of no event, UNREG with NULL.
func ioctlNumbers(t *kit.T) {
	d, ev, mem := t.Open(), t.Event("u32 a"), t.Anonymous(1).Touch()
	const descAt, nameAt, wordAt = 256, 512, 1024
	mem.PutReg(0, uapi.Reg{EnableSize: 4, EnableAddr: mem.Word(wordAt).Addr(), NameArgs: mem.PutString(descAt, ev.Desc)})
	mem.PutString(nameAt, "uetest_not_there")
	for _, c := range []struct {
		key    string
		number func(size uintptr) uintptr
		arg    unsafe.Pointer
	}{
		{"reg", func(size uintptr) uintptr { return uapi.IOWR('*', 0, size) }, mem.Pointer(0)},
		{"del", func(size uintptr) uintptr { return uapi.IOW('*', 1, size) }, mem.Pointer(nameAt)},
		{"unreg", func(size uintptr) uintptr { return uapi.IOW('*', 2, size) }, nil},
	} {
		t.Saw(c.key+"32", d.Ioctl(c.number(pointer32), c.arg))
		t.Saw(c.key+"64", d.Ioctl(c.number(pointer64), c.arg))
	}
	t.Saw("exists", ev.Exists())
}

// dataFile is what needs no registration.
func dataFile(t *kit.T) {
	d := t.Open()
	t.Saw("read", kit.Result(unix.Read(d.FD, make([]byte, 8))))
	_, err := unix.Seek(d.FD, 4, unix.SEEK_SET)
	t.Saw("seek", err)
	t.Saw("short", kit.Result(unix.Write(d.FD, []byte{0, 0})))
	n, err := d.Write(0, []byte{1, 2, 3, 4})
	t.Saw("unregistered", kit.Result(n, err))
	t.Saw("other-command", d.Ioctl(uapi.IOW('*', 9, pointer32), nil))
}

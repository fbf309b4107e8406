package main

import (
	"golang.org/x/sys/unix"

	"uetest/internal/uapi"
	"uetest/selftests/kit"
)

func otherCommand(t *kit.T) {
	const pointer = 8
	d, mem := t.Open(), t.Anonymous(1)
	t.Saw("number", d.Ioctl(uapi.IOWR('*', 9, pointer), mem.Pointer(0)))
	t.Saw("type", d.Ioctl(uapi.IOWR('+', 0, pointer), mem.Pointer(0)))
	t.Saw("direction", d.Ioctl(uapi.IOW('*', 0, pointer), mem.Pointer(0)))
	t.Saw("size", d.Ioctl(uapi.IOWR('*', 0, uintptr(t.Layout().Size)), mem.Pointer(0)))
}

func commandsOnStatus(t *kit.T) {
	fd := t.OpenStatus(unix.O_RDWR)
	t.Saw("reg", uapi.Ioctl(fd, uapi.IocReg, nil))
	t.Saw("del", uapi.Ioctl(fd, uapi.IocDel, nil))
}

// The numbers that a 32-bit program computes are none of the kernel's.
func commandsOf32Bits(t *kit.T) {
	d, mem := t.Open(), t.Anonymous(1)
	t.Saw("reg", d.Ioctl(uapi.IOWR('*', 0, 4), mem.Pointer(0)))
	t.Saw("del", d.Ioctl(uapi.IOW('*', 1, 4), mem.Pointer(0)))
}

func writeOnlyRegisters(t *kit.T) {
	ev := t.Event("u32 count")
	d := t.OpenWith(unix.O_WRONLY)
	r := d.Register(ev, t.Word().Bit(0))
	ev.On()
	t.Saw("on", r.Enabled())
	n, err := d.Write(r.Index, make([]byte, 4))
	t.Saw("write", kit.Result(n, err))
}

// Command wedge registers the last word of page after page for an enabled
// event. The RFC sets a bit in it with an instruction of eight bytes, which at
// the end of a page reaches into whatever lies behind it in physical memory.
// Where that is not mapped the kernel faults, with locks held.
package main

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"

	"uetest/internal/uapi"
	"uetest/internal/wire"
)

func main() {
	report := wire.NewEncoder(os.NewFile(3, "report"))
	fail := func(what string, err error) {
		if err != nil {
			_ = report.Encode(wire.Message{Kind: wire.End, Status: wire.Failed, Text: what + ": " + err.Error()})
			os.Exit(0)
		}
	}
	fd, err := unix.Open("/sys/kernel/tracing/user_events_data", unix.O_RDWR|unix.O_CLOEXEC, 0)
	fail("open", err)
	layout := uapi.G1.Layout()
	name := []byte("wedge\x00")
	register := func(word *byte) {
		var reg [uapi.RegSize]byte
		layout.Put(reg[:], uapi.Reg{EnableAddr: uint64(uintptr(unsafe.Pointer(word))), NameArgs: uint64(uintptr(unsafe.Pointer(&name[0])))})
		fail("register", uapi.Ioctl(fd, uapi.IocReg, unsafe.Pointer(&reg[0])))
	}
	const size = 128 << 20
	mem, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_POPULATE)
	fail("mmap", err)
	register(&mem[0])
	fail("enable", os.WriteFile("/sys/kernel/tracing/events/user_events/wedge/enable", []byte("1"), 0))
	for i := 4092; i < size; i += 4096 {
		register(&mem[i])
	}
	_ = report.Encode(wire.Message{Kind: wire.End, Status: wire.Done})
}

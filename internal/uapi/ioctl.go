package uapi

import (
	"encoding/binary"
	"unsafe"
)

// The ioctl commands of user_events_data. The macros in user_events.h take
// the size of a pointer and not of the struct, so a 32-bit program has other
// numbers than a 64-bit one, and all generations have the same.
var (
	IocReg   = IOWR('*', 0, pointerSize) // DIAG_IOCSREG: _IOWR('*', 0, struct user_reg*)
	IocDel   = IOW('*', 1, pointerSize)  // DIAG_IOCSDEL: _IOW('*', 1, char*)
	IocUnreg = IOW('*', 2, pointerSize)  // DIAG_IOCSUNREG: _IOW('*', 2, struct user_unreg*), g3
)

const pointerSize = unsafe.Sizeof(uintptr(0))

// Fields of an ioctl number, include/uapi/asm-generic/ioctl.h: 8 bits number,
// 8 bits type, 14 bits size, 2 bits direction. (mips, powerpc and sparc have
// their own and are not supported.)
const (
	iocTypeShift = 8
	iocSizeShift = 16
	iocDirShift  = 30

	iocWrite = 1
	iocRead  = 2
)

// IOW is the macro _IOW: user space writes, the kernel reads.
func IOW(typ byte, nr byte, size uintptr) uintptr { return ioc(iocWrite, typ, nr, size) }

// IOWR is the macro _IOWR: both directions.
func IOWR(typ byte, nr byte, size uintptr) uintptr { return ioc(iocRead|iocWrite, typ, nr, size) }

func ioc(dir uintptr, typ, nr byte, size uintptr) uintptr {
	return dir<<iocDirShift | size<<iocSizeShift | uintptr(typ)<<iocTypeShift | uintptr(nr)
}

// Unreg is struct user_unreg of g3 (include/uapi/linux/user_events.h), packed:
// size, disable_bit, two reserved fields that have to be 0, disable_addr.
type Unreg struct {
	Size        uint32 // UnregSize
	DisableBit  uint8
	Reserved    uint8
	Reserved2   uint16
	DisableAddr uint64
}

// UnregSize is sizeof(struct user_unreg). Packing changes nothing in it.
const UnregSize = unsafe.Sizeof(Unreg{})

// Put writes u into b in the byte order of the machine. A size of 0 stands for
// UnregSize.
func (u Unreg) Put(b []byte) {
	ne := binary.NativeEndian
	if u.Size == 0 {
		u.Size = uint32(UnregSize)
	}
	ne.PutUint32(b, u.Size)
	b[4], b[5] = u.DisableBit, u.Reserved
	ne.PutUint16(b[6:], u.Reserved2)
	ne.PutUint64(b[8:], u.DisableAddr)
}

// Package uapi is the user_events ABI as user space sees it: where the fields
// of struct user_reg lie, the ioctl numbers, and which generation of the ABI
// the running kernel speaks.
//
// The ABI changed its struct between generations without a new ioctl number,
// so no C header can serve all of them at once. Sources, as git blob ids:
//
//	g0      include/linux/user_events.h, blob 592a3fbed98e (v6.1)
//	g1, g2  include/linux/user_events.h, blob 4c3bd16395a9 (the RFC's result)
//	g3      include/uapi/linux/user_events.h (v6.4 and later)
package uapi

import (
	"encoding/binary"
	"unsafe"
)

// A Generation names a behaviour of the user_events ABI.
type Generation string

// The generations.
const (
	None     Generation = ""          // the kernel has no user_events
	G0       Generation = "g0"        // status page, before the RFC
	G0Stable Generation = "g0+stable" // g0 with the later stable fixes
	G1       Generation = "g1"        // RFC 1/2: remote writes
	G2       Generation = "g2"        // RFC 1/2 and 2/2: faults fixed up
	G3       Generation = "g3"        // upstream 6.4 and later
)

// Layout returns where the fields of g's structs lie.
func (g Generation) Layout() Layout {
	switch g {
	case G0, G0Stable:
		return layoutG0
	case G1, G2:
		return layoutG1
	}
	return layoutG3
}

// StatusPage reports whether g tells the program by a bit in the page that
// the status file maps, and not by a word of the program's own.
func (g Generation) StatusPage() bool { return g == G0 || g == G0Stable }

// absent is the offset of a field that a generation does not have.
const absent = -1

// Layout is the offsets in bytes of struct user_reg, which is packed, in one
// generation. A field that the generation lacks is at -1.
type Layout struct {
	Size       int // sizeof(struct user_reg)
	EnableBit  int // g1: a bit field of 5 bits in a __u32; g3: a __u8
	EnableSize int // __u8, the size in bytes of the word at EnableAddr
	Flags      int // __u16
	EnableAddr int // __u64
	NameArgs   int // __u64
	StatusBit  int // __u32, output
	WriteIndex int // __u32, output
}

var (
	layoutG0 = Layout{
		Size: 20, EnableBit: absent, EnableSize: absent, Flags: absent, EnableAddr: absent,
		NameArgs: 4, StatusBit: 12, WriteIndex: 16,
	}
	layoutG1 = Layout{
		Size: 28, EnableBit: 4, EnableSize: absent, Flags: absent, EnableAddr: 8,
		NameArgs: 16, StatusBit: absent, WriteIndex: 24,
	}
	layoutG3 = Layout{
		Size: 28, EnableBit: 4, EnableSize: 5, Flags: 6, EnableAddr: 8,
		NameArgs: 16, StatusBit: absent, WriteIndex: 24,
	}
)

// Flags of struct user_reg, enum user_reg_flag of g3.
const (
	RegPersist     = 1 << 0 // the event outlives its last reference
	RegMultiFormat = 1 << 1 // one name, an event for each list of fields
)

// RegSize is the size of the largest struct user_reg of all generations.
const RegSize = 28

// Reg is struct user_reg, whatever the generation. Fields that a generation
// lacks are left out by Put and zero after Get.
type Reg struct {
	Size       uint32 // 0: the generation's own size
	EnableBit  uint8  // g1: 0 to 31
	Reserved   uint32 // g1: the 27 bits beside EnableBit
	EnableSize uint8  // g3: 4 or 8
	Flags      uint16 // g3: USER_EVENT_REG_PERSIST, USER_EVENT_REG_MULTI_FORMAT
	EnableAddr uint64
	NameArgs   uint64 // address of "name[:FLAG] [type name[;type name…]]"
	StatusBit  uint32 // output
	WriteIndex uint32 // output
}

// Put writes r into b in the byte order of the machine. b has at least
// l.Size bytes.
func (l Layout) Put(b []byte, r Reg) {
	ne := binary.NativeEndian
	size := r.Size
	if size == 0 {
		size = uint32(l.Size)
	}
	ne.PutUint32(b, size)
	switch {
	case l.EnableSize != absent:
		b[l.EnableBit] = r.EnableBit
		b[l.EnableSize] = r.EnableSize
		ne.PutUint16(b[l.Flags:], r.Flags)
	case l.EnableBit != absent:
		ne.PutUint32(b[l.EnableBit:], bitField(r.EnableBit, r.Reserved, littleEndian))
	}
	if l.EnableAddr != absent {
		ne.PutUint64(b[l.EnableAddr:], r.EnableAddr)
	}
	ne.PutUint64(b[l.NameArgs:], r.NameArgs)
	if l.StatusBit != absent {
		ne.PutUint32(b[l.StatusBit:], r.StatusBit)
	}
	ne.PutUint32(b[l.WriteIndex:], r.WriteIndex)
}

// Outputs returns the two fields of b that the kernel stores. statusBit is 0
// where the generation has none.
func (l Layout) Outputs(b []byte) (writeIndex, statusBit uint32) {
	ne := binary.NativeEndian
	if l.StatusBit != absent {
		statusBit = ne.Uint32(b[l.StatusBit:])
	}
	return ne.Uint32(b[l.WriteIndex:]), statusBit
}

// bitField returns the __u32 that holds "enable_bit : 5, __reserved : 27". The
// C ABI allocates bit fields from the least significant bit on little endian
// machines and from the most significant one on big endian machines.
func bitField(bit uint8, reserved uint32, little bool) uint32 {
	if little {
		return uint32(bit)&31 | reserved<<5
	}
	return uint32(bit)<<27 | reserved&(1<<27-1)
}

var littleEndian = func() bool {
	one := uint16(1)
	return *(*byte)(unsafe.Pointer(&one)) == 1
}()

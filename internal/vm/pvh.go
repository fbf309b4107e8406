package vm

import (
	"bytes"
	"encoding/binary"
)

// What the probe's guest does to show that it ran: a byte to markPort as its
// first instruction, and probeValue to exitPort when it is through, at which
// isa-debug-exit has QEMU exit with probeExit.
const (
	markPort   = 0xe9
	exitPort   = 0xf4
	probeValue = 42
	probeExit  = 2*probeValue + 1 // QEMU's own failures exit with 1
)

// probeCode is testdata/probe.S. In between the two it enters 64-bit mode,
// executes a cmpxchg16b and counts to 20 million. Less would be believed too
// easily: a KVM without hardware behind it, such as kvm_pvm in a virtual
// machine, executes a guest in KVM's own emulator, three million instructions a
// second, and stops at the first that the emulator does not know.
var probeCode = []byte{
	0xb0, 0x41, 0xe6, 0xe9, 0x0f, 0x01, 0x15, 0x70, 0x00, 0x10, 0x00, 0x0f,
	0x20, 0xe0, 0x83, 0xc8, 0x20, 0x0f, 0x22, 0xe0, 0xb8, 0x00, 0x10, 0x10,
	0x00, 0x0f, 0x22, 0xd8, 0xb9, 0x80, 0x00, 0x00, 0xc0, 0x0f, 0x32, 0x0d,
	0x00, 0x01, 0x00, 0x00, 0x0f, 0x30, 0x0f, 0x20, 0xc0, 0x0d, 0x00, 0x00,
	0x00, 0x80, 0x0f, 0x22, 0xc0, 0xea, 0x3c, 0x00, 0x10, 0x00, 0x08, 0x00,
	0xbf, 0x00, 0x0f, 0x10, 0x00, 0xf0, 0x48, 0x0f, 0xc7, 0x0f, 0xb9, 0x00,
	0x2d, 0x31, 0x01, 0xff, 0xc9, 0x75, 0xfc, 0xb8, 0x2a, 0x00, 0x00, 0x00,
	0xe7, 0xf4, 0xf4, 0xeb, 0xfd, 0x0f, 0x1f, 0x80, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0x00, 0x00,
	0x00, 0x9b, 0xaf, 0x00, 0x0f, 0x00, 0x60, 0x00, 0x10, 0x00,
}

// probeImage is probeCode as a kernel, with page tables that map the first
// 2 MiB to themselves.
func probeImage() []byte {
	const page = 4096
	const writable, large = 0x3, 0x83
	mem := make([]byte, 4*page)
	copy(mem, probeCode)
	le := binary.LittleEndian
	le.PutUint64(mem[1*page:], loadAddress+2*page|writable)
	le.PutUint64(mem[2*page:], loadAddress+3*page|writable)
	le.PutUint64(mem[3*page:], 0|large)
	return pvhImage(mem)
}

// loadAddress is where a pvhImage is loaded and entered.
const loadAddress = 1 << 20

// pvhImage is code as a kernel for QEMU's -kernel: an ELF file with a PVH entry
// point, like an uncompressed vmlinux. It is entered in 32-bit protected mode
// without paging (docs/misc/pvh.pandoc of Xen) at the first byte of code.
func pvhImage(code []byte) []byte {
	const (
		entry    = loadAddress
		ehdr     = 64
		phdr     = 56
		noteAt   = ehdr + 2*phdr
		noteSize = 12 + 4 + 8
		codeAt   = 0x1000
	)
	le := binary.LittleEndian
	var b bytes.Buffer
	put := func(v any) { _ = binary.Write(&b, le, v) } // a Buffer takes everything
	// Elf64_Ehdr (elf.h).
	b.WriteString("\x7fELF\x02\x01\x01")
	b.Write(make([]byte, 9))
	put([]uint16{2, 62})             // ET_EXEC, EM_X86_64
	put(uint32(1))                   // EV_CURRENT
	put([]uint64{entry, ehdr, 0})    // e_entry, e_phoff, e_shoff
	put(uint32(0))                   // e_flags
	put([]uint16{ehdr, phdr, 2, 64}) // e_ehsize, e_phentsize, e_phnum, e_shentsize
	put([]uint16{0, 0})              // e_shnum, e_shstrndx
	// Elf64_Phdr: PT_LOAD and PT_NOTE.
	put([]uint32{1, 7})
	put([]uint64{codeAt, entry, entry, uint64(len(code)), uint64(len(code)), 0x1000})
	put([]uint32{4, 4})
	put([]uint64{noteAt, 0, 0, noteSize, noteSize, 4})
	// XEN_ELFNOTE_PHYS32_ENTRY (include/xen/interface/elfnote.h). QEMU reads
	// eight bytes (hw/i386/x86.c, read_pvh_start_addr).
	put([]uint32{4, 8, 18})
	b.WriteString("Xen\x00")
	put(uint64(entry))
	b.Write(make([]byte, codeAt-b.Len()))
	b.Write(code)
	return b.Bytes()
}

package main

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
)

// haltingKernel is an ELF image that QEMU boots by its PVH note and that does
// nothing: a kernel that prints nothing.
func haltingKernel() []byte {
	const (
		base     = 0x100000
		headSize = 64 + 2*56
		noteSize = 12 + 4 + 4
		codeAt   = headSize + noteSize
		// XEN_ELFNOTE_PHYS32_ENTRY, include/xen/interface/elfnote.h
		phys32Entry = 18
	)
	code := []byte{0xfa, 0xf4, 0xeb, 0xfd} // cli; 1: hlt; jmp 1b
	size := uint64(codeAt + len(code))
	var b bytes.Buffer
	put := func(v any) {
		// A bytes.Buffer takes everything of fixed size.
		_ = binary.Write(&b, binary.LittleEndian, v)
	}
	h := elf.Header64{
		Type: uint16(elf.ET_EXEC), Machine: uint16(elf.EM_X86_64), Version: 1, Entry: base + codeAt,
		Phoff: 64, Ehsize: 64, Phentsize: 56, Phnum: 2, Shentsize: 64,
	}
	copy(h.Ident[:], "\x7fELF\x02\x01\x01")
	put(h)
	put(elf.Prog64{Type: uint32(elf.PT_LOAD), Flags: 7, Vaddr: base, Paddr: base, Filesz: size, Memsz: size, Align: 4096})
	put(elf.Prog64{Type: uint32(elf.PT_NOTE), Flags: 4, Off: headSize, Vaddr: base + headSize, Paddr: base + headSize, Filesz: noteSize, Memsz: noteSize, Align: 4})
	put([]uint32{4, 4, phys32Entry})
	b.WriteString("Xen\x00")
	put(uint32(base + codeAt))
	b.Write(code)
	return b.Bytes()
}

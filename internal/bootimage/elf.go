package bootimage

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
)

func isELF(data []byte) bool { return at(data, 0, elf.ELFMAG) }

// image is an ELF image of a kernel.
type image struct {
	arch    string
	loaded  []byte // its segments, one behind the other
	end     int64  // of what is loaded, in the file
	pvh     bool
	buildID string
}

// machines are those that a kernel may be for.
var machines = map[elf.Machine]string{elf.EM_X86_64: "x86_64", elf.EM_AARCH64: "arm64", elf.EM_RISCV: "riscv64"}

// readELF reads an ELF image, of which the file has size bytes. What no kernel can
// be is refused.
func readELF(r io.ReaderAt, size int64) (*image, error) {
	ident := make([]byte, 20)
	if _, err := r.ReadAt(ident, 0); err == nil && elf.Class(ident[elf.EI_CLASS]) == elf.ELFCLASS32 {
		return nil, wrongf("an ELF image of 32 bits (%s); the guest's programs need a kernel of 64: CONFIG_64BIT=y", machineName(elf.Machine(binary.LittleEndian.Uint16(ident[18:]))))
	}
	f, err := elf.NewFile(r)
	if err != nil {
		// A file that is cut off may have lost its section headers first.
		return nil, wrongf("an ELF file that is broken or cut off at %d bytes: %v", size, err)
	}
	m := &image{arch: machines[f.Machine]}
	switch {
	case f.Type == elf.ET_REL:
		return nil, wrongf("an object file or a module of the kernel, not a kernel; %s", expected)
	case f.Type == elf.ET_CORE:
		return nil, wrongf("a core dump; %s", expected)
	case m.arch == "":
		return nil, wrongf("an ELF image for %s; there is x86_64, arm64 and riscv64", machineName(f.Machine))
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return nil, wrongf("a program, not a kernel; %s", expected)
		}
		if p.Filesz > maxSize || p.Off > uint64(size) || p.Off+p.Filesz > uint64(size) {
			return nil, wrongf("an ELF image that is cut off: %d bytes, and its program headers say %d", size, p.Off+p.Filesz)
		}
		if p.Type != elf.PT_LOAD && p.Type != elf.PT_NOTE || p.Filesz == 0 {
			continue
		}
		m.end = max(m.end, int64(p.Off+p.Filesz))
		data := make([]byte, p.Filesz)
		if _, err := p.ReadAt(data, 0); err != nil {
			return nil, err
		}
		if p.Type == elf.PT_NOTE {
			m.notes(data, f.ByteOrder)
			continue
		}
		if len(m.loaded)+len(data) > maxSize {
			return nil, wrongf("an ELF image whose segments overlap")
		}
		m.loaded = append(m.loaded, data...)
	}
	if m.loaded == nil {
		return nil, wrongf("an ELF image without anything to load: the debug information of a kernel is for --symbols")
	}
	return m, nil
}

func machineName(m elf.Machine) string { return strings.TrimPrefix(m.String(), "EM_") }

// The notes that are of use: where QEMU enters the kernel (XEN_ELFNOTE_PHYS32_ENTRY
// of include/xen/interface/elfnote.h), and the linker's id (NT_GNU_BUILD_ID).
const (
	notePVH     = 18
	noteBuildID = 3
)

// notes reads the content of a PT_NOTE segment (elf(5), "Notes").
func (m *image) notes(data []byte, order binary.ByteOrder) {
	const header = 12
	align := func(n uint64) uint64 { return (n + 3) &^ 3 }
	for len(data) >= header {
		name, desc := uint64(order.Uint32(data)), uint64(order.Uint32(data[4:]))
		from := header + align(name)
		end := from + align(desc)
		if end > uint64(len(data)) || from+desc > uint64(len(data)) {
			return
		}
		owner := string(bytes.TrimRight(data[header:header+name], "\x00"))
		switch kind := order.Uint32(data[8:]); {
		case owner == "Xen" && kind == notePVH && desc >= 4:
			m.pvh = true
		case owner == "GNU" && kind == noteBuildID && desc > 0:
			m.buildID = hex.EncodeToString(data[from : from+desc])
		}
		data = data[end:]
	}
}

// Where an ELF header of 64 bits has the section headers (elf(5)).
const (
	shoffAt     = 0x28
	shnumAt     = 0x3c
	headerBytes = 64
)

// stripped is the image without what is not loaded: symbols and debug
// information, which lie behind it.
func (m *image) stripped(r io.ReaderAt) ([]byte, error) {
	if m.end < headerBytes {
		return nil, fmt.Errorf("an ELF image of %d bytes", m.end)
	}
	data := make([]byte, m.end)
	if _, err := r.ReadAt(data, 0); err != nil {
		return nil, err
	}
	clear(data[shoffAt : shoffAt+8])
	clear(data[shnumAt : shnumAt+4]) // and the index of their names
	return data, nil
}

// BuildID returns the linker's id of an ELF image: equal for a kernel and its
// debug information. It is empty if there is none.
func BuildID(file string) (string, error) {
	f, err := elf.Open(file)
	var path *fs.PathError
	switch {
	case errors.As(err, &path):
		return "", err
	case err != nil:
		return "", wrongf("not an ELF image (%v)", err)
	}
	defer func() { _ = f.Close() }() // read only
	m := &image{}
	for _, s := range f.Sections {
		// Of a file with debug information alone the segments may be empty.
		if s.Type != elf.SHT_NOTE || s.Size > maxConfig {
			continue
		}
		data, err := s.Data()
		if err != nil {
			return "", err
		}
		m.notes(data, f.ByteOrder)
	}
	return m.buildID, nil
}

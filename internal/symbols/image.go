// Package symbols tells where in the kernel's source an address of a stack
// trace is: it reads the symbol table and the DWARF of a vmlinux, as addr2line
// -i and the kernel's scripts/decode_stacktrace.sh do, without starting them.
//
// A vmlinux holds some 45 MB of symbols and a trace asks for a dozen addresses.
// So the file is mapped, not read; a unit of the DWARF is parsed when an
// address in it is asked for; and what is true of a unit is kept.
//
// Nothing here is of one machine: byte order and size of an address come from
// the ELF header.
package symbols

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// What may be missing from an image; Open's errors wrap them.
var (
	ErrNoSymbols = errors.New("no symbol table: it is stripped")
	ErrNoDWARF   = errors.New("no debug information: the kernel was built without CONFIG_DEBUG_INFO")
)

// A Location is a place in the source.
type Location struct {
	Function string // as the source has it, without ".isra.0" and the like
	File     string // relative to the root of the kernel's source
	Line     int    // 0 if the compiler gave the code no line
	Inlined  bool   // into the function of the Location that follows
}

// String is "file:line".
func (l Location) String() string {
	if l.Line == 0 {
		return l.File
	}
	return fmt.Sprintf("%s:%d", l.File, l.Line)
}

// An Image is a vmlinux with symbols and DWARF. It is not safe for concurrent
// use.
type Image struct {
	data     []byte // the file, mapped
	order    binary.ByteOrder
	symtab   symtab
	sections map[string][]byte // of the DWARF, by name: .debug_info
	units    unitIndex
	root     *string // of the source, as the paths in the DWARF begin; nil: not looked up yet
	located  map[uint64][]Location
}

// dwarfSections are the sections that are read; .debug_ranges is of DWARF 4,
// .debug_addr, .debug_line_str, .debug_rnglists and .debug_str_offsets of 5.
var dwarfSections = []string{
	".debug_abbrev", ".debug_addr", ".debug_aranges", ".debug_info", ".debug_line", ".debug_line_str",
	".debug_ranges", ".debug_rnglists", ".debug_str", ".debug_str_offsets",
}

// Open opens the image at path. The error for one that can't tell lines wraps
// ErrNoSymbols or ErrNoDWARF.
func Open(path string) (*Image, error) {
	data, err := mapFile(path)
	if err != nil {
		return nil, err
	}
	m, err := newImage(data)
	if err != nil {
		_ = unix.Munmap(data)
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

// Close gives the mapping back. Locations that were returned stay valid.
func (m *Image) Close() error { return unix.Munmap(m.data) }

func mapFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() == 0 {
		return nil, fmt.Errorf("%s: expected a vmlinux with symbols, found no regular file with content", path)
	}
	data, err := unix.Mmap(int(f.Fd()), 0, int(info.Size()), unix.PROT_READ, unix.MAP_PRIVATE)
	if err != nil {
		return nil, fmt.Errorf("map %s: %w", path, err)
	}
	return data, nil
}

// newImage reads the headers of an ELF file in memory.
func newImage(data []byte) (*Image, error) {
	f, err := elf.NewFile(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("expected an ELF image, the vmlinux of a kernel build: %w", err)
	}
	if f.Type != elf.ET_EXEC && f.Type != elf.ET_DYN {
		return nil, fmt.Errorf("expected a linked image, found %s; modules are not read", f.Type)
	}
	m := &Image{data: data, order: f.ByteOrder, sections: map[string][]byte{}, located: map[uint64][]Location{}}
	if m.symtab, err = readSymtab(f, data); err != nil {
		return nil, err
	}
	for _, name := range dwarfSections {
		if m.sections[name], err = content(f, data, name); err != nil {
			return nil, err
		}
	}
	if len(m.sections[".debug_info"]) == 0 || len(m.sections[".debug_line"]) == 0 {
		return nil, ErrNoDWARF
	}
	return m, nil
}

// content returns a section of the file, without copying it if it is not
// compressed, or nil if there is none.
func content(f *elf.File, data []byte, name string) ([]byte, error) {
	s := f.Section(name)
	if s == nil || s.Type == elf.SHT_NOBITS {
		return nil, nil
	}
	if s.Flags&elf.SHF_COMPRESSED != 0 {
		plain, err := s.Data()
		if err != nil {
			return nil, fmt.Errorf("section %s: %w", name, err)
		}
		return plain, nil
	}
	if s.Offset > uint64(len(data)) || s.FileSize > uint64(len(data))-s.Offset {
		return nil, fmt.Errorf("section %s ends behind the end of the file: it was cut short", name)
	}
	return data[s.Offset : s.Offset+s.FileSize], nil
}

// relative makes a path of the DWARF one of the source: without the directory
// that the source was built in.
func (m *Image) relative(file string) string {
	if m.root == nil {
		root := ""
		m.root = &root // what the search below finds is not made relative
		// As scripts/decode_stacktrace.sh finds it.
		for _, s := range m.symtab.named("kernel_init") {
			for _, l := range m.at(s.addr, s.name) {
				if dir, ok := strings.CutSuffix(l.File, "init/main.c"); ok {
					root = dir
				}
			}
		}
	}
	return strings.TrimPrefix(file, *m.root)
}

package symbols

import (
	"bytes"
	"cmp"
	"debug/elf"
	"encoding/binary"
	"slices"
	"strings"
)

// symtab is the symbol table of the image as it is in the file. A trace asks
// for a dozen of its 30,000 names: going through it for each is faster than
// making an index.
type symtab struct {
	entries []byte // Elf32_Sym or Elf64_Sym
	names   []byte
	order   binary.ByteOrder
	wide    bool            // Elf64_Sym
	code    map[uint16]bool // sections that hold code

	starts []uint64 // addresses at which code symbols begin, sorted; made when needed
}

// symbol is a place in the code that has a name.
type symbol struct {
	name string
	addr uint64
	size uint64 // as the compiler has it, 0 for what assembler left without
}

func readSymtab(f *elf.File, data []byte) (symtab, error) {
	t := symtab{order: f.ByteOrder, wide: f.Class == elf.ELFCLASS64, code: map[uint16]bool{}}
	s := f.SectionByType(elf.SHT_SYMTAB)
	if s == nil || s.Link >= uint32(len(f.Sections)) {
		return t, ErrNoSymbols
	}
	var err error
	if t.entries, err = content(f, data, s.Name); err != nil {
		return t, err
	}
	if t.names, err = content(f, data, f.Sections[s.Link].Name); err != nil {
		return t, err
	}
	if len(t.entries) == 0 || len(t.names) == 0 {
		return t, ErrNoSymbols
	}
	for i, s := range f.Sections {
		t.code[uint16(i)] = s.Flags&elf.SHF_EXECINSTR != 0
	}
	return t, nil
}

// each calls f with the place of each code symbol's name and where it is.
func (t *symtab) each(f func(name uint32, addr, size uint64)) {
	entry := elf.Sym32Size
	if t.wide {
		entry = elf.Sym64Size
	}
	for e := t.entries; len(e) >= entry; e = e[entry:] {
		name := t.order.Uint32(e)
		var kind byte
		var section uint16
		var addr, size uint64
		if t.wide {
			kind, section, addr, size = e[4], t.order.Uint16(e[6:]), t.order.Uint64(e[8:]), t.order.Uint64(e[16:])
		} else {
			kind, section, addr, size = e[12], t.order.Uint16(e[14:]), uint64(t.order.Uint32(e[4:])), uint64(t.order.Uint32(e[8:]))
		}
		switch elf.SymType(kind & 0xf) {
		case elf.STT_FUNC, elf.STT_NOTYPE, elf.STT_LOOS: // STT_GNU_IFUNC is STT_LOOS
			if t.code[section] && name < uint32(len(t.names)) {
				f(name, addr, size)
			}
		}
	}
}

// named returns the code symbols of a name. A kernel that is linked by clang
// with LTO says "f" where its symbol table has "f.llvm.1234"; so, if there is
// none of that name, those whose name goes on with a dot.
func (t *symtab) named(name string) []symbol {
	var exact, longer []symbol
	t.each(func(at uint32, addr, size uint64) {
		rest := t.names[at:]
		if len(rest) <= len(name) || string(rest[:len(name)]) != name {
			return
		}
		switch rest[len(name)] {
		case 0:
			exact = append(exact, symbol{name, addr, size})
		case '.':
			end := max(bytes.IndexByte(rest, 0), 0)
			longer = append(longer, symbol{string(rest[:end]), addr, size})
		}
	})
	if len(exact) > 0 {
		return exact
	}
	return slices.DeleteFunc(longer, func(s symbol) bool { return strings.HasSuffix(s.name, ".cold") })
}

// extent is the size of a symbol as the kernel prints it: up to the next one
// (kernel/kallsyms.c, get_symbol_pos).
func (t *symtab) extent(addr uint64) uint64 {
	if t.starts == nil {
		t.each(func(name uint32, addr, _ uint64) {
			// Mapping symbols of arm64 and riscv64 ($x, $d) and local labels
			// are not in kallsyms (scripts/mksysmap).
			if first := t.names[name]; first != '$' && first != '.' && first != 0 {
				t.starts = append(t.starts, addr)
			}
		})
		slices.Sort(t.starts)
	}
	i, _ := slices.BinarySearch(t.starts, addr+1)
	if i == len(t.starts) {
		return 0
	}
	return t.starts[i] - addr
}

// pad is how far apart the ends of a function and of what the kernel takes for
// it may be: alignment, and symbols that kallsyms leaves out.
const pad = 4096

// find returns the one symbol that a frame means. Where several functions have
// its name the frame's size tells which; where that does not tell, or shows that
// the image is not the kernel that printed the frame, there is none.
func (t *symtab) find(function string, offset, size uint64) (symbol, bool) {
	all := t.named(function)
	// An alias has the place of what it is an alias of.
	slices.SortFunc(all, func(a, b symbol) int {
		return cmp.Or(cmp.Compare(a.addr, b.addr), cmp.Compare(b.size, a.size))
	})
	all = slices.CompactFunc(all, func(a, b symbol) bool { return a.addr == b.addr })
	all = slices.DeleteFunc(all, func(s symbol) bool { return size > 0 && offset > size || s.size > 0 && offset > s.size+pad })
	if size == 0 {
		return only(all)
	}
	exact := slices.DeleteFunc(slices.Clone(all), func(s symbol) bool { return t.extent(s.addr) != size })
	if len(exact) > 0 {
		return only(exact)
	}
	near := func(own uint64) bool { return own > 0 && own <= size && size-own <= pad }
	return only(slices.DeleteFunc(all, func(s symbol) bool { return !near(s.size) && !near(t.extent(s.addr)) }))
}

func only(all []symbol) (symbol, bool) {
	if len(all) != 1 {
		return symbol{}, false
	}
	return all[0], true
}

package symbols

import (
	"cmp"
	"debug/dwarf"
	"slices"
)

// unitIndex tells which unit of the DWARF an address is in.
type unitIndex struct {
	spans  []span // sorted by lo
	made   bool
	whole  bool // spans has what the units say, not only .debug_aranges
	loaded map[uint64]*unit
	linked *dwarf.Data // of all units; see crossesUnits
}

// span is a range of addresses and the unit that it belongs to.
type span struct {
	lo, hi uint64
	unit   uint64 // offset in .debug_info
}

func (x *unitIndex) find(pc uint64) (uint64, bool) {
	// Ranges of units don't overlap, but for those that the linker dropped: they
	// begin at 0.
	i, _ := slices.BinarySearchFunc(x.spans, pc, func(s span, pc uint64) int {
		if s.lo <= pc {
			return -1
		}
		return 1
	})
	if i == 0 || pc >= x.spans[i-1].hi {
		return 0, false
	}
	return x.spans[i-1].unit, true
}

func (x *unitIndex) sort() {
	slices.SortFunc(x.spans, func(a, b span) int { return cmp.Compare(a.lo, b.lo) })
}

// unitAt returns the unit that has the code at pc, or nil.
func (m *Image) unitAt(pc uint64) *unit {
	x := &m.units
	if !x.made {
		x.made = true
		x.loaded = map[uint64]*unit{}
		m.readAranges()
		x.sort()
	}
	off, ok := x.find(pc)
	if !ok && !x.whole {
		// clang writes no .debug_aranges, so only assembler's code has them.
		x.whole = true
		m.readUnits()
		x.sort()
		off, ok = x.find(pc)
	}
	if !ok {
		return nil
	}
	return m.load(off)
}

// readAranges reads .debug_aranges (DWARF 5, 6.1.2).
func (m *Image) readAranges() {
	b := cursor{data: m.sections[".debug_aranges"], order: m.order}
	for len(b.data) > 0 && !b.bad {
		set, wide := b.part()
		version := set.uint(2)
		info := set.offset(wide)
		address, segment := int(set.uint(1)), set.uint(1)
		if set.bad || version != 2 || segment != 0 || address != 4 && address != 8 {
			continue
		}
		set.align(2 * address)
		for !set.bad {
			lo, n := set.uint(address), set.uint(address)
			if set.bad || lo == 0 && n == 0 {
				break
			}
			m.units.spans = append(m.units.spans, span{lo, lo + n, info})
		}
	}
}

// readUnits asks each unit that .debug_aranges does not know for its ranges.
func (m *Image) readUnits() {
	known := map[uint64]bool{}
	for _, s := range m.units.spans {
		known[s.unit] = true
	}
	info := m.sections[".debug_info"]
	b := cursor{data: info, order: m.order}
	for len(b.data) > 0 && !b.bad {
		off := uint64(len(info) - len(b.data))
		b.part()
		if known[off] {
			continue
		}
		u := m.load(off)
		if u == nil {
			continue
		}
		ranges, err := u.data.Ranges(u.entry)
		if err != nil {
			continue // a unit that can't be read has no lines to tell
		}
		for _, r := range ranges {
			m.units.spans = append(m.units.spans, span{r[0], r[1], off})
		}
	}
}

// unit is a part of the DWARF that one compiler run wrote.
type unit struct {
	data  *dwarf.Data
	entry *dwarf.Entry // of DW_TAG_compile_unit
	rows  []row        // of the line table, as it is
	files []*dwarf.LineFile
	lines bool // rows and files are read
}

// row says that the code from an address on, up to the next row, is of a line.
type row struct {
	addr uint64
	file *dwarf.LineFile
	line int
	end  bool // the first address behind a sequence
	stmt bool // a statement begins there
}

// load parses the unit at an offset of .debug_info, by itself: debug/dwarf reads
// the abbreviations of all units that it is given, which takes longer than all
// else that a trace needs.
func (m *Image) load(off uint64) *unit {
	if u, ok := m.units.loaded[off]; ok {
		return u
	}
	u := m.parse(off)
	m.units.loaded[off] = u
	return u
}

// parse returns nil for what is no unit of code, or can't be read.
func (m *Image) parse(off uint64) *unit {
	h, ok := m.header(off)
	if !ok {
		return nil
	}
	info := m.sections[".debug_info"]
	var d *dwarf.Data
	var err error
	first := dwarf.Offset(h.first - off)
	if m.crossesUnits(h.abbrev) {
		if m.units.linked == nil {
			m.units.linked, err = m.dwarf(info)
		}
		d, first = m.units.linked, dwarf.Offset(h.first)
	} else {
		d, err = m.dwarf(info[off:h.end])
	}
	if err != nil {
		return nil
	}
	r := d.Reader()
	r.Seek(first)
	e, err := r.Next()
	if err != nil || e == nil || e.Tag != dwarf.TagCompileUnit {
		return nil
	}
	return &unit{data: d, entry: e}
}

// header is what the beginning of a unit says (DWARF 5, 7.5.1).
type header struct {
	first, end uint64 // offsets in .debug_info: its first entry, the next unit
	abbrev     uint64 // offset in .debug_abbrev
}

func (m *Image) header(off uint64) (header, bool) {
	info := m.sections[".debug_info"]
	if off >= uint64(len(info)) {
		return header{}, false
	}
	b := cursor{data: info[off:], order: m.order}
	u, wide := b.part()
	h := header{end: off + uint64(b.read)}
	version := u.uint(2)
	if version >= 5 {
		u.uint(2) // unit type, address size
		h.abbrev = u.offset(wide)
	} else {
		h.abbrev = u.offset(wide)
		u.uint(1) // address size
	}
	h.first = off + uint64(u.read)
	return h, !u.bad
}

// formRefAddr is DW_FORM_ref_addr, a reference to an entry of any unit.
const formRefAddr = 0x10

// formImplicitConst is DW_FORM_implicit_const, whose value is in the
// abbreviation.
const formImplicitConst = 0x21

// crossesUnits tells whether a unit with the abbreviations at that offset may
// refer to other units, as those of a kernel that is linked with LTO do. Such a
// unit can't be parsed by itself.
func (m *Image) crossesUnits(off uint64) bool {
	abbrev := m.sections[".debug_abbrev"]
	if off >= uint64(len(abbrev)) {
		return false
	}
	b := cursor{data: abbrev[off:], order: m.order}
	for b.uleb() != 0 && !b.bad {
		b.uleb() // tag
		b.uint(1)
		for !b.bad {
			attr, form := b.uleb(), b.uleb()
			if form == formRefAddr {
				return true
			}
			if form == formImplicitConst {
				b.uleb()
			}
			if attr == 0 && form == 0 {
				break
			}
		}
	}
	return false
}

func (m *Image) dwarf(info []byte) (*dwarf.Data, error) {
	s := m.sections
	d, err := dwarf.New(s[".debug_abbrev"], nil, nil, info, s[".debug_line"], nil, s[".debug_ranges"], s[".debug_str"])
	if err != nil {
		return nil, err
	}
	for _, name := range []string{".debug_addr", ".debug_line_str", ".debug_rnglists", ".debug_str_offsets"} {
		if err := d.AddSection(name, s[name]); err != nil {
			return nil, err
		}
	}
	return d, nil
}

package symbols

import (
	"debug/dwarf"
	"runtime/debug"
	"slices"
)

// Instruction is a place in the code that the line table has something to say
// of: the first instruction of what a statement was compiled to.
type Instruction struct {
	Addr uint64
	// Lines are the lines of the source that are executed with it: the one that
	// it was compiled from and, if that was inlined, those of the calls.
	Lines []SourceLine
}

// SourceLine is a line of a file by its path from the root of the source.
type SourceLine struct {
	File string
	Line int
}

// Range are the addresses from Start on up to, and without, End.
type Range struct{ Start, End uint64 }

// Code returns what the image has of some source files, by their paths from the
// root of the source: the places that the line table names as beginnings of
// statements (is_stmt of DWARF 5, 6.2.2), sorted, and the functions that hold
// them, all of each.
func (m *Image) Code(files []string) (code []Instruction, functions []Range) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if recover() != nil { // as in at
			code, functions = nil, nil
		}
	}()
	m.relative("") // finds the root
	m.allUnits()
	seen := map[Range]bool{}
	offsets := map[uint64]bool{}
	for _, s := range m.units.spans {
		offsets[s.unit] = true
	}
	for off := range offsets {
		u := m.load(off)
		if u == nil || !m.mentions(u, files) {
			continue
		}
		for _, i := range m.instructions(u, files) {
			r, ok := m.symtab.around(i.Addr)
			if !ok {
				continue
			}
			code = append(code, i)
			if !seen[r] {
				seen[r] = true
				functions = append(functions, r)
			}
		}
	}
	slices.SortFunc(code, func(a, b Instruction) int { return compare(a.Addr, b.Addr) })
	slices.SortFunc(functions, func(a, b Range) int { return compare(a.Start, b.Start) })
	return code, functions
}

func compare(a, b uint64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// allUnits has the index know every unit.
func (m *Image) allUnits() {
	m.unitAt(0)
	if !m.units.whole {
		m.units.whole = true
		m.readUnits()
		m.units.sort()
	}
}

// mentions tells whether the line table of a unit names one of the files.
func (m *Image) mentions(u *unit, files []string) bool {
	r, err := u.data.LineReader(u.entry)
	if err != nil || r == nil {
		return false
	}
	return slices.ContainsFunc(r.Files(), func(f *dwarf.LineFile) bool {
		return f != nil && slices.Contains(files, m.relative(clean(f)))
	})
}

// scope is a function, or what was inlined into one, and where its code is.
type scope struct {
	ranges [][2]uint64
	call   SourceLine // where it was inlined; no line for a function of its own
}

// instructions returns the beginnings of statements of a unit that are of one of
// the files.
func (m *Image) instructions(u *unit, files []string) []Instruction {
	u.readLines()
	scopes := m.scopes(u)
	paths := map[*dwarf.LineFile]string{}
	var all []Instruction
	for _, row := range u.rows {
		if row.end || !row.stmt || row.line == 0 {
			continue
		}
		file, known := paths[row.file]
		if !known {
			file = m.relative(clean(row.file))
			paths[row.file] = file
		}
		i := Instruction{Addr: row.addr}
		add := func(l SourceLine) {
			if l.Line > 0 && slices.Contains(files, l.File) && !slices.Contains(i.Lines, l) {
				i.Lines = append(i.Lines, l)
			}
		}
		add(SourceLine{file, row.line})
		for _, s := range scopes {
			if s.call.Line > 0 && s.covers(row.addr) {
				add(s.call)
			}
		}
		if len(i.Lines) > 0 {
			all = append(all, i)
		}
	}
	return all
}

func (s *scope) covers(pc uint64) bool {
	return slices.ContainsFunc(s.ranges, func(r [2]uint64) bool { return r[0] <= pc && pc < r[1] })
}

// scopes returns what was inlined in a unit, with the places of the calls.
func (m *Image) scopes(u *unit) []scope {
	var all []scope
	r := u.data.Reader()
	r.Seek(u.entry.Offset)
	if e, err := r.Next(); err != nil || e == nil || !e.Children {
		return nil
	}
	for depth := 1; depth > 0; {
		e, err := r.Next()
		switch {
		case err != nil || e == nil:
			return all
		case e.Tag == 0:
			depth--
			continue
		case e.Tag == dwarf.TagInlinedSubroutine:
			if ranges, err := u.data.Ranges(e); err == nil {
				n, _ := e.Val(dwarf.AttrCallFile).(int64)
				line, _ := e.Val(dwarf.AttrCallLine).(int64)
				s := scope{ranges: ranges}
				if n >= 0 && n < int64(len(u.files)) {
					s.call = SourceLine{m.relative(clean(u.files[n])), int(line)}
				}
				all = append(all, s)
			}
		}
		if e.Children {
			depth++
		}
	}
	return all
}

// around returns the function that an address is in, as far as the next symbol.
func (t *symtab) around(addr uint64) (Range, bool) {
	t.extent(addr) // sorts the starts
	i, exact := slices.BinarySearch(t.starts, addr)
	if !exact {
		i--
	}
	if i < 0 {
		return Range{}, false
	}
	size := t.extent(t.starts[i])
	return Range{t.starts[i], t.starts[i] + size}, size > 0
}

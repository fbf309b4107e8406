package symbols

import (
	"debug/dwarf"
	"path"
	"runtime"
	"runtime/debug"
	"slices"
)

// Lookup returns where the instruction function+offset is in the source, the
// innermost inlined function first; size is the function's, as the kernel
// prints it behind the slash, 0 if it is not known. What can't be told is nil:
// another function of that name and size, a size that shows that the image is
// not the kernel that printed the frame, code without lines.
func (m *Image) Lookup(function string, offset, size uint64) []Location {
	s, ok := m.symtab.find(function, offset, size)
	if !ok {
		return nil
	}
	return m.locate(s.addr+offset, s.name)
}

// Return is Lookup of an address that a call returns to: it says where the call
// is. The address itself may be of the next line, or of the next function if the
// callee does not return.
func (m *Image) Return(function string, offset, size uint64) []Location {
	s, ok := m.symtab.find(function, offset, size)
	if !ok {
		return nil
	}
	if offset > 0 { // the kernel gives the frame to the caller, see sprint_backtrace
		offset--
	}
	return m.locate(s.addr+offset, s.name)
}

// locate is at with paths of the source, and remembers.
func (m *Image) locate(pc uint64, name string) []Location {
	if known, ok := m.located[pc]; ok {
		return known
	}
	locations := m.at(pc, name)
	for i := range locations {
		locations[i].File = m.relative(locations[i].File)
	}
	m.located[pc] = locations
	return locations
}

// at returns where an address is; name is that of the symbol it is in, for what
// is not in a function that the DWARF knows.
func (m *Image) at(pc uint64, name string) (locations []Location) {
	// A file that is truncated while it is mapped, and DWARF that debug/dwarf
	// trips over, cost the line and not the run whose report wants it.
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(runtime.Error); !ok {
				panic(r)
			}
			locations = nil
		}
	}()
	u := m.unitAt(pc)
	if u == nil {
		return nil
	}
	line, ok := u.line(pc)
	if !ok {
		return nil
	}
	chain := u.functions(pc)
	if len(chain) == 0 {
		return []Location{{Function: name, File: clean(line.file), Line: line.line}}
	}
	// The line table says where the innermost function is; where the others are
	// is where what they inline was called.
	file, number := line.file, line.line
	for i, e := range slices.Backward(chain) {
		l := Location{Function: u.name(e), File: clean(file), Line: number, Inlined: i > 0}
		if l.Function == "" {
			l.Function = name
		}
		locations = append(locations, l)
		n, _ := e.Val(dwarf.AttrCallFile).(int64)
		file = nil
		if n >= 0 && n < int64(len(u.files)) {
			file = u.files[n]
		}
		at, _ := e.Val(dwarf.AttrCallLine).(int64)
		number = int(at)
	}
	return locations
}

func clean(f *dwarf.LineFile) string {
	if f == nil || f.Name == "" {
		return "?"
	}
	return path.Clean(f.Name)
}

// line returns the row of the line table that an address is of.
func (u *unit) line(pc uint64) (row, bool) {
	u.readLines()
	for i := 1; i < len(u.rows); i++ {
		if r := u.rows[i-1]; !r.end && r.addr <= pc && pc < u.rows[i].addr {
			return r, true
		}
	}
	return row{}, false
}

func (u *unit) readLines() {
	if u.lines {
		return
	}
	u.lines = true
	r, err := u.data.LineReader(u.entry)
	if err != nil || r == nil {
		return // a unit without lines
	}
	var e dwarf.LineEntry
	for r.Next(&e) == nil { // up to io.EOF, or what can't be read
		u.rows = append(u.rows, row{e.Address, e.File, e.Line, e.EndSequence, e.IsStmt})
	}
	u.files = r.Files()
}

// functions returns the function that an address is in and what was inlined
// there, the outermost first.
func (u *unit) functions(pc uint64) []*dwarf.Entry {
	var chain []*dwarf.Entry
	var open []bool // of the entries around the next one: is it in chain
	r := u.data.Reader()
	r.Seek(u.entry.Offset)
	if e, err := r.Next(); err != nil || e == nil || !e.Children {
		return nil
	}
	for {
		e, err := r.Next()
		if err != nil || e == nil {
			return chain
		}
		enter, link := false, false
		switch e.Tag {
		case 0: // the end of the entries of the innermost open one
			if len(open) == 0 || open[len(open)-1] {
				return chain
			}
			open = open[:len(open)-1]
			continue
		case dwarf.TagSubprogram, dwarf.TagInlinedSubroutine:
			link = u.covers(e, pc)
			enter = link
		case dwarf.TagLexDwarfBlock:
			enter = len(chain) > 0 && (!hasRange(e) || u.covers(e, pc))
		case dwarf.TagNamespace, dwarf.TagModule: // of Rust
			enter = true
		}
		if link {
			chain = append(chain, e)
		}
		switch {
		case !e.Children && link:
			return chain
		case !e.Children:
		case enter:
			open = append(open, link)
		default:
			r.SkipChildren()
		}
	}
}

func hasRange(e *dwarf.Entry) bool {
	return e.Val(dwarf.AttrRanges) != nil || e.Val(dwarf.AttrLowpc) != nil
}

func (u *unit) covers(e *dwarf.Entry, pc uint64) bool {
	if !hasRange(e) {
		return false // a declaration, or the abstract instance of an inlined one
	}
	ranges, err := u.data.Ranges(e)
	return err == nil && slices.ContainsFunc(ranges, func(r [2]uint64) bool { return r[0] <= pc && pc < r[1] })
}

// name returns the name of a function, which its abstract instance or its
// declaration may have in its place.
func (u *unit) name(e *dwarf.Entry) string {
	for range 4 { // concrete, abstract, declared; a cycle would be a fault
		if name, ok := e.Val(dwarf.AttrName).(string); ok {
			return name
		}
		origin, ok := e.Val(dwarf.AttrAbstractOrigin).(dwarf.Offset)
		if !ok {
			origin, ok = e.Val(dwarf.AttrSpecification).(dwarf.Offset)
		}
		if !ok {
			return ""
		}
		r := u.data.Reader()
		r.Seek(origin)
		next, err := r.Next()
		if err != nil || next == nil {
			return ""
		}
		e = next
	}
	return ""
}

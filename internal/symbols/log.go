package symbols

import (
	"regexp"
	"strconv"
	"strings"
)

// A Place is a frame of a kernel log: an address as the kernel prints it
// (sprint_symbol, kernel/kallsyms.c).
type Place struct {
	Function     string
	Offset, Size uint64
	// Exact: the address is that of an instruction, not one to return to.
	Exact bool

	start, end int // of its text in the line
}

var (
	// The place is the kernel's own if no module is named behind it, and is
	// known if a file stands there already.
	placeText = regexp.MustCompile(`([A-Za-z_$][\w$.]*)\+0x([0-9a-f]{1,16})/0x([0-9a-f]{1,16})( \[\w[\w-]*(?: [0-9a-f]+)?\]| \([\w./+-]+:\d+[^()]*\))?`)
	// What stands before the address of an instruction: show_ip of x86
	// (arch/x86/kernel/dumpstack.c), __show_regs of arm64 and riscv64, __warn.
	exactText = regexp.MustCompile(`(?:RIP: [0-9a-f]{4}:|EIP: |\bpc : |\bepc : |PC is at |WARNING: .*)$`)
)

// Places returns the frames of the kernel itself that a line of a log has.
func Places(line string) []Place {
	var all []Place
	for _, m := range placeText.FindAllStringSubmatchIndex(line, -1) {
		if m[8] >= 0 { // of a module, or already located
			continue
		}
		offset, err1 := strconv.ParseUint(line[m[4]:m[5]], 16, 64)
		size, err2 := strconv.ParseUint(line[m[6]:m[7]], 16, 64)
		if err1 != nil || err2 != nil {
			continue
		}
		all = append(all, Place{
			Function: line[m[2]:m[3]], Offset: offset, Size: size,
			Exact: exactText.MatchString(line[:m[0]]), start: m[0], end: m[1],
		})
	}
	return all
}

// Frames locates the frames of one log or one report, in their order.
type Frames struct {
	image *Image
	pc    Place
}

// Frames begins a log or a report.
func (m *Image) Frames() *Frames { return &Frames{image: m} }

// Locate returns where a frame is. The traces of arm64 and riscv64 begin with
// the address of the instruction, which then is no address to return to: it is
// the one that the registers have, a few lines before.
func (f *Frames) Locate(p Place) []Location {
	if p.Exact {
		f.pc = p
	}
	if p.Exact || p.Function == f.pc.Function && p.Offset == f.pc.Offset && p.Size == f.pc.Size {
		return f.image.Lookup(p.Function, p.Offset, p.Size)
	}
	return f.image.Return(p.Function, p.Offset, p.Size)
}

// Line returns a line of a log with the places in the source behind its frames,
// in parentheses, the innermost first, as scripts/decode_stacktrace.sh has them.
// What can't be told stays as it is.
func (f *Frames) Line(line string) string {
	var b strings.Builder
	done := 0
	for _, p := range Places(line) {
		var places []string
		for _, l := range f.Locate(p) {
			places = append(places, l.String())
		}
		b.WriteString(line[done:p.end])
		if len(places) > 0 {
			b.WriteString(" (" + strings.Join(places, " ") + ")")
		}
		done = p.end
	}
	b.WriteString(line[done:])
	return b.String()
}

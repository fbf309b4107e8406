package console

import (
	"regexp"
	"strconv"
	"strings"
)

// A Frame is one function of a stack that a report shows.
type Frame struct {
	Func   string `json:"func"`             // as printed: the compiler's suffixes (".isra.0") are part of the symbol
	Offset uint64 `json:"offset"`           // of the address in the function
	Size   uint64 `json:"size"`             // of the function
	Module string `json:"module,omitempty"` // empty: vmlinux

	// Stack says of several stacks in a report which one it is, by the line
	// that stands above it: "Call Trace", "Freed by task". Frames of one stack
	// stand together, the innermost first.
	Stack string `json:"stack,omitempty"`

	// Exact: the address is that of an instruction (RIP, pc), not one to return
	// to, whose call is before it.
	Exact bool `json:"exact,omitempty"`
	// Unreliable: found on the stack and perhaps left there by an earlier call
	// (the "?" of show_trace_log_lvl, arch/x86/kernel/dumpstack.c).
	Unreliable bool `json:"unreliable,omitempty"`

	// At is the index of the frame's line in Splat.Lines.
	At int `json:"at"`

	// The place in the source. The kernel does not print it: it is empty until
	// the frame has been symbolised, here or before the log was read.
	File    string `json:"file,omitempty"`
	Line    int    `json:"line,omitempty"`
	Inlined bool   `json:"inlined,omitempty"` // into the frame that follows; Offset and Size are those of that frame, or 0
}

// Name is the function as the source has it, without what the compiler's
// optimisations append to it.
func (f Frame) Name() string { return sourceName(f.Func) }

// sourceName drops what GCC and clang append to the name of a function they
// took apart: another compiler appends something else, or nothing.
func sourceName(symbol string) string {
	name, _, _ := strings.Cut(symbol, ".")
	return name
}

const (
	// symbol is a function with offset and size, and the module it is of
	// (sprint_symbol, kernel/kallsyms.c; with its build id if
	// CONFIG_STACKTRACE_BUILD_ID).
	symbol = `([A-Za-z_$][\w$.]*)\+0x([0-9a-f]{1,16})/0x([0-9a-f]{1,16})(?: \[([\w-]+)(?: [0-9a-f]{8,64})?\])?`
	place  = `(?: \(?([\w./+-]+\.[chS]):(\d+)(?: \(discriminator \d+\))?\)?)?`
)

var (
	// x86 prints "? " before a guess, arm64 "(P)" and more behind a frame, riscv
	// and old kernels the address before it.
	frameLine = regexp.MustCompile(`^\s*(?:\[<[0-9a-f]{8,16}>\] )?(\? )?` + symbol + `(?: \([A-Z]+\))?` + place + `\s*$`)
	// A log that was symbolised already has inlined functions without offset.
	inlineLine = regexp.MustCompile(`^\s+([A-Za-z_][\w.]*) ([\w./+-]+\.[chS]):(\d+) \[inline\]$`)
	// The instruction that trapped: x86, arm64, riscv.
	pcLine = regexp.MustCompile(`^(?:RIP: [0-9a-f]{4}:|EIP: |pc : |epc : |PC is at )` + symbol + place)
	// The instruction that warned; before 6.16, and since.
	warnLine = regexp.MustCompile(`^WARNING: (?:CPU: \d+ PID: \d+ at )?\S+?(?::\d+)? (?:at )?` + symbol)
	// The one that a sanitizer names.
	accessLine = regexp.MustCompile(`^BUG: K[A-Z]{3,4}N: [\w() -]+ in ` + symbol)
	// heading is a line above a stack.
	heading = regexp.MustCompile(`^\s*([A-Z][\w /-]{2,60}?|<[A-Z#]{2,4}>|(?:read|write|read-write)(?: \([\w ]+\))?)(?: to 0x.*)?(?: \d+)?(?: on cpu \d+(?: at [\d.]+s)?)?:?$`)
)

// frameOf reads a line as a frame.
func frameOf(text string) (Frame, bool) {
	if m := inlineLine.FindStringSubmatch(text); m != nil {
		n, _ := strconv.Atoi(m[3])
		return Frame{Func: m[1], File: m[2], Line: n, Inlined: true}, true
	}
	m := frameLine.FindStringSubmatch(text)
	if m == nil {
		return Frame{}, false
	}
	f := symbolised(m[2:])
	f.Unreliable = m[1] != ""
	return f, true
}

// symbolised makes a frame of the groups of symbol and, if there, place.
func symbolised(m []string) Frame {
	f := Frame{Func: m[0], Module: m[3]}
	f.Offset, _ = strconv.ParseUint(m[1], 16, 64)
	f.Size, _ = strconv.ParseUint(m[2], 16, 64)
	if len(m) > 5 {
		f.File = m[4]
		f.Line, _ = strconv.Atoi(m[5])
	}
	return f
}

// framesOf returns the frames of a report's lines.
func framesOf(lines []string) []Frame {
	var frames []Frame
	stack, named := "", false
	for i, line := range lines {
		text := Parse(line).Text
		f, ok := frameOf(text)
		switch {
		case ok:
			f.Stack, f.At = stack, i
			frames = append(frames, f)
			named = true
			continue
		}
		for _, p := range []*regexp.Regexp{pcLine, warnLine, accessLine} {
			if m := p.FindStringSubmatch(text); m != nil {
				f := symbolised(m[1:])
				f.Exact, f.At = p != accessLine, i
				f.Stack, _, _ = strings.Cut(text, ":")
				frames = append(frames, f)
			}
		}
		if m := heading.FindStringSubmatch(text); m != nil && (m[1][0] != '<' || !named) {
			stack, named = m[1], false
		}
	}
	return frames
}

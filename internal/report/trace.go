package report

import (
	"fmt"
	"strings"

	"uetest/internal/console"
	"uetest/internal/results"
)

// showFrames bounds how much of a trace the summary prints.
const showFrames = 24

// splats writes those that are not allowed, one of each title; above is what
// stands there already.
func (p *printer) splats(splats []console.Splat, above string, o Options) {
	seen := map[string]int{}
	for _, s := range results.Charged(splats) {
		seen[s.Title]++
	}
	for _, s := range results.Charged(splats) {
		n := seen[s.Title]
		if n == 0 {
			continue
		}
		seen[s.Title] = 0
		if n > 1 {
			p.f("    %s\n", p.paint(red, fmt.Sprintf("%s  (%d times)", s.Title, n)))
		} else if !strings.HasPrefix(above, s.Title) {
			p.f("    %s\n", p.paint(red, s.Title))
		}
		p.trace(s, o)
	}
}

// trace writes what a person wants of a splat: the function it is about, and the
// functions of its stacks with their places in the source. Guesses of the kernel
// and registers are left out; a splat without frames, and every one if asked for,
// is printed as the kernel did.
func (p *printer) trace(s console.Splat, o Options) {
	if place := guilty(s); place != "" {
		p.f("      in %s\n", printable(place))
	}
	frames := shown(s.Frames)
	switch {
	case o.Verbose:
		for _, l := range s.Lines {
			p.f("    %s\n", p.paint(dim, "| "+printable(l)))
		}
	case len(frames) == 0:
		p.lines(s.Lines)
	}
	width := 0
	for _, f := range frames[:min(len(frames), showFrames)] {
		width = max(width, len(f.Name()))
	}
	stack := ""
	for i, f := range frames {
		if i == showFrames {
			p.f("      %s\n", p.paint(dim, fmt.Sprintf("… %d more frames in the saved run", len(frames)-i)))
			return
		}
		// The instruction and the first stack are one trace.
		if !f.Exact && f.Stack != stack {
			if stack != "" {
				p.f("      %s\n", p.paint(dim, printable(f.Stack)+":"))
			}
			stack = f.Stack
		}
		p.f("      %s\n", p.paint(dim, "| "+printable(strings.TrimRight(fmt.Sprintf("%-*s  %s", width, f.Name(), where(f)), " "))))
	}
}

// guilty is the function that a splat is about, with its place.
func guilty(s console.Splat) string {
	if s.Guilty == "" {
		return ""
	}
	if f, ok := guiltyFrame(s); ok {
		return s.Guilty + " at " + place(f)
	}
	return s.Guilty
}

func place(f console.Frame) string {
	if f.Line == 0 {
		return f.File
	}
	return fmt.Sprintf("%s:%d", f.File, f.Line)
}

// where is what stands behind a frame's name.
func where(f console.Frame) string {
	switch {
	case f.File != "" && f.Inlined:
		return place(f) + " (inlined)"
	case f.File != "":
		return place(f)
	case f.Module != "":
		return fmt.Sprintf("+%#x/%#x [%s]", f.Offset, f.Size, f.Module)
	}
	return fmt.Sprintf("+%#x/%#x", f.Offset, f.Size)
}

// shown drops the guesses, and the repetition of the instruction that a report
// has in several places: in its first line, its registers, its trace.
func shown(frames []console.Frame) []console.Frame {
	var all []console.Frame
	exact := map[string]int{} // by what is printed, the line that it is from
	for _, f := range frames {
		if f.Unreliable {
			continue
		}
		key := fmt.Sprint(f.Func, f.Offset, f.Size, f.File, f.Line, f.Inlined)
		if at, twice := exact[key]; twice && at != f.At {
			continue
		}
		if f.Exact {
			exact[key] = f.At
		}
		all = append(all, f)
	}
	return all
}

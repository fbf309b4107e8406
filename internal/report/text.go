// Package report renders runs: for people, and for the programs that read test
// results. A renderer writes what results says and decides nothing.
package report

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"uetest/internal/results"
	"uetest/selftests/catalog"
)

// Options steer the text report.
type Options struct {
	Color   bool
	Verbose bool // each test of a known fault, and where it deviates; splats as the kernel printed them
	// Reproduce returns the command that repeats one test on one kernel.
	Reproduce func(kernel, id string) string
	// Fault looks up a catalogued fault by id.
	Fault func(id string) (catalog.Fault, bool)
	// passes is how often the kernel was tested, if more than once.
	passes string
	// Tester signs a mail: NAME <ADDRESS>. Empty: the one whom the record names.
	Tester string
	// Origin is whom KCIDB knows as the submitter; empty is "uetest".
	Origin string
}

// Text writes the summary that a person reads in five seconds: a line an area,
// the known faults by name, then only what needs attention.
func Text(w io.Writer, run *results.Run, o Options) error {
	p := &printer{w: w, color: o.Color}
	p.head(run, o)
	p.areas(run)
	p.knownFaults(run, o)
	p.allowed(run, o)
	p.attention(run, o)
	p.foot(run)
	return p.err
}

type printer struct {
	w     io.Writer
	color bool
	err   error
}

func (p *printer) f(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format, args...)
	}
}

// The colours say one thing each: green is good, yellow is known, red is new.
const (
	red    = "31;1"
	green  = "32"
	yellow = "33"
	bold   = "1"
	dim    = "2"
)

func (p *printer) paint(color, s string) string {
	if !p.color {
		return s
	}
	return "\x1b[" + color + "m" + s + "\x1b[0m"
}

// Mark paints s as what is good or what needs attention, if color is asked for.
func Mark(s string, good, color bool) string {
	p := printer{color: color}
	if good {
		return p.paint(green, s)
	}
	return p.paint(red, s)
}

func (p *printer) head(r *results.Run, o Options) {
	k := r.Kernel
	p.f("\n%s", p.paint(bold, k.Name))
	if r.Guest.Release != "" {
		p.f("  %s %s", r.Guest.Release, r.Guest.Machine)
	}
	if r.Generation != "" {
		p.f("  generation %s", r.Generation)
	}
	p.f("  on %s\n", r.Accel)
	if r.AccelWhy != "" {
		p.f("  %s: %s\n", r.Accel, r.AccelWhy)
	}
	if o.passes != "" {
		p.f("  %s\n", o.passes)
	}
	if r.NoSnapshot != "" {
		p.f("  each guest is booted: %s\n", r.NoSnapshot)
	}
	if r.OneCPU != "" {
		p.f("  no guest has two CPUs: %s\n", r.OneCPU)
	}
	for _, b := range k.Blobs {
		mark := p.paint(green, "proven")
		if b.Got != b.Want {
			mark = p.paint(red, "UNPROVEN, expected "+short(b.Want))
		}
		p.f("  %s %s %s\n", b.Path, short(b.Got), mark)
	}
	for i := range k.Top {
		p.top(&k.Top[i])
	}
	for _, id := range slices.Sorted(maps.Keys(k.Expects)) {
		p.f("  %s %s: %s\n", p.paint(yellow, "expected otherwise"), id, k.Expects[id])
	}
	for _, u := range k.Unproven {
		p.f("  %s %s\n", p.paint(red, "UNPROVEN"), u)
	}
	if k.Form != "" {
		p.f("  image: %s, %s\n", k.Image, k.Form)
	}
	if k.Config != "" {
		p.f("  configuration: %s\n", k.Config)
	}
	for _, l := range k.Lacks {
		p.f("  %s %s\n", p.paint(yellow, "lacks"), l)
	}
	p.f("\n")
}

// top says which patch was put on the kernel, and how it fits.
func (p *printer) top(t *results.TopPatch) {
	p.f("  on top: %s", t.File)
	if t.Subject != "" {
		p.f("  %s", t.Subject)
	}
	switch t.Restored {
	case "proven":
		p.f("  %s", p.paint(green, "restored, proven"))
	case "unproven":
		p.f("  %s", p.paint(red, "restored, UNPROVEN"))
	}
	p.f("\n")
	for i := range t.Files {
		f := &t.Files[i]
		color := yellow
		if f.Proven {
			color = green
		}
		p.f("    %s %s: %s\n", f.Action, f.Path, p.paint(color, f.Base()))
		for _, m := range f.Moved {
			p.f("      %s\n", p.paint(yellow, m))
		}
	}
}

func (p *printer) areas(r *results.Run) {
	type row struct {
		area  string
		tests []results.Test
	}
	var rows []row
	width := 0
	for _, t := range r.Tests {
		area, _, _ := strings.Cut(t.ID, "/")
		i := slices.IndexFunc(rows, func(r row) bool { return r.area == area })
		if i < 0 {
			i = len(rows)
			rows = append(rows, row{area: area})
			width = max(width, len(area))
		}
		rows[i].tests = append(rows[i].tests, t)
	}
	for _, row := range rows {
		p.f("  %-*s ", width, row.area)
		for _, v := range slices.Backward(results.Verdicts) {
			n := 0
			for _, t := range row.tests {
				if t.Verdict == v {
					n++
				}
			}
			if n > 0 {
				p.f(" %s", p.paint(colorOf(v), fmt.Sprintf("%3d %s", n, plural(v, n))))
			}
		}
		p.f("\n")
	}
}

// plural is the name of a verdict for n tests.
func plural(v results.Verdict, n int) string {
	switch v {
	case results.KnownFault, results.UnknownFault, results.Errored:
		if n != 1 {
			return string(v) + "s"
		}
	}
	return string(v)
}

func colorOf(v results.Verdict) string {
	switch {
	case v == results.AsExpected:
		return green
	case v.Good():
		return yellow
	}
	return red
}

func (p *printer) knownFaults(r *results.Run, o Options) {
	var ids []string
	by := map[string][]results.Test{}
	for _, t := range r.Tests {
		if t.Verdict != results.KnownFault {
			continue
		}
		if by[t.Fault] == nil {
			ids = append(ids, t.Fault)
		}
		by[t.Fault] = append(by[t.Fault], t)
	}
	if len(ids) == 0 {
		return
	}
	p.f("\n%s\n", p.paint(bold, "Known faults of this kernel, seen again:"))
	width := 0
	for _, id := range ids {
		width = max(width, len(id))
	}
	for _, id := range ids {
		p.f("  %s %2d ", p.paint(yellow, fmt.Sprintf("%-*s", width, id)), len(by[id]))
		if o.Fault != nil {
			if f, ok := o.Fault(id); ok {
				if f.Claim != 0 {
					p.f(" claim %d does not hold:", f.Claim)
				}
				p.f(" %s", f.Title)
			}
		}
		p.f("\n")
		if !o.Verbose {
			continue
		}
		for _, t := range by[id] {
			what := firstOf(results.Difference(t.Promise, t.Saw))
			if charged := results.Charged(t.Splats); len(charged) > 0 {
				what = charged[0].Title
			}
			p.f("    %s: %s\n", t.ID, what)
		}
	}
}

// firstOf cuts a list of differences after the first: the others mostly follow
// from it, and the saved run has them.
func firstOf(list string) string {
	first, rest, more := strings.Cut(list, "; ")
	if !more {
		return first
	}
	return fmt.Sprintf("%s; and %d more", first, 1+strings.Count(rest, "; "))
}

// showLines bounds how much of a log the summary prints; all of it is in the
// saved run.
const showLines = 12

func (p *printer) attention(r *results.Run, o Options) {
	for _, v := range results.Verdicts {
		if v.Good() {
			continue
		}
		if v == results.Missing && r.Count(v) > 1 {
			p.missing(r)
			continue
		}
		for _, t := range r.Tests {
			if t.Verdict == v {
				p.one(r, &t, o)
			}
		}
	}
	if charged := results.Charged(r.Splats); len(charged) > 0 {
		p.f("\n%s outside of any test\n", p.paint(red, "SPLAT"))
		p.splats(charged, "", o)
	}
	for _, s := range r.Problems {
		p.f("\n%s %s\n", p.paint(red, "PROBLEM"), s)
	}
}

// missing tells of many tests that never reported, which have one reason.
func (p *printer) missing(r *results.Run) {
	p.f("\n%s %s\n", p.paint(red, "MISSING"), tests(r.Count(results.Missing)))
	shown, why := 0, ""
	for _, t := range r.Tests {
		if t.Verdict != results.Missing {
			continue
		}
		if t.Detail != why {
			why = t.Detail
			p.f("  %s\n", why)
		}
		if shown++; shown <= showLines {
			p.f("    %s\n", t.ID)
		}
	}
	if shown > showLines {
		p.f("    … and %d more\n", shown-showLines)
	}
}

func (p *printer) one(r *results.Run, t *results.Test, o Options) {
	p.f("\n%s %s\n", p.paint(red, strings.ToUpper(string(t.Verdict))), t.ID)
	p.f("  %s\n", t.Purpose)
	if t.Detail != "" {
		p.f("  %s\n", strings.ReplaceAll(t.Detail, "\n", "\n  "))
	}
	if t.Verdict != results.Missing {
		p.f("    saw       %s\n    expected  %s\n", orNothing(t.Saw), orNothing(t.Expected))
	}
	if t.Promise != "" {
		p.f("    promised  %s\n", t.Promise)
	}
	p.lines(t.Log)
	p.splats(t.Splats, t.Detail, o)
	if o.Reproduce != nil {
		p.f("  reproduce: %s\n", o.Reproduce(r.Kernel.Name, t.ID))
	}
}

func (p *printer) lines(lines []string) {
	for i, l := range lines {
		if i == showLines {
			p.f("    %s\n", p.paint(dim, fmt.Sprintf("… %d more lines in the saved run", len(lines)-i)))
			return
		}
		p.f("    %s\n", p.paint(dim, "| "+printable(l)))
	}
}

func (p *printer) foot(r *results.Run) {
	counts := make([]string, 0, len(results.Verdicts))
	for _, v := range slices.Backward(results.Verdicts) {
		if n := r.Count(v); n > 0 {
			counts = append(counts, fmt.Sprintf("%d %s", n, plural(v, n)))
		}
	}
	if len(counts) == 0 {
		counts = []string{"nothing ran"}
	}
	color := green
	if r.Exit() != 0 {
		color = red
	}
	p.f("\n%s\n", p.paint(color, fmt.Sprintf("%s: %s: %s", r.Kernel.Name, tests(len(r.Tests)), strings.Join(counts, ", "))))
	var stages []string
	for _, s := range r.Stages {
		text := s.Name + " " + Seconds(s.Took)
		if s.Note != "" {
			text += " (" + s.Note + ")"
		}
		stages = append(stages, text)
	}
	p.f("%s\n", strings.Join(stages, ", "))
	if r.Dir != "" {
		p.f("saved in %s\n", r.Dir)
	}
}

// Seconds prints a duration the way people compare them.
func Seconds(d time.Duration) string {
	if d < 10*time.Second {
		return fmt.Sprintf("%.2f s", d.Seconds())
	}
	return fmt.Sprintf("%.0f s", d.Seconds())
}

// printable makes text of the guest safe for a terminal and keeps it on its
// line.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if !shows(r) {
			return ' '
		}
		return r
	}, strings.TrimRight(s, "\r\n"))
}

func short(blob string) string { return blob[:min(len(blob), 12)] }

func orNothing(s string) string {
	if s == "" {
		return "(nothing)"
	}
	return s
}

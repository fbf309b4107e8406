package report

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"reflect"
	"slices"
	"strings"

	"uetest/internal/compare"
	"uetest/internal/results"
	"uetest/internal/runs"
)

// Comparison writes what differs from one kernel to another, by class: a line a
// test, or one for several that differ in one way unless Options.Verbose is set.
func Comparison(w io.Writer, c *compare.Comparison, o Options) error {
	c, err := tame(c)
	if err != nil {
		return err
	}
	p := &printer{w: w, color: o.Color}
	if worstClass(c) != compare.Same || len(c.Notes) > 0 || len(c.Splats) > 0 {
		p.f("\n%s\n", p.paint(bold, c.A.Name+" → "+c.B.Name))
	}
	for _, n := range c.Notes {
		p.f("  not the same on both: %s\n", n)
	}
	counted := false
	for _, class := range compare.Classes {
		counted = p.class(c, class, o) || counted
	}
	p.splatsOf(c, o)
	p.f("\n%s\n", p.paint(classColor(worstClass(c)), summed(c)))
	if counted {
		p.f("-v names each test\n")
	}
	for _, l := range worth(c) {
		p.f("%s\n", l)
	}
	return p.err
}

// tame is a comparison whose texts do nothing to a terminal.
func tame(c *compare.Comparison) (*compare.Comparison, error) {
	data, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	var clean compare.Comparison
	if err := json.Unmarshal(data, &clean); err != nil {
		return nil, err
	}
	eachString(reflect.ValueOf(&clean), func(s string) string { return printable(safe(s)) })
	return &clean, nil
}

// runsOf says how often each kernel was tested.
func runsOf(c *compare.Comparison) string {
	if c.A.Runs == c.B.Runs {
		return numbered(c.A.Runs, "run") + " of each"
	}
	return fmt.Sprintf("%s and %s", numbered(c.A.Runs, "run"), numbered(c.B.Runs, "run"))
}

// worstClass is the first class that a test is in.
func worstClass(c *compare.Comparison) compare.Class {
	for _, class := range compare.Classes {
		if len(c.By(class)) > 0 {
			return class
		}
	}
	return compare.Same
}

func classColor(class compare.Class) string {
	switch class {
	case compare.Regressed:
		return red
	case compare.Unsure, compare.Flaky, compare.Broken:
		return yellow
	}
	return green
}

// class writes the tests of a class, and returns whether some were counted alone.
func (p *printer) class(c *compare.Comparison, class compare.Class, o Options) (counted bool) {
	list := c.By(class)
	if class == compare.Same || len(list) == 0 {
		return false
	}
	p.f("\n%s\n", p.paint(classColor(class), fmt.Sprintf("%s: %d", class, len(list))))
	from := countedFrom(class)
	if o.Verbose {
		from = math.MaxInt
	}
	rows, width := alike(list, class, from), 0
	for _, r := range rows {
		width = max(width, len(r.who))
	}
	for _, r := range rows {
		if r.tests == 1 {
			p.f("  %-*s  %s\n", width, r.who, r.what)
			continue
		}
		counted = true
		for i, l := range wrap(r.what, rowWidth, rowWidth) {
			if i > 0 {
				r.who = ""
			}
			p.f("  %-*s  %s\n", width, r.who, l)
		}
	}
	return counted
}

// row is a line of a class: a test, or several that differ in one way.
type row struct {
	who, what string
	tests     int // that it stands for
}

// rowWidth is how wide what is said of several tests becomes, in characters.
const rowWidth = 90

// countedFrom is from how many tests of a class on those that differ in one way are
// counted. Each that regressed is named.
func countedFrom(class compare.Class) int {
	switch class {
	case compare.Regressed:
		return math.MaxInt
	case compare.Broken, compare.Promised, compare.OnlyOne: // nobody has to look at them
		return 2
	}
	return 4
}

// alike makes one row of those tests of a class that differ in one way, or as
// promised in one area, if there are as many as from. Those rows come first, the
// longest of them before the others.
func alike(list []*compare.Test, class compare.Class, from int) []row {
	var keys []string
	tests := map[string][]*compare.Test{}
	for _, t := range list {
		key := Difference(t)
		if class == compare.Promised {
			key = areaOf(t.ID)
		}
		if tests[key] = append(tests[key], t); len(tests[key]) == 1 {
			keys = append(keys, key)
		}
	}
	var rows, single []row
	for _, key := range keys {
		switch some := tests[key]; {
		case len(some) < from:
			for _, t := range some {
				single = append(single, row{t.ID, Difference(t), 1})
			}
		case class == compare.Promised:
			rows = append(rows, row{numbered(len(some), "test"), "of " + key, len(some)})
		default:
			rows = append(rows, row{numbered(len(some), "test"), key + "; " + inAreas(some), len(some)})
		}
	}
	slices.SortStableFunc(rows, func(a, b row) int { return b.tests - a.tests })
	return append(rows, single...)
}

// inAreas says how many tests there are of each area.
func inAreas(list []*compare.Test) string {
	var areas []string
	n := map[string]int{}
	for _, t := range list {
		area := areaOf(t.ID)
		if n[area]++; n[area] == 1 {
			areas = append(areas, area)
		}
	}
	for i, area := range areas {
		areas[i] = fmt.Sprintf("%s %d", area, n[area])
	}
	return strings.Join(areas, ", ")
}

// Difference is what there is to say of a test that differs, on one line: counts
// with their significance, and what they are due to.
func Difference(t *compare.Test) string {
	var parts []string
	if n := t.Counts; n != nil {
		parts = append(parts, n.String()+"  "+significance(n))
	}
	if t.Why != "" {
		parts = append(parts, shortened(firstOf(t.Why)))
	}
	if t.Class == compare.Unsure && t.Counts != nil {
		switch {
		case t.Counts.AOf == 1 && t.Counts.BOf == 1 && t.Need > 0:
			parts = append(parts, fmt.Sprintf("one run can't tell, %d of each would", t.Need))
		case t.Need > 0:
			parts = append(parts, fmt.Sprintf("%d runs of each would tell", t.Need))
		}
	}
	return strings.Join(parts, "; ")
}

// withinOf are the comparisons of a record's kernels; none if they can't be
// compared.
func withinOf(rec *runs.Record) []*compare.Comparison {
	all, err := compare.Within(rec)
	if err != nil {
		return nil
	}
	return all
}

// summed is a comparison in one line.
func summed(c *compare.Comparison) string {
	return fmt.Sprintf("%s → %s, %s: %s", c.A.Name, c.B.Name, runsOf(c), InClasses(c))
}

// differences are the lines of a comparison that somebody has to read: what is
// worse or better, what can't be told, and new reports of the kernel.
func differences(c *compare.Comparison) []string {
	var lines []string
	for _, class := range []compare.Class{compare.Regressed, compare.Unsure, compare.Flaky, compare.Fixed} {
		for _, r := range alike(c.By(class), class, countedFrom(class)) {
			lines = append(lines, fmt.Sprintf("%s: %s: %s", class, r.who, r.what))
		}
	}
	for _, s := range splatsAt(c, compare.New) {
		lines = append(lines, "new report of the kernel: "+SplatDifference(s))
	}
	if how := Threshold(c); how != "" {
		lines = append(lines, how)
	}
	return lines
}

// arrows is text for a list whose readers may have ASCII alone.
func arrows(s string) string { return strings.ReplaceAll(s, "→", "->") }

// compared tells how the kernels with the patch differ from those without.
func (m *mailWriter) compared() {
	named := func(list []kernel, name string) bool {
		return slices.ContainsFunc(list, func(k kernel) bool { return k.name == name })
	}
	for _, c := range withinOf(m.rec) {
		if !named(m.without, c.A.Name) || !named(m.patched, c.B.Name) {
			continue
		}
		m.empty()
		m.para("", "  ", arrows(summed(c)))
		for _, l := range differences(c) {
			m.para("  ", "    ", arrows(l))
		}
	}
}

// significance is the p-value of counts, alone and after the correction.
func significance(n *compare.Counts) string {
	p := compare.Pvalue(n.P)
	if n.Adjusted != n.P && n.Adjusted < 1 {
		p += fmt.Sprintf(" (%s among all)", strings.TrimPrefix(compare.Pvalue(n.Adjusted), "p="))
	}
	return p
}

// maxWhy is how much of a reason stands on a line, in characters.
const maxWhy = 160

// shortened is the beginning of a text, on one line.
func shortened(s string) string {
	s = line(s)
	if r := []rune(s); len(r) > maxWhy {
		return string(r[:maxWhy]) + "…"
	}
	return s
}

// InClasses is a comparison in counts.
func InClasses(c *compare.Comparison) string {
	var parts []string
	for _, class := range slices.Backward(compare.Classes) {
		n := 0
		for _, t := range c.By(class) {
			if t.ID != results.WholeID || class != compare.Same {
				n++
			}
		}
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, class))
		}
	}
	if len(parts) == 0 {
		return "no test ran on either"
	}
	return strings.Join(parts, ", ")
}

// worth says what the counts of a comparison are worth, and how many would tell
// more.
func worth(c *compare.Comparison) []string {
	var lines []string
	if how := Threshold(c); how != "" {
		lines = append(lines, how)
	}
	if n := c.Need(); n > 0 {
		lines = append(lines, fmt.Sprintf("what can't be told: %s of each kernel would tell it, if it goes on so: --count %d", numbered(n, "run"), n))
	}
	return lines
}

// Threshold says what a p-value is worth, if any was looked at.
func Threshold(c *compare.Comparison) string {
	counted := slices.ContainsFunc(c.Tests, func(t compare.Test) bool { return t.Counts != nil })
	if !counted {
		return ""
	}
	text := fmt.Sprintf("p by Fisher's exact test, two-sided; a difference is called by it at %g", c.Alpha)
	switch c.Family {
	case 0:
		return text + "; nothing varied enough for it"
	case 1:
		return text + "; one varied enough for it"
	}
	return text + fmt.Sprintf(", with Holm's correction for the %d that varied enough for it", c.Family)
}

// splatsOf writes the reports of the kernel that are new, and counts those that
// are not.
func (p *printer) splatsOf(c *compare.Comparison, o Options) {
	for _, where := range []compare.Where{compare.New, compare.Gone, compare.Both} {
		list := splatsAt(c, where)
		if len(list) == 0 {
			continue
		}
		color, title := green, "reports of the kernel that came on "+c.A.Name+" alone"
		switch where {
		case compare.New:
			color, title = red, "new reports of the kernel"
			if !slices.ContainsFunc(list, func(s *compare.Splat) bool { return s.Allowed == "" && s.Fault == "" }) {
				color = yellow
			}
		case compare.Both:
			color, title = dim, "reports that "+c.A.Name+" makes too"
		}
		p.f("\n%s\n", p.paint(color, fmt.Sprintf("%s: %d", title, len(list))))
		for i, s := range list {
			if where != compare.New && i == showLines && !o.Verbose {
				p.f("  … and %d more; -v shows them\n", len(list)-i)
				break
			}
			p.f("  %s\n", SplatDifference(s))
		}
	}
}

func splatsAt(c *compare.Comparison, where compare.Where) []*compare.Splat {
	var list []*compare.Splat
	for i := range c.Splats {
		if c.Splats[i].Where == where {
			list = append(list, &c.Splats[i])
		}
	}
	return list
}

// SplatDifference is what there is to say of a report of the kernel, on one line.
func SplatDifference(s *compare.Splat) string {
	text := fmt.Sprintf("%s  %d/%d → %d/%d  %s  in %s", s.Title, s.A, s.AOf, s.B, s.BOf, compare.Pvalue(s.P), s.In[0])
	if n := len(s.In) - 1; n > 0 {
		text += fmt.Sprintf(" and %d more", n)
	}
	if s.Fault != "" {
		text += ", known: " + s.Fault
	}
	if s.Allowed != "" {
		text += ", allowed: " + s.Allowed
	}
	if s.Alone {
		text += "; the other kernel has no result of it"
	}
	return text
}

// ComparisonJSON writes a comparison as one JSON object; docs/formats.md describes
// the fields.
func ComparisonJSON(w io.Writer, c *compare.Comparison) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", " ")
	return enc.Encode(c)
}

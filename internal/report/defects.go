package report

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"uetest/internal/console"
	"uetest/internal/results"
)

// defect is something of the kernels with the patch that does not hold: a known fault with
// all tests that show it, or a result that needs attention.
type defect struct {
	kernel kernel
	names  []string // of all kernels that show it
	fault  string   // its id, if it is a known one
	title  string
	about  string
	claim  string
	tests  []results.Test
	again  string // the command that shows it
}

// headLines is how much of a splat stands in a mail.
const headLines = 8

// defects writes what does not hold, and returns how many there are.
func (m *mailWriter) defects() int {
	list := m.all()
	if len(list) == 0 {
		return 0
	}
	m.empty()
	what := "What does not hold:"
	if len(list) > 1 {
		what = "What does not hold, the worst first:"
	}
	m.para("", "", what)
	for i, d := range list {
		m.empty()
		m.defect(i+1, &d)
	}
	return len(list)
}

// all are the defects of the kernels with the patch, a known fault once, the worst
// first.
func (m *underTest) all() []defect {
	var list []defect
	at := map[string]int{} // of a known fault: several kernels may show it
	for _, k := range m.patched {
		for _, d := range m.of(k) {
			i, seen := at[d.fault]
			if d.fault != "" && seen {
				list[i].names = append(list[i].names, k.name)
				continue
			}
			d.names = []string{k.name}
			at[d.fault] = len(list)
			list = append(list, d)
		}
	}
	slices.SortStableFunc(list, func(x, y defect) int { return cmp.Compare(m.rank(&x), m.rank(&y)) })
	return list
}

// rank puts what nobody knew before what is known, what came with the patch before
// what was there, and of either first what the kernel itself complains of, then what
// the changelog denies.
func (m *underTest) rank(d *defect) int {
	if d.fault == "" {
		return 0
	}
	r := 1
	if len(m.alsoIn(d.fault)) > 0 {
		r += 4
	}
	if len(telling(d.tests).Splats) == 0 {
		r += 2
	}
	if d.claim == "" {
		r++
	}
	return r
}

// of are the defects of a kernel: what is new first, then what is known.
func (m *underTest) of(k kernel) []defect {
	var list []defect
	for _, t := range k.all() {
		if t.Verdict.Good() || t.Verdict == results.Fixed || t.Verdict == results.Missing {
			continue
		}
		d := defect{kernel: k, title: fmt.Sprintf("%s, %s", t.ID, t.Verdict), about: t.Detail, tests: []results.Test{t}, again: reproduce(k.Run, t.ID)}
		if t.ID == results.WholeID {
			d.title, d.again = "outside of every test", ""
		}
		list = append(list, d)
	}
	if n := k.Count(results.Missing); n > 0 {
		d := defect{kernel: k, title: numbered(n, "test") + " never reported"}
		for _, t := range k.Tests {
			if t.Verdict == results.Missing && d.about == "" {
				d.about = t.Detail
			}
		}
		list = append(list, d)
	}
	at := map[string]int{}
	for _, t := range k.Tests {
		if t.Verdict != results.KnownFault {
			continue
		}
		i, seen := at[t.Fault]
		if !seen {
			f, _ := faultOf(m.rec)(t.Fault)
			i = len(list)
			at[t.Fault] = i
			list = append(list, defect{kernel: k, fault: t.Fault, title: t.Fault, about: f.Title, claim: claimOf(f), again: reproduce(k.Run, t.ID)})
		}
		list[i].tests = append(list[i].tests, t)
	}
	return list
}

func (m *mailWriter) defect(n int, d *defect) {
	title := d.title
	if len(m.patched) > 1 {
		title += " (" + strings.Join(d.names, ", ") + ")"
	}
	m.para(fmt.Sprintf("%d) ", n), "   ", title)
	if d.about != "" {
		m.para("   ", "   ", d.about)
	}
	if d.claim != "" {
		m.para("   ", "   ", "Against the changelog: "+d.claim+".")
	}
	if others := m.alsoIn(d.fault); len(others) > 0 {
		m.para("   ", "   ", "Not new: "+strings.Join(others, " and ")+" has it too.")
	}
	if len(d.tests) > 0 {
		t := telling(d.tests)
		m.seen(d, t)
		m.splat(d.kernel, t)
	}
	if d.again != "" {
		m.f("   $ %s", d.again)
	}
}

// alsoIn names the kernels without the patch that show a known fault as well.
func (m *underTest) alsoIn(fault string) []string {
	var names []string
	for _, k := range m.without {
		for i := range k.Tests {
			if fault != "" && k.Tests[i].Fault == fault && k.Tests[i].Verdict == results.KnownFault {
				names = append(names, k.name)
				break
			}
		}
	}
	return names
}

// telling is the test of several that says most: one with a splat.
func telling(tests []results.Test) *results.Test {
	for i := range tests {
		if len(results.Charged(tests[i].Splats)) > 0 {
			return &tests[i]
		}
	}
	return &tests[0]
}

func (m *mailWriter) seen(d *defect, t *results.Test) {
	if t.ID == results.WholeID {
		for _, l := range t.Log {
			m.para("   ", "   ", l)
		}
		return
	}
	about := t.ID
	if t.Purpose != "" {
		about += ": " + t.Purpose
	}
	if n := len(d.tests) - 1; n > 0 {
		about += fmt.Sprintf(" (and %d more)", n)
	}
	m.para("   ", "   ", about)
	want, wanted := t.Promise, "promised"
	if want == "" {
		want, wanted = t.Expected, "expected"
	}
	if t.Saw != "" || want != "" {
		m.para("     saw      ", "              ", orNothing(t.Saw))
	}
	if want != "" && want != t.Saw {
		m.para(fmt.Sprintf("     %-8s ", wanted), "              ", want)
	}
}

// splat writes the head of a test's first report, its frames with their places,
// and the hunk of the patch that it is in.
func (m *mailWriter) splat(k kernel, t *results.Test) {
	charged := results.Charged(t.Splats)
	if len(charged) == 0 {
		return
	}
	s := charged[0]
	if f, ok := guiltyFrame(s); ok {
		if hunk := m.hunk(k, f); len(hunk) > 0 {
			m.empty()
			for _, l := range hunk {
				m.f("> %s", l)
			}
		}
	}
	m.empty()
	for _, l := range s.Lines[:min(len(s.Lines), headLines)] {
		if text := console.Text(l); !strings.HasPrefix(text, "Code: ") { // means nothing without the image
			m.f("   %s", strings.TrimRight(text, " "))
		}
	}
	for i, f := range shown(s.Frames) {
		if i == headLines {
			m.f("    ...")
			break
		}
		m.f("    %s %s", f.Name(), where(f))
	}
	m.empty()
}

// hunkRange has the old count, the new first line and count, and what stands behind.
var hunkRange = regexp.MustCompile(`^@@ -\d+(?:,(\d+))? \+(\d+)(?:,(\d+))? @@(.*)`)

// around is how many lines of a hunk are quoted on either side.
const around = 3

// hunk returns the lines of the patch that is replied to around the place of a
// frame, if the patch has the place in one of its hunks. The line numbers are
// those of the patch: with other patches behind it, or where it applies with an
// offset, the place is another and nothing is quoted.
func (m *underTest) hunk(k kernel, f console.Frame) []string {
	last := len(k.Kernel.Mails) - 1
	if last < 0 || k.Kernel.Mails[last].SHA256 != m.re.SHA256 || f.Line == 0 {
		return nil
	}
	for i := range k.Kernel.Top {
		for _, file := range k.Kernel.Top[i].Files {
			if len(file.Moved) > 0 {
				return nil
			}
		}
	}
	p, _ := m.rec.Patch(m.re.SHA256)
	return quoted(p.Text, f.File, f.Line)
}

// quoted are the lines of a diff around line number at of a file as the diff
// leaves it; none if no hunk has it.
func quoted(diff, file string, at int) []string {
	var lines []string
	inside, n, found := false, 0, -1
	left, right := 0, 0 // lines of the hunk to come, old and new
	for l := range strings.Lines(diff) {
		l = strings.TrimRight(l, "\r\n")
		head := hunkRange.FindStringSubmatch(l)
		in := left > 0 || right > 0
		switch {
		case !in && strings.HasPrefix(l, "+++ "):
			name, _, _ := strings.Cut(strings.TrimPrefix(l, "+++ "), "\t")
			inside = strings.TrimPrefix(name, "b/") == file
			n = 0
			if found >= 0 {
				return cutAround(lines, found)
			}
			lines = nil
		case !in && head != nil:
			if found >= 0 {
				return cutAround(lines, found)
			}
			left, n, right = count(head[1]), count(head[2]), count(head[3])
			lines = []string{l}
		case !in: // between hunks; a mail ends with a line of two dashes
		case strings.HasPrefix(l, "-"):
			left--
			lines = append(lines, l)
		case strings.HasPrefix(l, "+"), strings.HasPrefix(l, " "), l == "":
			if inside && n == at {
				found = len(lines)
			}
			lines = append(lines, l)
			n++
			right--
			if !strings.HasPrefix(l, "+") {
				left--
			}
		}
	}
	if found >= 0 {
		return cutAround(lines, found)
	}
	return nil
}

func cutAround(lines []string, at int) []string {
	from, to := max(1, at-around), min(len(lines), at+around+1)
	return append([]string{lines[0]}, lines[from:to]...)
}

package report

import (
	"bufio"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"

	"uetest/internal/console"
	"uetest/internal/results"
	"uetest/internal/runs"
)

// maxBody bounds the text of one result: GitLab refuses a report of 30 MB as a
// whole.
const maxBody = 64 << 10

// JUnit writes the XML that GitLab and Jenkins read, valid against junit-10.xsd of
// Jenkins' xUnit plugin.
//
// GitLab keeps one result of each class name and name: so the name says on which
// kernel and machine, and at which repeat. It shows the text in the body of a
// failure and not the attribute. A known fault is a success whose output names it,
// as in KTAP: it is what the kernel is expected to do.
func JUnit(w io.Writer, rec *runs.Record, _ Options) error {
	x := &xmlWriter{w: bufio.NewWriter(w)}
	var suites []suite
	if why := early(rec); why != "" {
		suites = append(suites, suite{"uetest", rec.Start, nil, []testcase{{
			class: "uetest.run", name: "run/whole", Test: results.Test{Verdict: results.Errored, Detail: why},
		}}})
	}
	for _, k := range kernels(rec) {
		suites = append(suites, k.suite())
	}
	total := sum(suites...)
	x.f("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n")
	x.f("<testsuites name=\"uetest\" %s>\n", total)
	for _, s := range suites {
		x.suite(s)
	}
	x.f("</testsuites>\n")
	if x.err == nil {
		x.err = x.w.Flush()
	}
	return x.err
}

type suite struct {
	name  string
	start time.Time
	props [][2]string
	cases []testcase
}

type testcase struct {
	results.Test
	class, name string
	again       string // the command that repeats it
}

// suite is what JUnit has of a kernel.
func (k kernel) suite() suite {
	s := suite{name: k.name, start: k.Start}
	for _, p := range [][2]string{
		{"kernel", k.Kernel.Name}, {"arch", k.arch()}, {"variant", k.Kernel.Variant}, {"release", k.Guest.Release},
		{"generation", k.Generation}, {"source", k.Kernel.Source}, {"commit", k.Kernel.Commit},
		{"config_sha256", k.Kernel.ConfigHash}, {"compiler", k.Kernel.Compiler}, {"qemu", k.QEMU}, {"accel", k.Accel},
	} {
		if p[1] != "" {
			s.props = append(s.props, p)
		}
	}
	where := k.Kernel.Name + " " + k.arch()
	if k.repeat > 1 {
		where += fmt.Sprintf(" repeat %d", k.repeat)
	}
	for _, t := range k.all() {
		area, _, _ := strings.Cut(t.ID, "/")
		s.cases = append(s.cases, testcase{t, k.name + "." + area, t.ID + " [" + where + "]", reproduce(k.Run, t.ID)})
	}
	s.cases[0].again = "" // what belongs to no test
	return s
}

// tally is the counts of one or more suites, as attributes.
type counts struct {
	tests, failures, errors, skipped int
	took                             time.Duration
}

func sum(suites ...suite) counts {
	var c counts
	for _, s := range suites {
		for _, t := range s.cases {
			c.tests++
			c.took += t.Took
			switch kindOf(t.Verdict) {
			case "failure":
				c.failures++
			case "error":
				c.errors++
			case "skipped":
				c.skipped++
			}
		}
	}
	return c
}

// String leaves the skipped out: the element of all suites has no such attribute.
func (c counts) String() string {
	return fmt.Sprintf(`tests="%d" failures="%d" errors="%d" time="%.3f"`, c.tests, c.failures, c.errors, c.took.Seconds())
}

// kindOf is the element that a verdict has in a testcase; empty for a success.
func kindOf(v results.Verdict) string {
	switch v {
	case results.AsExpected, results.KnownFault:
		return ""
	case results.Skipped:
		return "skipped"
	case results.Errored, results.Missing:
		return "error"
	}
	return "failure"
}

type xmlWriter struct {
	w   *bufio.Writer
	err error
}

func (x *xmlWriter) f(format string, args ...any) {
	if x.err == nil {
		_, x.err = fmt.Fprintf(x.w, format, args...)
	}
}

func (x *xmlWriter) suite(s suite) {
	c := sum(s)
	x.f("  <testsuite name=\"%s\" %s skipped=\"%d\" timestamp=\"%s\">\n", attr(s.name), c, c.skipped, s.start.UTC().Format("2006-01-02T15:04:05"))
	if len(s.props) > 0 {
		x.f("    <properties>\n")
		for _, p := range s.props {
			x.f("      <property name=\"%s\" value=\"%s\"/>\n", attr(p[0]), attr(p[1]))
		}
		x.f("    </properties>\n")
	}
	for _, t := range s.cases {
		x.testcase(t)
	}
	x.f("  </testsuite>\n")
}

func (x *xmlWriter) testcase(t testcase) {
	x.f("    <testcase classname=\"%s\" name=\"%s\" time=\"%.3f\"", attr(t.class), attr(t.name), t.Took.Seconds())
	kind := kindOf(t.Verdict)
	switch {
	case kind == "skipped":
		x.f(">\n      <skipped message=\"%s\"/>\n    </testcase>\n", attr(t.Detail))
	case kind != "":
		x.f(">\n      <%s type=\"%s\" message=\"%s\">%s</%s>\n    </testcase>\n", kind, attr(string(t.Verdict)), attr(t.Detail), text(body(&t.Test, t.again)), kind)
	case t.Verdict == results.KnownFault:
		x.f(">\n      <system-out>%s</system-out>\n    </testcase>\n", text(body(&t.Test, "")))
	default:
		x.f("/>\n")
	}
}

// body is what there is to say of a result, for people.
func body(t *results.Test, again string) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("%s: %s", t.Verdict, t.Detail)
	if t.Purpose != "" {
		line("%s", t.Purpose)
	}
	if t.Saw != "" || t.Expected != "" {
		line("saw       %s", orNothing(t.Saw))
		line("expected  %s", orNothing(t.Expected))
	}
	if t.Promise != "" {
		line("promised  %s", t.Promise)
	}
	if again != "" {
		line("reproduce: %s", again)
	}
	for _, l := range t.Log {
		line("| %s", l)
	}
	for _, s := range t.Splats {
		line("\n%s", splatTitle(s))
		for _, f := range shown(s.Frames) {
			line("  %s  %s", f.Name(), where(f))
		}
		for _, l := range s.Lines {
			line("| %s", l)
		}
	}
	all := b.String()
	if len(all) > maxBody {
		all = all[:maxBody] + "\n… cut here; the saved run has the rest\n"
	}
	return all
}

func splatTitle(s console.Splat) string {
	if s.Allowed != "" {
		return s.Title + " (allowed: " + s.Allowed + ")"
	}
	return s.Title
}

// attr is text as an attribute's value has it, on one line.
func attr(s string) string { return escaped(line(s)) }

// text is text as an element's content has it.
func text(s string) string {
	return strings.NewReplacer("&#xA;", "\n", "&#x9;", "\t").Replace(escaped(plain(s)))
}

func escaped(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a strings.Builder takes everything
	return b.String()
}

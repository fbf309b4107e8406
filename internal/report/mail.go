package report

import (
	"fmt"
	"io"
	"net/mail"
	"regexp"
	"strings"
	"unicode/utf8"

	"uetest/internal/coverage"
	"uetest/internal/results"
	"uetest/internal/runs"
	"uetest/selftests/catalog"
)

// mailWidth is how wide the text is. What is copied of a log or a diff, and a
// command, is not wrapped (Documentation/process/email-clients.rst).
const mailWidth = 72

// Mail writes a reply to the patch that was tested, as plain text with the header
// of a draft: what was tested and how, what came of it, what does not hold with a
// way to see it. A Tested-by line comes only if everything that was asked for
// holds on every kernel with the patch; else there is the reason in its place.
func Mail(w io.Writer, rec *runs.Record, o Options) error {
	m := &mailWriter{underTest: patchOf(rec, folded(rec))}
	m.header()
	m.tested()
	m.outcome()
	found := m.defects()
	m.controls()
	m.compared()
	tester := o.Tester
	if tester == "" {
		tester = rec.Asked.Tester
	}
	m.verdict(found, tester)
	m.signature()
	_, err := io.WriteString(w, m.b.String())
	return err
}

type mailWriter struct {
	b strings.Builder
	underTest
}

// f writes a line as it is.
func (m *mailWriter) f(format string, args ...any) {
	text := strings.ReplaceAll(plain(fmt.Sprintf(format, args...)), "\n", " ")
	if strings.HasPrefix(text, "From ") { // begins another mail in an mbox
		text = " " + text
	}
	m.b.WriteString(text + "\n")
}

func (m *mailWriter) empty() { m.b.WriteByte('\n') }

// para writes prose, indented and wrapped; more is the indent of what follows the
// first line.
func (m *mailWriter) para(first, more, text string) {
	for i, l := range wrap(plain(text), mailWidth-len(first), mailWidth-len(more)) {
		if i == 0 {
			m.f("%s%s", first, l)
			continue
		}
		m.f("%s%s", more, l)
	}
}

func (m *mailWriter) header() {
	subject := m.name()
	if m.re.File == "" {
		subject = "uetest of " + strings.Join(m.rec.Asked.Kernels, ", ")
	} else if !strings.HasPrefix(strings.ToLower(subject), "re:") {
		subject = "Re: " + subject
	}
	m.f("Subject: %s", headerText(subject))
	if a, err := mail.ParseAddress(m.re.From); err == nil {
		m.f("To: %s", headerText(a.String()))
	}
	if id := headerText(m.re.ID); strings.Contains(id, "@") && !strings.ContainsAny(id, " <>") {
		m.f("In-Reply-To: <%s>", id)
		m.f("References: <%s>", id)
	}
	m.empty()
	if m.re.File != "" {
		who, when := m.re.From, m.re.Date
		if a, err := mail.ParseAddress(who); err == nil && a.Name != "" {
			who = a.Name
		}
		if who != "" && when != "" {
			m.para("", "", fmt.Sprintf("On %s, %s wrote:", line(when), line(who)))
		} else if who != "" {
			m.para("", "", line(who)+" wrote:")
		}
		m.para("> ", "> ", line(m.re.Subject))
		m.empty()
	}
}

// headerText is text for a header field, which has one line.
func headerText(s string) string { return strings.Join(strings.Fields(line(s)), " ") }

// tested says what it was.
func (m *mailWriter) tested() {
	switch {
	case len(m.patched) == 0:
		m.para("", "", "I tried to test this with uetest; no kernel came of it.")
	case m.rec.Asked.Select != "":
		m.para("", "", "I tested this with uetest, in QEMU: the tests that match "+runs.Pattern(m.rec.Asked.Select)+".")
	default:
		m.para("", "", "I tested this with uetest, in QEMU.")
	}
	for _, k := range m.patched {
		m.empty()
		m.kernel(k)
	}
}

func (m *mailWriter) kernel(k kernel) {
	item := func(name, text string) {
		if text != "" {
			m.para(fmt.Sprintf("  %-8s ", name), strings.Repeat(" ", 11), text)
		}
	}
	item("kernel", strings.TrimSpace(k.name+" "+k.Guest.Release+" "+k.arch()))
	base := k.Kernel.Source
	if k.Kernel.Commit != "" {
		base = strings.TrimSpace(fmt.Sprintf("%.12s %s", k.Kernel.Commit, k.Kernel.Describe))
	}
	item("base", base)
	for _, b := range k.Kernel.Blobs {
		item("blob", fmt.Sprintf("%s %s, %s", short(b.Got), b.Path, blobProof(b)))
	}
	for i := range k.Kernel.Top {
		for j := range k.Kernel.Top[i].Files {
			f := &k.Kernel.Top[i].Files[j]
			item("patched", f.Path+": "+f.Base())
		}
	}
	for _, u := range k.Kernel.Unproven {
		item("UNPROVEN", u)
	}
	if k.Kernel.ConfigHash != "" {
		text := "sha256 " + k.Kernel.ConfigHash[:12]
		if k.Kernel.Variant != "" {
			text += ", variant " + k.Kernel.Variant
		}
		item("config", text)
	}
	item("compiler", k.Kernel.Compiler)
	item("run", k.passes)
	item("built", instrumented(k.Run))
	qemu := strings.TrimSpace(strings.TrimPrefix(k.QEMU, "QEMU emulator version ") + ", " + k.Accel)
	if k.Guest.CPUs > 0 {
		qemu += ", " + numbered(k.Guest.CPUs, "CPU")
	}
	item("QEMU", strings.TrimPrefix(qemu, ", "))
}

// instrumented says what a kernel has in it beside what was posted; empty if nothing.
func instrumented(run *results.Run) string {
	if run.Coverage == nil || run.Coverage.Source != coverage.Counters {
		return ""
	}
	return "with counters in the files that the patch changes, to tell which lines are executed"
}

func blobProof(b results.Blob) string {
	if b.Got == b.Want {
		return "as posted"
	}
	return "not the posted one, " + short(b.Want)
}

// outcome is a line a kernel.
func (m *mailWriter) outcome() {
	if len(m.patched) == 0 {
		return
	}
	m.empty()
	for _, k := range m.patched {
		m.para("", "  ", k.name+": "+countsOf(k.Run))
		for i := range k.Tests {
			if t := &k.Tests[i]; t.Verdict == results.Fixed {
				m.para("  ", "    ", fmt.Sprintf("fixed: %s: %s", t.ID, t.Detail))
			}
		}
		for _, l := range letPass(k.Run) {
			m.para("  ", "    ", fmt.Sprintf("let pass: %s: %s", l.title, l.reason))
		}
	}
}

func countsOf(run *results.Run) string {
	if len(run.Tests) == 0 {
		return "no test ran"
	}
	var parts []string
	for i := len(results.Verdicts) - 1; i >= 0; i-- {
		if n := run.Count(results.Verdicts[i]); n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, plural(results.Verdicts[i], n)))
		}
	}
	return numbered(len(run.Tests), "test") + ": " + strings.Join(parts, ", ")
}

// numbered is a number of things.
func numbered(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// controls tells how the kernels without the patch did.
func (m *mailWriter) controls() {
	if len(m.without) == 0 {
		return
	}
	m.empty()
	m.para("", "", "For comparison, without it:")
	for _, k := range m.without {
		m.para("  ", "    ", strings.TrimSpace(k.name+" "+k.Guest.Release)+": "+countsOf(k.Run))
	}
}

// verdict ends the text: with a Tested-by line, or with why there is none.
func (m *mailWriter) verdict(found int, tester string) {
	m.empty()
	address, err := mail.ParseAddress(tester)
	switch {
	case early(m.rec) != "":
		m.para("", "", "No Tested-by: "+early(m.rec)+".")
	case len(m.patched) == 0:
		m.para("", "", "No Tested-by: nothing ran.")
	case found > 0:
		m.para("", "", fmt.Sprintf("No Tested-by: %s.", doesNotHold(found)))
	case !m.proven():
		m.para("", "", "No Tested-by: it is not proven that what I tested is what was posted.")
	case !m.anyRan():
		m.para("", "", "No Tested-by: no test could do its work on every kernel.")
	case m.uncontrolled() != "":
		m.para("", "", fmt.Sprintf("No Tested-by: it was to be compared with %s, where not everything is as expected.", m.uncontrolled()))
	case tester == "":
		m.para("", "", "Everything holds. No Tested-by: I do not know who I am; git config user.name and user.email say it, or --tester.")
	case err != nil || address.Name == "":
		m.para("", "", fmt.Sprintf("Everything holds. No Tested-by: %q is no NAME <ADDRESS>.", line(tester)))
	default:
		m.f("Tested-by: %s <%s>", headerText(address.Name), address.Address)
	}
}

func doesNotHold(n int) string {
	if n == 1 {
		return "one thing does not hold"
	}
	return fmt.Sprintf("%d things do not hold", n)
}

// anyRan reports whether each kernel with the patch had a test that saw what it is
// to see.
func (m *mailWriter) anyRan() bool {
	for _, k := range m.patched {
		if k.Count(results.AsExpected) == 0 {
			return false
		}
	}
	return true
}

// uncontrolled names a kernel without the patch on which something is neither as
// promised nor known: what it was to show is not shown. Empty if there is none.
func (m *mailWriter) uncontrolled() string {
	for _, k := range m.without {
		for _, t := range k.all() {
			if !t.Verdict.Good() && t.Verdict != results.Fixed {
				return k.name
			}
		}
	}
	return ""
}

func (m *mailWriter) signature() {
	m.empty()
	m.b.WriteString("-- \n") // RFC 3676, 4.3
	tool := "uetest"
	if m.rec.Asked.Uetest != "" {
		tool += " " + m.rec.Asked.Uetest
	}
	m.f("%s", tool)
	if len(m.rec.Asked.Command) > 0 {
		m.f("%s", command(repeatable(m.rec.Asked.Command)))
	}
}

// command is a command line as a shell reads it.
func command(args []string) string {
	words := []string{"uetest"}
	for _, a := range args {
		words = append(words, shellWord(a))
	}
	return strings.Join(words, " ")
}

// repeatable are arguments without those that say where the results go: the same is
// done without, and whoever does it has other files.
func repeatable(args []string) []string {
	var rest []string
	for i := 0; i < len(args); i++ {
		switch a := args[i]; {
		case a == "--out", a == "--format":
			i++
		case strings.HasPrefix(a, "--out="), strings.HasPrefix(a, "--format="), a == "-q", a == "--quiet":
		default:
			rest = append(rest, a)
		}
	}
	return rest
}

var spaces = regexp.MustCompile(`\s+`)

// wrap breaks text into lines of at most first, then width characters, between
// words. A word that is longer has a line for itself.
func wrap(text string, first, width int) []string {
	var lines []string
	limit, cur := first, ""
	for _, w := range spaces.Split(strings.TrimSpace(text), -1) {
		switch {
		case cur == "":
			cur = w
		case utf8.RuneCountInString(cur)+1+utf8.RuneCountInString(w) <= limit:
			cur += " " + w
		default:
			lines = append(lines, cur)
			cur, limit = w, width
		}
	}
	return append(lines, cur)
}

// claimOf is the claim of the changelog that a fault breaks; empty if none.
func claimOf(f catalog.Fault) string {
	if claims := catalog.Claims(); f.Claim > 0 && f.Claim < len(claims) {
		return claims[f.Claim]
	}
	return ""
}

package report

import (
	"io"
	"regexp"
	"strings"
	"unicode"

	"uetest/internal/results"
	"uetest/internal/runs"
	"uetest/selftests/catalog"
)

// A Format is a way to render a record. A new one is a file with the function that
// Write is, and a line in Formats.
type Format struct {
	Name string
	For  string // who reads it
	// Live: its lines are the record's own, so they can be written as they come.
	Live bool
	// Appends: what is in the file already stays. Several commands share it.
	Appends bool
	Write   func(w io.Writer, rec *runs.Record, o Options) error
}

// Formats returns all formats, in the order in which they are shown.
func Formats() []Format {
	return []Format{
		{Name: "text", For: "people", Write: AllText},
		{Name: "ktap", For: "the kernel's kunit.py, CI of the kernel", Write: KTAP},
		{Name: "junit", For: "GitLab, Jenkins", Write: JUnit},
		{Name: "json", For: "programs: the whole record", Write: JSON},
		{Name: "jsonl", For: "programs: the record as it grows, a line an event", Live: true, Write: JSONLines},
		{Name: "kcidb", For: "KernelCI's database, schema 5.3", Write: KCIDB},
		{Name: "github", For: "GitHub: annotations, on standard output of a step", Write: GitHub},
		{Name: "github-summary", For: "GitHub: the file $GITHUB_STEP_SUMMARY", Appends: true, Write: GitHubSummary},
		{Name: "mail", For: "the list: a reply to the patch", Write: Mail},
		{Name: "html", For: "people: one page with everything, to attach to a reply", Write: HTML},
		{Name: "lcov", For: "genhtml: the lines of the patch that were executed, with --coverage", Write: LCOV},
	}
}

// FormatByName returns the format of that name.
func FormatByName(name string) (Format, bool) {
	for _, f := range Formats() {
		if f.Name == name {
			return f, true
		}
	}
	return Format{}, false
}

// kernel is a run of a record with what reports call it.
type kernel struct {
	*results.Run
	name   string // unique among those of the record
	repeat int    // 1, and more if the same kernel was tested before
	passes string // of one that stands for several runs: how many there are
}

// kernels are the runs of a record, named.
func kernels(rec *runs.Record) []kernel {
	names := rec.Names()
	var all []kernel
	seen := map[string]int{}
	for i, run := range rec.Runs {
		seen[run.Label()]++
		all = append(all, kernel{Run: run, name: names[i], repeat: seen[run.Label()]})
	}
	return all
}

// arch is what uname -m says in the kernel's guest, or should.
func (k kernel) arch() string {
	switch {
	case k.Kernel.Arch != "":
		return k.Kernel.Arch
	case k.Guest.Machine != "":
		return k.Guest.Machine
	}
	return "unknown"
}

// all are the results of a kernel, what belongs to no test first.
func (k kernel) all() []results.Test {
	return append([]results.Test{k.Whole()}, k.Tests...)
}

// earlyEnd begins the reason of a command that ended early.
const earlyEnd = "the command ended early: "

// early says why a command ended before its time, or is not told to have ended;
// empty if all is well.
func early(rec *runs.Record) string {
	switch {
	case rec.Cut != "":
		return "the record is cut short: " + rec.Cut
	case rec.Error != "":
		return earlyEnd + rec.Error
	}
	return ""
}

// reproduce is the command that repeats a test on the kernel of a run; empty if
// the record does not know.
func reproduce(run *results.Run, id string) string {
	if run.Repeat == "" {
		return ""
	}
	if id == results.WholeID { // which no --run selects
		return "uetest run " + run.Repeat
	}
	return "uetest run --run " + shellWord(regexp.QuoteMeta(id)) + " " + run.Repeat
}

// shellWord is a word as a shell reads it.
func shellWord(s string) string {
	const safe = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=:,./@%^"
	if s != "" && strings.Trim(s, safe) == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// faultOf looks a fault up in the record, and then in the catalogue.
func faultOf(rec *runs.Record) func(string) (catalog.Fault, bool) {
	return func(id string) (catalog.Fault, bool) {
		if n, ok := rec.Fault(id); ok {
			return catalog.Fault{ID: n.ID, Title: n.Title, Claim: n.Claim}, true
		}
		return catalog.FaultByID(id)
	}
}

// plain makes text of a guest safe to be read: no control characters, of the
// second set neither, nothing that turns the direction of writing, and no bytes
// that are no UTF-8. Line ends and tabs stay.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && !shows(r) {
			return ' '
		}
		return r
	}, strings.TrimRight(s, "\r\n"))
}

// shows tells a character that does nothing to the lines around it.
func shows(r rune) bool {
	return !unicode.IsControl(r) && !unicode.Is(unicode.Bidi_Control, r) && r != '\u2028' && r != '\u2029'
}

package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"uetest/internal/console"
	"uetest/internal/results"
	"uetest/internal/runs"
)

// The limits of GitHub Actions
// (docs.github.com, "Workflow commands", and the toolkit's notes on annotations):
// what is above them is dropped there without a word.
const (
	maxAnnotations = 10      // of each kind a step
	maxMessage     = 4096    // bytes that are shown
	maxSummary     = 1 << 20 // bytes of the summary of a step; a larger one is refused as a whole
)

// GitHub writes workflow commands: an error for each result that needs attention,
// at the place in the source if a splat has one, and a notice for each fault that
// is known. What the limit leaves no room for is counted in the last of them. They
// count on standard output alone.
func GitHub(w io.Writer, rec *runs.Record, _ Options) error {
	var errors, notices []annotation
	if why := early(rec); why != "" {
		errors = append(errors, annotation{title: "uetest", text: why})
	}
	for _, k := range folded(rec) {
		for _, t := range k.all() {
			if !t.Verdict.Good() {
				errors = append(errors, annotate(k, &t))
			}
		}
		notices = append(notices, known(rec, k)...)
	}
	b := bufio.NewWriter(w)
	limited(b, "error", errors)
	limited(b, "notice", notices)
	return b.Flush()
}

// annotation is a workflow command.
type annotation struct {
	file  string
	line  int
	title string
	text  string
}

func annotate(k kernel, t *results.Test) annotation {
	a := annotation{title: fmt.Sprintf("%s on %s: %s", t.ID, k.name, t.Verdict), text: body(t, reproduce(k.Run, t.ID))}
	for _, s := range results.Charged(t.Splats) {
		if f, ok := guiltyFrame(s); ok && a.file == "" {
			a.file, a.line = f.File, f.Line
		}
	}
	return a
}

// known are the faults that a kernel shows as it is known to.
func known(rec *runs.Record, k kernel) []annotation {
	var list []annotation
	at := map[string]int{}
	count := map[string]int{}
	for i := range k.Tests {
		t := &k.Tests[i]
		if t.Verdict != results.KnownFault {
			continue
		}
		if count[t.Fault]++; count[t.Fault] == 1 {
			f, _ := faultOf(rec)(t.Fault)
			at[t.Fault] = len(list)
			list = append(list, annotation{title: fmt.Sprintf("known fault of %s: %s", k.name, t.Fault), text: f.Title})
		}
	}
	for fault, i := range at {
		list[i].text += "\nseen by " + numbered(count[fault], "test")
	}
	return list
}

// guiltyFrame is the frame of the function that a splat is about.
func guiltyFrame(s console.Splat) (console.Frame, bool) {
	for _, f := range s.Frames {
		if s.Guilty != "" && f.Name() == s.Guilty && !f.Unreliable && f.File != "" {
			return f, true
		}
	}
	return console.Frame{}, false
}

func limited(w io.Writer, kind string, list []annotation) {
	shown := list
	if len(list) > maxAnnotations {
		shown = list[:maxAnnotations-1]
	}
	for _, a := range shown {
		a.write(w, kind)
	}
	if n := len(list) - len(shown); n > 0 {
		var names []string
		for _, a := range list[len(shown):] {
			names = append(names, a.title)
		}
		more := annotation{title: fmt.Sprintf("%d more", n), text: fmt.Sprintf("GitHub shows %d of a kind; left out:\n%s", maxAnnotations, strings.Join(names, "\n"))}
		more.write(w, kind)
	}
}

func (a annotation) write(w io.Writer, kind string) {
	var props []string
	if a.file != "" {
		props = append(props, "file="+property(a.file))
		if a.line > 0 {
			props = append(props, fmt.Sprintf("line=%d", a.line))
		}
	}
	props = append(props, "title="+property(a.title))
	text := plain(a.text)
	if len(text) > maxMessage {
		text = strings.ToValidUTF8(text[:maxMessage], "") + "…"
	}
	// The writer is a bufio.Writer, which keeps its error.
	_, _ = fmt.Fprintf(w, "::%s %s::%s\n", kind, strings.Join(props, ","), data(text))
}

// data is a message as a workflow command has it (actions/toolkit,
// packages/core/src/command.ts: escapeData).
func data(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(s)
}

// property is a value before the second "::" (escapeProperty).
func property(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C").Replace(line(s))
}

// GitHubSummary writes Markdown for the summary of a step. It keeps to the limit
// by leaving out details, the last first, and says how many.
func GitHubSummary(w io.Writer, rec *runs.Record, _ Options) error {
	var b strings.Builder
	fmt.Fprintf(&b, "### uetest\n\n")
	if why := early(rec); why != "" {
		fmt.Fprintf(&b, "**%s**\n\n", markdown(why))
	}
	if len(rec.Runs) > 0 {
		fmt.Fprintf(&b, "| kernel | release | arch | tests | %s |\n|---|---|---|--:|%s\n", strings.Join(verdictNames(), " | "), strings.Repeat("--:|", len(results.Verdicts)))
	}
	for _, k := range folded(rec) {
		fmt.Fprintf(&b, "| %s | %s | %s | %d |", markdown(k.name), markdown(k.Guest.Release), markdown(k.arch()), len(k.Tests))
		for _, v := range results.Verdicts {
			fmt.Fprintf(&b, " %s |", countOrNone(k.Count(v)))
		}
		b.WriteString("\n")
	}
	const room = 256 // for what is said last
	left := 0
	add := func(s string) {
		if left > 0 || b.Len()+len(s) > maxSummary-room {
			left++
			return
		}
		b.WriteString(s)
	}
	for _, c := range withinOf(rec) {
		add(fmt.Sprintf("\n%s\n\n", markdown(summed(c))))
		for _, l := range differences(c) {
			add(fmt.Sprintf("- %s\n", markdown(l)))
		}
	}
	for _, k := range folded(rec) {
		for _, t := range k.all() {
			if !t.Verdict.Good() {
				add(details(fmt.Sprintf("%s: %s on %s", t.Verdict, t.ID, k.name), body(&t, reproduce(k.Run, t.ID))))
			}
		}
	}
	for _, k := range folded(rec) {
		for i, a := range known(rec, k) {
			if i == 0 {
				add(fmt.Sprintf("\nKnown faults of %s, seen again:\n\n", markdown(k.name)))
			}
			add(fmt.Sprintf("- %s: %s\n", markdown(strings.TrimPrefix(a.title, "known fault of "+k.name+": ")), markdown(a.text)))
		}
	}
	if left > 0 {
		fmt.Fprintf(&b, "\n%d entries left out: a summary has room for %d MiB; the saved run has them all.\n", left, maxSummary>>20)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func verdictNames() []string {
	var names []string
	for _, v := range results.Verdicts {
		names = append(names, string(v))
	}
	return names
}

func countOrNone(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

// details is a text that is shown when it is asked for, as it is.
func details(summary, text string) string {
	text = plain(text)
	fence := "```"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	return fmt.Sprintf("\n<details><summary>%s</summary>\n\n%stext\n%s\n%s\n\n</details>\n", attr(summary), fence, text, fence)
}

// markdown is text that Markdown and HTML make nothing of, on one line.
func markdown(s string) string {
	var b strings.Builder
	for _, r := range line(s) {
		switch {
		case strings.ContainsRune("&<>\"'", r):
			fmt.Fprintf(&b, "&#%d;", r)
		case strings.ContainsRune("\\`*_{}[]()#+!|~@:", r):
			b.WriteByte('\\')
			fallthrough
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

package mutation

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"uetest/internal/blame"
	"uetest/internal/mutant"
	"uetest/internal/report"
)

// Report prints outcomes for people, a line a mutant.
type Report struct {
	W       io.Writer
	Color   bool
	Verbose bool // every test that noticed, and what it saw
}

// shown is how many of the tests that noticed a line names.
const shown = 4

// Line prints one outcome.
func (r *Report) Line(out *Outcome) error {
	class := report.Mark(fmt.Sprintf("%-13s", out.Class), out.Class.Good(), r.Color)
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s  ", class, out.Name)
	switch {
	case out.Class == Unbuilt || out.Class == Untried || out.Class == Stillborn:
		b.WriteString(out.short())
	case out.Class.Good() && out.Equivalent != "":
		fmt.Fprintf(&b, "%s", out.Equivalent)
	case out.Class == Survived:
		fmt.Fprintf(&b, "none of %d tests noticed", out.Ran)
		switch {
		case out.Uncovered:
			b.WriteString("; none executes what it changes")
		case len(out.Covering) > 0:
			fmt.Fprintf(&b, "; %d execute what it changes: %s", len(out.Covering), some(out.Covering, r.Verbose))
		}
		if out.Diff != "" {
			fmt.Fprintf(&b, "\n    %s\n    %s", out.Breaks, strings.ReplaceAll(strings.TrimRight(out.Diff, "\n"), "\n", "\n    "))
		}
	default:
		fmt.Fprintf(&b, "by %s", out.by(r.Verbose))
	}
	for _, n := range out.Unsure {
		fmt.Fprintf(&b, "\n    once only: %s %s: %s", n.ID, n.Verdict, n.Detail)
	}
	if r.Verbose {
		for _, n := range out.By {
			fmt.Fprintf(&b, "\n    %s %s: %s", n.ID, n.Verdict, strings.ReplaceAll(n.Detail, "\n", "\n      "))
		}
		if out.Error != "" {
			fmt.Fprintf(&b, "\n    %s", strings.ReplaceAll(out.Error, "\n", "\n    "))
		}
	}
	_, err := fmt.Fprintln(r.W, b.String())
	return err
}

// short is the line of an outcome's error that says most: that of the compiler, or
// else the first.
func (out *Outcome) short() string {
	first, _, _ := strings.Cut(out.Error, "\n")
	for l := range strings.SplitSeq(out.Error, "\n") {
		if strings.Contains(l, ": error: ") {
			return strings.TrimSpace(l)
		}
	}
	return first
}

// some names the first of a list, or all of it.
func some(list []string, all bool) string {
	if len(list) > shown && !all {
		return fmt.Sprintf("%s and %d more", strings.Join(list[:shown], ", "), len(list)-shown)
	}
	return strings.Join(list, ", ")
}

// by tells in words who noticed: "12 tests: bits/each-sets-alone regressed, …".
func (out *Outcome) by(all bool) string {
	var list []string
	for i, n := range out.By {
		if i == shown && !all {
			list = append(list, fmt.Sprintf("and %d more", len(out.By)-shown))
			break
		}
		list = append(list, n.ID+" "+string(n.Verdict))
	}
	for _, s := range out.Outside {
		first, _, _ := strings.Cut(s, "\n")
		list = append(list, "outside of any test: "+first)
	}
	count := fmt.Sprintf("%d tests", len(out.By))
	if len(out.By) == 1 {
		count = "1 test"
	}
	if out.Cut {
		count = "at least " + count
	}
	if out.On != "" {
		count += " on " + out.On
	}
	return count + ": " + strings.Join(list, ", ")
}

// Counts says how many mutants of each class there are: "3 caught, 1 SURVIVED". of is
// how many there were to try.
func (t *Table) Counts(of int) string {
	var counts []string
	for _, c := range []Class{Caught, Equivalent, Stillborn, Survived, Contradiction, Unbuilt, Untried} {
		if n := t.Count(c); n > 0 {
			counts = append(counts, fmt.Sprintf("%d %s", n, c))
		}
	}
	if left := of - len(t.Outcomes); left > 0 {
		counts = append(counts, fmt.Sprintf("%d not tried", left))
	}
	return strings.Join(counts, ", ")
}

// Foot prints the sum. of is how many mutants there were to try.
func (r *Report) Foot(t *Table, of int) error {
	for _, n := range t.Noise {
		if _, err := fmt.Fprintf(r.W, "does not count, for it complains of %s itself: %s %s\n", t.On, n.ID, n.Verdict); err != nil {
			return err
		}
	}
	took := ""
	if t.Took > 0 {
		took = fmt.Sprintf(", in %v", t.Took.Round(time.Second))
	}
	if _, err := fmt.Fprintf(r.W, "%d mutants of %s: %s%s\n", of, t.On, t.Counts(of), took); err != nil {
		return err
	}
	caught, can := t.Score()
	if can == 0 {
		return nil
	}
	_, err := fmt.Fprintf(r.W, "score: %.1f%%, %d of the %d that are not equivalent\n", 100*float64(caught)/float64(can), caught, can)
	return err
}

// List prints mutants, a line each, without trying them; with their diffs if the
// report is verbose. of is how many there are in all.
func (r *Report) List(mutants []Mutant, of int) error {
	var b strings.Builder
	counts := map[string]int{}
	for i := range mutants {
		m := &mutants[i]
		counts[m.Operator]++
		fmt.Fprintf(&b, "%s  %s", m.Name, m.Breaks)
		if m.Equivalent != "" {
			fmt.Fprintf(&b, "\n    equivalent: %s", m.Equivalent)
		}
		b.WriteString("\n")
		if r.Verbose {
			fmt.Fprintf(&b, "    %s\n", strings.ReplaceAll(strings.TrimRight(m.diff(), "\n"), "\n", "\n    "))
		}
	}
	var parts []string
	for _, op := range mutant.Operators {
		if counts[op] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", counts[op], op))
		}
	}
	fmt.Fprintf(&b, "%d of %d mutants: %s\n", len(mutants), of, strings.Join(parts, ", "))
	_, err := io.WriteString(r.W, b.String())
	return err
}

// Exit returns the exit code of uetest for the table. One that is not whole has
// results missing.
func (t *Table) Exit() int {
	code := 0
	if t.Left() > 0 {
		code = int(blame.Test)
	}
	for i := range t.Outcomes {
		switch c := t.Outcomes[i].Class; {
		case c == Untried:
			code = max(code, int(blame.Host))
		case c == Unbuilt:
			code = max(code, int(blame.Patch))
		case !c.Good():
			code = max(code, int(blame.Test))
		}
	}
	return code
}

// WriteMarkdown writes the table for a page of documentation, by name.
func (t *Table) WriteMarkdown(w io.Writer) error {
	var b strings.Builder
	b.WriteString("| mutant | what it breaks | caught by | the first of them |\n|---|---|--:|---|\n")
	byName := slices.SortedFunc(slices.Values(t.Outcomes), func(a, b Outcome) int { return cmp.Compare(a.Name, b.Name) })
	for i := range byName {
		out := &byName[i]
		count, first := fmt.Sprint(len(out.By)), ""
		if out.Cut {
			count += "+"
		}
		switch {
		case out.Class == Stillborn:
			count, first = string(out.Class), out.short()
		case out.Class != Caught:
			count, first = string(out.Class), out.Equivalent
		case len(out.By) > 0:
			first = fmt.Sprintf("`%s` %s", out.By[0].ID, out.By[0].Verdict)
			if out.On != "" {
				first += " on " + out.On
			}
		case len(out.Outside) > 0:
			first, _, _ = strings.Cut(out.Outside[0], "\n")
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", cell(out.Name), cell(out.Breaks), cell(count), cell(first))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

package report

import (
	"fmt"
	"slices"
	"strings"

	"uetest/internal/results"
	"uetest/internal/runs"
)

// verdict says in one sentence what came of it.
func (b *builder) verdict(p *page) {
	on := listed(b.withPatch(true))
	attention := 0
	var unexpected []string // kernels
	for _, k := range b.all {
		n := needing(k)
		if attention += n; n > 0 && !slices.Contains(unexpected, k.Label()) {
			unexpected = append(unexpected, k.Label())
		}
	}
	fails := 0
	for i := range p.Claims {
		if p.Claims[i].Class == markBad.Class {
			fails++
		}
	}
	against := ""
	if fails > 0 {
		against = fmt.Sprintf(", and %d of the %d claims of its changelog %s not hold", fails, len(p.Claims), does(fails))
	}
	switch {
	case p.Early != "":
		p.Mood, p.Lead = "bad", "This run is not whole: "+p.Early+"."
	case len(b.all) == 0:
		p.Mood, p.Lead = "bad", "Nothing was tested: no kernel came of it."
	case attention > 0:
		p.Mood, p.Lead = "bad", fmt.Sprintf("%s on %s otherwise than uetest expects.", came(attention), listed(unexpected))
		if len(p.Defects) > 0 {
			p.Lead += fmt.Sprintf(" Known before: %s has %s%s%s.", on, numbered(len(p.Defects), "defect"), notNew(p.Defects), against)
		}
	case len(p.Defects) > 0:
		p.Mood, p.Lead = "warn", fmt.Sprintf("%s has %s%s%s. All of it is known to the catalogue of uetest; nothing new was found.", on, numbered(len(p.Defects), "defect"), notNew(p.Defects), against)
	case !b.anyHolds():
		p.Mood, p.Lead = "warn", "No test could do its work on every kernel: nothing is decided."
	default:
		p.Mood, p.Lead = "good", fmt.Sprintf("Every test on %s saw what the ABI promises.", on)
		if n := b.skipped(); n > 0 {
			p.Lead = fmt.Sprintf("Every test that could run on %s saw what the ABI promises; %d could not.", on, n)
		}
	}
	if len(b.patched) > 0 && !b.proven() {
		p.Notes = append(p.Notes, "It is not proven that what was tested is what was posted.")
		if p.Mood == "good" {
			p.Mood = "warn"
		}
	}
	if sel := b.rec.Asked.Select; sel != "" {
		p.Notes = append(p.Notes, "Only the tests that match "+runs.Pattern(sel)+" were to run.")
	}
	if len(b.without) > 0 && len(b.patched) > 0 {
		p.Notes = append(p.Notes, fmt.Sprintf("With the patch: %s. For comparison: %s.", on, listed(b.withPatch(false))))
	}
}

// notNew says how many of the defects were there before the patch.
func notNew(defects []finding) string {
	n, who := 0, ""
	for i := range defects {
		if defects[i].NotNew != "" {
			n, who = n+1, defects[i].NotNew
		}
	}
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(", %d of which %s has too", n, who)
}

func does(n int) string {
	if n == 1 {
		return "does"
	}
	return "do"
}

func came(n int) string {
	if n == 1 {
		return "One result came out"
	}
	return fmt.Sprintf("%d results came out", n)
}

// needing is how many results of a kernel need attention, what belongs to no test
// among them.
func needing(k kernel) int {
	n := 0
	for _, t := range k.all() {
		if !t.Verdict.Good() {
			n++
		}
	}
	return n
}

func (b *builder) anyHolds() bool {
	for _, k := range b.patched {
		if k.Count(results.AsExpected) == 0 {
			return false
		}
	}
	return len(b.patched) > 0
}

// skipped is how many tests a kernel with the patch lacks something for.
func (b *builder) skipped() int {
	ids := map[string]bool{}
	for _, k := range b.patched {
		for i := range k.Tests {
			if k.Tests[i].Verdict == results.Skipped {
				ids[k.Tests[i].ID] = true
			}
		}
	}
	return len(ids)
}

// listed are things in a row: "a, b and c".
func listed(names []string) string {
	if n := len(names); n > 1 {
		return strings.Join(names[:n-1], ", ") + " and " + names[n-1]
	}
	return strings.Join(names, "")
}

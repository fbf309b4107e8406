package report

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"uetest/internal/results"
)

// Table writes a line a run: what became of its tests, what the kernel reported
// outside of them, how long it took, and its exit code.
func Table(w io.Writer, runs []*results.Run) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	_, _ = fmt.Fprint(t, "\nkernel\ttests\tas expected\tknown fault\tskipped\tattention\toutside\tkernel built\ttests took\texit\n") // Flush tells
	for _, r := range runs {
		good := r.Count(results.AsExpected) + r.Count(results.KnownFault) + r.Count(results.Skipped)
		_, _ = fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%s\t%s\t%d\n", r.Kernel.Name, len(r.Tests),
			r.Count(results.AsExpected), r.Count(results.KnownFault), r.Count(results.Skipped), len(r.Tests)-good,
			len(results.Charged(r.Splats))+len(r.Problems), took(r, "kernel"), took(r, "boot", "tests"), r.Exit())
	}
	return t.Flush()
}

// took is how long stages of a run were together, as people say it.
func took(r *results.Run, stages ...string) string {
	var sum time.Duration
	note := ""
	for _, s := range r.Stages {
		for _, name := range stages {
			if s.Name == name {
				sum += s.Took
				if s.Note == "cached" {
					note = "cached"
				}
			}
		}
	}
	if note != "" {
		return note
	}
	return sum.Round(time.Second / 10).String()
}

package report

import (
	"io"
	"strings"

	"uetest/internal/runs"
)

// AllText writes the summaries of a record's kernels one after the other, and what
// kept the rest from running.
func AllText(w io.Writer, rec *runs.Record, o Options) error {
	for _, run := range rec.Runs {
		one := o
		one.Fault = faultOf(rec)
		if run.Repeat != "" {
			one.Reproduce = func(_, id string) string { return reproduce(run, id) }
		}
		if err := Text(w, run, one); err != nil {
			return err
		}
	}
	if why := early(rec); why != "" {
		p := &printer{w: w, color: o.Color}
		p.f("\n%s %s\n", p.paint(red, "ENDED EARLY"), strings.ReplaceAll(plain(why), "\n", "\n  "))
		return p.err
	}
	return nil
}

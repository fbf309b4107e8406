package pipeline

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"uetest/internal/blame"
	"uetest/internal/coverage"
	"uetest/internal/patch"
)

// Sources of coverage, as Config.Coverage names them.
const (
	CoverageCounters = "counters" // what the compiler put into the files that the patch changes
	CoverageTrace    = "trace"    // what the emulator translates of a kernel that is as it is
)

// CoverageSources lists them, the usual one first.
var CoverageSources = []string{CoverageCounters, CoverageTrace}

// cover finds out which lines of the patch under test are executed by which
// tests of one kernel.
type cover struct {
	counters *counters // one of the two
	trace    *tracing

	reasons []coverage.Reason // for lines that are not executed

	mu     sync.Mutex
	report *coverage.Report
}

// newCover prepares for the kernel b. It is nil for a kernel without a patch under
// test: there is nothing to be covered.
func newCover(cfg *Config, b *built, g *guest) (c *cover, err error) {
	if len(b.changed) == 0 {
		return nil, nil
	}
	c = &cover{report: reported(b.info.Name, b.changed)}
	var code map[coverage.Place]bool
	if cfg.Coverage == CoverageTrace {
		c.report.Source = coverage.Trace
		c.trace, code, err = newTracing(b, g.accel)
	} else {
		c.report.Source = coverage.Counters
		c.counters, code, err = newCounters(b)
	}
	if err != nil {
		return nil, err
	}
	c.report.HasCode(code)
	if len(b.info.Top) == 0 && c.counters != nil { // else the patch is not the series', or jumps can't be seen
		for _, u := range cfg.Series.Unreached(b.plan) {
			c.reasons = append(c.reasons, coverage.Reason{File: u.File, Text: u.Text, After: u.After, Why: u.Reason, Place: u.Place})
		}
	}
	return c, nil
}

// reported makes the form in which it is shown of what a patch changes.
func reported(kernel string, files []patch.ChangedFile) *coverage.Report {
	r := &coverage.Report{Schema: coverage.Schema, Kernels: []string{kernel}}
	for _, f := range files {
		file := coverage.File{Path: f.Path}
		for _, h := range f.Hunks {
			hunk := coverage.Hunk{Section: h.Section}
			for _, l := range h.Lines {
				hunk.Lines = append(hunk.Lines, coverage.Line{Op: string(l.Op), Text: l.Text, Number: l.Number})
			}
			file.Hunks = append(file.Hunks, hunk)
		}
		r.Files = append(r.Files, file)
	}
	return r
}

// coverFlag refuses a way to find out that there is not.
func (cfg *Config) coverFlag() error {
	if cfg.Coverage == "" || slices.Contains(CoverageSources, cfg.Coverage) {
		return nil
	}
	return blame.On(blame.Usage, fmt.Errorf("--coverage=%s: expected %s", cfg.Coverage, strings.Join(CoverageSources, " or ")))
}

// executed takes down what a test executed; err is why that can't be told.
func (c *cover) executed(test string, lines map[coverage.Place]bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		c.report.Unread = append(c.report.Unread, fmt.Sprintf("%s: %v", test, err))
		return
	}
	c.report.Executed(test, lines)
}

// coverTest is told of a test that is over, or whose guest is lost and, perhaps,
// still there: what a test executed before it brought the kernel down counts. Of a
// guest that has said Hello it is told coverage.Boot.
func (d *driver) coverTest(ctx context.Context, s *session, test string) {
	if d.cover != nil && d.cover.counters != nil {
		lines, err := d.cover.counters.since(ctx, s)
		d.cover.executed(test, lines, err)
	}
}

// coverEnd is told of a guest that is no more, and of the test that it ran
// first.
func (d *driver) coverEnd(s *session, test string) {
	if d.cover != nil && d.cover.trace != nil {
		lines, err := d.cover.trace.read(d.traced(s.number))
		d.cover.executed(test, lines, err)
	}
}

// coverBoot boots a guest to find out what the kernel executes before any test,
// where the guests of the tests do not show it: those that are restored leave a
// trace of nothing else than the test.
func (d *driver) coverBoot(ctx context.Context) error {
	if d.cover == nil || d.cover.trace == nil {
		return nil
	}
	var s *session
	err := d.boot(ctx, func(number int) (err error) {
		s, err = d.start(ctx, d.usual(), number)
		return err
	})
	if err != nil {
		return err
	}
	s.close()
	d.coverEnd(s, coverage.Boot)
	return nil
}

// conclude hands out what was found, in the order of the tests.
func (c *cover) conclude(order []string) *coverage.Report {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.report.Sort(order)
	c.report.Explain(c.reasons)
	slices.Sort(c.report.Unread)
	return c.report
}

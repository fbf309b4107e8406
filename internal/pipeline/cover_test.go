package pipeline

import (
	"regexp"
	"strings"
	"testing"

	"uetest/internal/coverage"
	"uetest/internal/results"
)

// covering runs tests on rfc with coverage from a source.
func covering(t *testing.T, source, tests string) *results.Run {
	t.Helper()
	cfg := witnessing(t, "rfc")
	cfg.Coverage, cfg.Select = source, regexp.MustCompile("^(?:"+tests+")$")
	runs, err := Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if runs[0].Coverage == nil || len(runs[0].Coverage.Unread) > 0 {
		t.Fatalf("coverage %+v", runs[0].Coverage)
	}
	return runs[0]
}

// The two ways to find out what is executed agree on every added line that both
// know of. What only the counters know are jumps, of which an optimising compiler
// leaves nothing, and the lines that begin and end a function.
func TestTraceAgreesWithCounters(t *testing.T) {
	t.Parallel()
	const tests = "errors/(unwritable-place|order-of-new-checks|reg-null)|enable/(two-places|unwritable-among-others|perf)|faults/negative-index"
	counted := covering(t, CoverageCounters, tests).Coverage
	traced := covering(t, CoverageTrace, tests).Coverage
	known := 0
	for i, f := range counted.Files {
		for k, h := range f.Hunks {
			for n, c := range h.Lines {
				l := traced.Files[i].Hunks[k].Lines[n]
				if !c.Added() || !c.Code || !l.Code {
					continue
				}
				known++
				at := coverage.Place{File: f.Path, Line: c.Number}
				if a, b := counted.TestsOf(at), traced.TestsOf(at); strings.Join(a, " ") != strings.Join(b, " ") {
					t.Errorf("line %d, %q: counted in %v, traced in %v", c.Number, c.Text, a, b)
				}
			}
		}
	}
	if known < 40 {
		t.Errorf("both know of %d added lines, expected some fifty", known)
	}
}

func TestWithoutAPatchNothingIsCovered(t *testing.T) {
	t.Parallel()
	cfg := witnessing(t, "stable")
	cfg.Coverage, cfg.Select = CoverageTrace, regexp.MustCompile("^status/.*$")
	targets, err := cfg.targets()
	if err != nil {
		t.Fatal(err)
	}
	cfg.Notify = serialize(nil)
	src, tree, p, err := targets[0].patched(t.Context(), &cfg, builder(cfg.Cache, "", cfg.Notify))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tree.Close() }()
	if _, files, err := targets[0].covered(&cfg, src, tree, p); err != nil || len(files) > 0 {
		t.Errorf("stable has %d files under test, %v", len(files), err)
	}
	cfg.Coverage = "guesses"
	if _, err := Run(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "counters or trace") {
		t.Errorf("--coverage=guesses: %v", err)
	}
}

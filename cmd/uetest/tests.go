package main

import (
	"regexp"
	"time"

	"github.com/spf13/cobra"

	"uetest/internal/blame"
	"uetest/internal/pipeline"
)

// maxJobs is more guests than a machine of this decade carries under emulation.
const maxJobs = 256

// testFlags say which tests run, and how guests are shared among them.
type testFlags struct {
	run     string
	timeout limit
	jobs    int
	isolate string
}

// add declares them; run is what --run is for.
func (f *testFlags) add(c *cobra.Command, run string) {
	fl := c.Flags()
	fl.StringVar(&f.run, "run", "", run)
	fl.Var(&f.timeout, "timeout", "limit for one test, in place of the catalogue's; not scaled for emulation")
	fl.IntVarP(&f.jobs, "jobs", "j", 1, "guests at a time; the order of the results does not depend on it")
	fl.StringVar(&f.isolate, "isolate", "auto", "which tests get a kernel that nobody used: auto (those that want one), test (all), none (those alone that take another machine)")
}

func (f *testFlags) apply(cfg *pipeline.Config) (err error) {
	cfg.Timeout, cfg.Jobs = time.Duration(f.timeout), f.jobs
	if f.jobs < 1 || f.jobs > maxJobs {
		return blame.On(blame.Usage, errorf("-j %d: expected 1 to %d guests at a time", f.jobs, maxJobs))
	}
	if cfg.Isolation, err = pipeline.ParseIsolation(f.isolate); err != nil {
		return blame.On(blame.Usage, errorf("--isolate: %v", err))
	}
	cfg.Select, err = wholeID(f.run)
	return err
}

// limit is a flag for how long something may take.
type limit time.Duration

func (l *limit) Type() string { return "duration" }

func (l *limit) String() string {
	if *l == 0 {
		return ""
	}
	return time.Duration(*l).String()
}

func (l *limit) Set(s string) error {
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 {
		return errorf("expected a time above 0 with its unit, as in 500ms, 90s or 1h30m")
	}
	*l = limit(d)
	return nil
}

// wholeID makes a flag's regular expression one that matches whole ids; nil if
// it is empty.
func wholeID(re string) (*regexp.Regexp, error) { return wholeMatch("run", re) }

// wholeMatch compiles what a flag has to match the whole of a name.
func wholeMatch(flag, re string) (*regexp.Regexp, error) {
	if re == "" {
		return nil, nil
	}
	// By itself first: a)|(b is none, and would be one in the parentheses.
	if _, err := regexp.Compile(re); err != nil {
		return nil, blame.On(blame.Usage, errorf("--%s: %v", flag, err))
	}
	return regexp.MustCompile("^(?:" + re + ")$"), nil
}

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
	timeout time.Duration
	jobs    int
	isolate string
}

// add declares them; run is what --run is for.
func (f *testFlags) add(c *cobra.Command, run string) {
	fl := c.Flags()
	fl.StringVar(&f.run, "run", "", run)
	fl.DurationVar(&f.timeout, "timeout", 0, "limit for one test, in place of the catalogue's; not scaled for emulation")
	fl.IntVarP(&f.jobs, "jobs", "j", 1, "guests at a time; the order of the results does not depend on it")
	fl.StringVar(&f.isolate, "isolate", "auto", "which tests get a kernel that nobody used: auto (those that want one), test (all), none (those alone that take another machine)")
}

func (f *testFlags) apply(cfg *pipeline.Config) (err error) {
	cfg.Timeout, cfg.Jobs = f.timeout, f.jobs
	if f.jobs < 1 || f.jobs > maxJobs {
		return blame.On(blame.Usage, errorf("-j %d: expected 1 to %d guests at a time", f.jobs, maxJobs))
	}
	if cfg.Isolation, err = pipeline.ParseIsolation(f.isolate); err != nil {
		return blame.On(blame.Usage, errorf("--isolate: %v", err))
	}
	cfg.Select, err = wholeID(f.run)
	return err
}

// wholeID makes a flag's regular expression one that matches whole ids; nil if
// it is empty.
func wholeID(re string) (*regexp.Regexp, error) { return wholeMatch("run", re) }

// wholeMatch compiles what a flag has to match the whole of a name.
func wholeMatch(flag, re string) (*regexp.Regexp, error) {
	if re == "" {
		return nil, nil
	}
	whole, err := regexp.Compile("^(?:" + re + ")$")
	if err != nil {
		return nil, blame.On(blame.Usage, errorf("--%s: %v", flag, err))
	}
	return whole, nil
}

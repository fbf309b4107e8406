package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"

	"github.com/spf13/cobra"

	"uetest/internal/blame"
	"uetest/internal/pipeline"
)

// passFlags say how often the kernels are gone over, and in which order the tests
// run.
type passFlags struct {
	count     int
	untilFail bool
	shuffle   string
}

func (f *passFlags) add(c *cobra.Command) {
	fl := c.Flags()
	fl.IntVar(&f.count, "count", 1, "go over the kernels so often, one after the other each time, and say how often each test was as expected")
	fl.BoolVar(&f.untilFail, "until-fail", false, "go over them again until something is not as expected, --count times at most if that is said")
	fl.StringVar(&f.shuffle, "shuffle", "off", "run the tests that share a guest in another order: off, on or random (a seed is chosen, and told), or a SEED; each pass after the first adds 1 to it")
}

// apply tells w the seed, for it must be known whatever becomes of the run.
func (f *passFlags) apply(c *cobra.Command, cfg *pipeline.Config) error {
	if f.count < 1 || f.count > pipeline.MaxPasses {
		return blame.On(blame.Usage, errorf("--count %d: expected 1 to %d", f.count, pipeline.MaxPasses))
	}
	cfg.UntilFail = f.untilFail
	if !f.untilFail || c.Flags().Changed("count") {
		cfg.Count = f.count
	}
	var err error
	cfg.Shuffle, err = f.seed(c.ErrOrStderr())
	return err
}

// maxSeed is the greatest seed: what most programs read as a number.
const maxSeed = 1<<31 - 1

func (f *passFlags) seed(w io.Writer) (uint64, error) {
	switch f.shuffle {
	case "off":
		return 0, nil
	case "on", "random":
		seed := 1 + rand.Uint64N(maxSeed)
		_, err := fmt.Fprintf(w, "uetest: --shuffle %d\n", seed)
		return seed, blame.On(blame.Host, err)
	}
	seed, err := strconv.ParseUint(f.shuffle, 10, 64)
	if err != nil || seed == 0 || seed > maxSeed {
		return 0, blame.On(blame.Usage, errorf("--shuffle %s: expected off, on, random, or a seed, 1 to %d", f.shuffle, maxSeed))
	}
	return seed, nil
}

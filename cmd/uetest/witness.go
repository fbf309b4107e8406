package main

import (
	"github.com/spf13/cobra"

	"uetest/internal/blame"
	"uetest/internal/pipeline"
	"uetest/internal/report"
	"uetest/internal/results"
)

type witnessFlags struct {
	bootFlags
	top topFlags
	on  []string
}

func newWitness() *cobra.Command {
	var f witnessFlags
	c := &cobra.Command{
		Use:   "witness",
		Short: "hold the tests against upstream's own selftests",
		Long: `Witness builds the user_events selftests that come with a kernel's source, runs
them in a guest on that kernel, and beside them the tests of the catalogue that
assert the same. They agree if each function of upstream's says what it should
and each test sees what the kernel promises.

With --patch or --no-patch it is the source with your patches whose selftests are
built, on the RFC unless --on names another kernel.

The exit code is 0 if all agree, 1 if not, 3 if upstream's programs do not
compile.`,
		Example: `  uetest witness
  uetest witness --on upstream
  uetest witness --on stable --patch fix.patch`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return f.exec(c) },
	}
	f.add(c)
	f.top.add(c)
	fl := c.Flags()
	fl.StringSliceVar(&f.on, "on", nil, "kernels to take the selftests from and to run them on (default: upstream and stable; with --patch: rfc)")
	return c
}

func (f *witnessFlags) exec(c *cobra.Command) error {
	cfg, err := f.job(c)
	if err != nil {
		return err
	}
	p := newProgress(c.ErrOrStderr(), f.quiet)
	cfg.Notify = p.event
	runs, err := pipeline.Witness(c.Context(), cfg)
	p.close()
	if len(runs) > 0 {
		o := report.Options{Color: wantColor(c.OutOrStdout())}
		if werr := report.Witness(c.OutOrStdout(), runs, o); werr != nil && err == nil {
			err = blame.On(blame.Host, werr)
		}
	}
	if err != nil {
		return err
	}
	code := 0
	for _, run := range runs {
		code = max(code, witnessExit(run))
	}
	if code != 0 {
		return exitCode(code)
	}
	return nil
}

// job is what these flags say.
func (f *witnessFlags) job(c *cobra.Command) (pipeline.Config, error) {
	cfg, err := f.config(nil)
	switch {
	case err != nil:
		return cfg, err
	case f.top.given():
		cfg.Kernels, err = f.top.kernels(&cfg, f.on)
	case f.on != nil:
		cfg.Kernels = f.on
	default:
		cfg.Kernels = []string{"upstream", "stable"}
	}
	if err == nil {
		err = checkKernels(cfg.Series, cfg.Kernels)
	}
	if err != nil {
		return cfg, err
	}
	return cfg, f.top.apply(c, &cfg)
}

// witnessExit is the exit code for one kernel. What a function of upstream's
// should say is for Testify to know, so the verdicts of their programs do not
// count.
func witnessExit(run *results.Run) int {
	if run.Fatal != 0 {
		return int(run.Fatal)
	}
	if len(run.Problems)+len(results.Charged(run.Splats)) > 0 {
		return int(blame.Test)
	}
	for _, t := range results.Testify(run) {
		if t.Disagreement() != "" {
			return int(blame.Test)
		}
	}
	return 0
}

package mutation

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"uetest/internal/blame"
	"uetest/internal/coverage"
	"uetest/internal/mutant"
	"uetest/internal/pipeline"
	"uetest/internal/results"

	kernelpatches "uetest/kernel-patches"
)

// Generated are the mutants that are made of the patches under test, and what is
// known of them.
type Generated struct {
	Mutants []Mutant
	Nothing []byte   // a patch that changes nothing that is compiled; nil if the files have no place for one
	Stale   []string // reasons for mutants that there are not, or that are others now

	files []pipeline.Changed
}

// Generate makes the mutants of the patches under test of the kernel that cfg names,
// with the reasons that the series gives for those that nothing can be seen of. It
// builds nothing.
func Generate(ctx context.Context, cfg pipeline.Config) (*Generated, error) {
	files, err := pipeline.UnderTest(ctx, cfg)
	if err != nil {
		return nil, err
	}
	g := &Generated{files: files}
	var list []mutant.File
	for _, f := range files {
		list = append(list, mutant.File{ChangedFile: f.ChangedFile, Text: f.Text})
	}
	made := mutant.Generate(list)
	if len(made) == 0 {
		return nil, blame.On(blame.Nothing, fmt.Errorf("no mutant can be made of what the patches under test of %s add: expected lines of C; 'uetest run --coverage' shows which patches those are", strings.Join(cfg.Kernels, ", ")))
	}
	g.Nothing = mutant.Nothing(list)
	reasons, err := cfg.Series.Equivalents()
	if err != nil {
		return nil, blame.On(blame.Usage, err)
	}
	for i := range made {
		g.Mutants = append(g.Mutants, generated(&made[i]))
	}
	if len(cfg.Patches) == 0 { // the reasons are about the series' own patches
		g.Stale = explain(g.Mutants, reasons)
	}
	return g, nil
}

func generated(m *mutant.Mutant) Mutant {
	return Mutant{Name: m.ID, Breaks: m.Breaks, Text: m.Text(), Operator: m.Operator, change: m.Change()}
}

// explain gives mutants their reasons, and returns those reasons that are about none.
func explain(mutants []Mutant, reasons []kernelpatches.Equivalent) (stale []string) {
	for _, r := range reasons {
		i := slices.IndexFunc(mutants, func(m Mutant) bool { return m.Name == r.Mutant })
		switch {
		case i < 0:
			stale = append(stale, fmt.Sprintf("%s: there is no mutant %s", r.Place, r.Mutant))
		case !slices.Equal(mutants[i].change, r.Change):
			stale = append(stale, fmt.Sprintf("%s: %s changes other lines now: %q", r.Place, r.Mutant, mutants[i].change))
		default:
			mutants[i].Equivalent = r.Reason
		}
	}
	return stale
}

// Files are the files that the mutants are of, as the patches under test leave them.
func (g *Generated) Files() []File { return files(g.files) }

// CheckOperators refuses what is the name of no operator.
func CheckOperators(names []string) error {
	for _, op := range names {
		if !slices.Contains(mutant.Operators, op) {
			return blame.On(blame.Usage, fmt.Errorf("--operators %s: there is no such operator; there are %s", op, strings.Join(mutant.Operators, ", ")))
		}
	}
	return nil
}

// Choose leaves those mutants that are asked for: of operators, all if it is empty,
// and those that match, n at most, drawn by seed.
func Choose(list []Mutant, operators []string, match func(name string) bool, n int, seed uint64) ([]Mutant, error) {
	list = slices.DeleteFunc(slices.Clone(list), func(m Mutant) bool {
		return len(operators) > 0 && !slices.Contains(operators, m.Operator) || !match(m.Name)
	})
	if len(list) == 0 {
		return nil, blame.On(blame.Nothing, fmt.Errorf("no mutant is left by --operators and --only; 'uetest mutate --list' has them all"))
	}
	if n > 0 {
		list = mutant.Sample(list, n, seed)
	}
	return list, nil
}

// Cover finds out which tests execute the lines of the patches under test: from the
// newest saved run that says so of the same patches, or by one that it makes now.
// tell is told which.
func (g *Generated) Cover(ctx context.Context, cfg pipeline.Config, tell func(string)) (*coverage.Report, error) {
	name := pipeline.TopName(cfg.Kernels[0], cfg.Patches)
	run, err := pipeline.LastCovered(cfg.Cache, name, g.files)
	if err != nil {
		return nil, err
	}
	if run != nil {
		tell(fmt.Sprintf("which tests execute which lines: from the run of %s", run.Start.Format("2006-01-02 15:04:05")))
		return run.Coverage, nil
	}
	tell("which tests execute which lines: no saved run says so of these patches; one is made now")
	cfg.Coverage, cfg.Select = pipeline.CoverageCounters, nil
	if cfg.Tools.LLVM != "" {
		cfg.Coverage = pipeline.CoverageTrace
	}
	if run, err = runOne(ctx, cfg); err != nil {
		return nil, err
	}
	return run.Coverage, nil
}

// covering returns the tests that execute what a mutant changes, in the order in
// which they ran, and whether something was compiled from it: a declaration is
// executed by none.
func covering(c *coverage.Report, changed []results.MutantLine) (ids []string, code bool) {
	at := map[coverage.Place]bool{}
	for _, l := range changed {
		at[coverage.Place{File: l.File, Line: l.Line}] = true
	}
	executed := map[int]bool{}
	for _, f := range c.Files {
		for _, h := range f.Hunks {
			for _, l := range h.Lines {
				if l.Number == 0 || !at[coverage.Place{File: f.Path, Line: l.Number}] {
					continue
				}
				code = code || l.Code
				for _, n := range l.Tests {
					executed[n] = true
				}
			}
		}
	}
	for n, id := range c.Tests {
		if executed[n] && id != coverage.Boot {
			ids = append(ids, id)
		}
	}
	return ids, code
}

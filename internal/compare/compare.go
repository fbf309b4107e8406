// Package compare says what differs between two kernels: the one before a patch
// and the one with it, or the same one at two times.
//
// Each test has one Class. Where every result is what the catalogue expects of
// the kernel that it is from, the catalogue decides it, however few there are:
// the patch promises what changed, or a fault that the catalogue names came or
// went. Else counts decide. A test that fails now and then fails on either kernel,
// so one failure against none says nothing: that a kernel is worse, or better, is
// said only if Fisher's exact test has it so, at a threshold that allows for how
// many such differences were looked at (Holm). What is not called is told as what
// can't be told, with how many runs could.
package compare

import (
	"errors"
	"fmt"

	"uetest/internal/blame"
	"uetest/internal/results"
)

// Schema is the version of the JSON form of a Comparison.
const Schema = 1

// Alpha is the chance that is taken of calling any difference of a comparison
// that is none.
const Alpha = 0.05

// Class is what became of a test from one kernel to the other.
type Class string

// The classes.
const (
	Regressed Class = "regressed"           // not as expected, or further from the promise, more often than chance explains
	Unsure    Class = "can't tell"          // they differ, and chance may explain it
	Broken    Class = "broken as known"     // a fault that the catalogue names came with the kernel
	Fixed     Class = "fixed"               // a fault went, known or not
	Promised  Class = "changed as promised" // each shows what its generation promises, which differs
	Flaky     Class = "flaky on both"       // neither does the same each time, and they do not differ
	OnlyOne   Class = "only on one"         // the other has no result to compare with
	Same      Class = "same"
)

// Classes lists the classes, those that need attention first.
var Classes = []Class{Regressed, Unsure, Flaky, Broken, Fixed, Promised, OnlyOne, Same}

// Side is a kernel with all its runs, in order.
type Side struct {
	Name    string // unique in the comparison
	Record  string // id of the saved run; of several, the first
	Series  string // that it was tested for; empty: nobody said
	Uetest  string // revision of the program
	Timeout string // of a test, if it is not the catalogue's
	Runs    []*results.Run
}

// Kernel is what a comparison says of a side.
type Kernel struct {
	Name       string `json:"name"`
	Record     string `json:"record,omitempty"`
	Release    string `json:"release,omitempty"`
	Generation string `json:"generation,omitempty"`
	Runs       int    `json:"runs"`
}

// Comparison is what differs from kernel A to kernel B.
type Comparison struct {
	Schema int     `json:"schema"`
	A      Kernel  `json:"a"`
	B      Kernel  `json:"b"`
	Tests  []Test  `json:"tests"`  // in the order of the catalogue; the first is what belongs to no test
	Splats []Splat `json:"splats"` // new ones first
	// Family is how many differences chance alone could have put below Alpha: it
	// is these that the threshold allows for.
	Family int      `json:"family"`
	Alpha  float64  `json:"alpha"`
	Notes  []string `json:"notes"` // what else is not the same on both
}

// Test is a test on both kernels.
type Test struct {
	ID      string `json:"id"`
	Purpose string `json:"purpose,omitempty"`
	Class   Class  `json:"class"`
	Why     string `json:"why,omitempty"` // what the class is due to; not of Same
	A       Tally  `json:"a"`
	B       Tally  `json:"b"`
	// Counts are what the class is due to, or would be; nil where the catalogue
	// decides.
	Counts *Counts `json:"counts,omitempty"`
	// Need is how many runs of each kernel would tell, if it goes on as it did;
	// 0 if that is not known.
	Need int `json:"need,omitempty"`
}

// Measure is what is counted.
type Measure string

// The measures.
const (
	Kept     Measure = "as promised" // results that show what the ABI promises
	Expected Measure = "as expected" // these, and those that show a fault that the catalogue names
)

// Counts compares how often something came on each side.
type Counts struct {
	Measure  Measure `json:"measure"`
	A        int     `json:"a"`
	AOf      int     `json:"a_of"`
	B        int     `json:"b"`
	BOf      int     `json:"b_of"`
	P        float64 `json:"p"`        // Fisher's exact test, two-sided
	Adjusted float64 `json:"adjusted"` // Holm's, for as many as the family has
	Called   bool    `json:"called"`   // no more than Alpha

	family bool // chance could have put it below Alpha
}

// String is the counts as people read them: 20/20 → 13/20.
func (c *Counts) String() string {
	return fmt.Sprintf("%d/%d → %d/%d", c.A, c.AOf, c.B, c.BOf)
}

// Worse reports whether it came less often on B, in proportion.
func (c *Counts) Worse() bool { return c.B*c.AOf < c.A*c.BOf }

// Better reports whether it came more often on B.
func (c *Counts) Better() bool { return c.B*c.AOf > c.A*c.BOf }

// By returns the tests of a class.
func (c *Comparison) By(class Class) []*Test {
	var list []*Test
	for i := range c.Tests {
		if c.Tests[i].Class == class {
			list = append(list, &c.Tests[i])
		}
	}
	return list
}

// Need is how many runs of each kernel would tell all that can't be told; 0 if
// nothing would.
func (c *Comparison) Need() int {
	n := 0
	for i := range c.Tests {
		n = max(n, c.Tests[i].Need)
	}
	return n
}

// Exit is the exit code of a comparison: 1 if something regressed. A fault that
// the catalogue names is none here either.
func (c *Comparison) Exit() int {
	if len(c.By(Regressed)) > 0 {
		return int(blame.Test)
	}
	return 0
}

// Of compares a kernel with the one before it. It is an error if that means
// nothing.
func Of(a, b Side) (*Comparison, error) {
	if err := comparable(a, b); err != nil {
		return nil, blame.On(blame.Usage, err)
	}
	c := &Comparison{Schema: Schema, A: a.kernel(), B: b.kernel(), Alpha: Alpha, Notes: notes(a, b), Tests: []Test{}, Splats: []Splat{}}
	both := 0
	for _, p := range pairs(a, b) {
		t := p.test()
		if t.A.Of() > 0 && t.B.Of() > 0 && t.ID != results.WholeID {
			both++
		}
		c.Tests = append(c.Tests, t)
	}
	if both == 0 && a.came() && b.came() {
		return nil, blame.On(blame.Usage, fmt.Errorf("%s and %s have no test in common that ran on both: expected runs of the same tests, such as 'uetest run --on A,B'", a.Name, b.Name))
	}
	c.call()
	c.Splats = append(c.Splats, splats(a, b, c.Tests)...)
	return c, nil
}

// came reports whether the kernel booted in any of its runs.
func (s Side) came() bool {
	for _, r := range s.Runs {
		if r.Came() {
			return true
		}
	}
	return false
}

func (s Side) kernel() Kernel {
	k := Kernel{Name: s.Name, Record: s.Record, Runs: len(s.Runs)}
	for _, r := range s.Runs {
		if r.Came() {
			k.Release, k.Generation = r.Guest.Release, r.Generation
			break
		}
	}
	return k
}

// comparable is the error of two sides that can't be compared.
func comparable(a, b Side) error {
	switch {
	case len(a.Runs) == 0 || len(b.Runs) == 0:
		return errors.New("expected two kernels that were tested: one of them has no run")
	case a.Series != "" && b.Series != "" && a.Series != b.Series:
		return fmt.Errorf("%s was tested for series %s and %s for series %s: expected two runs of one series", a.Name, a.Series, b.Name, b.Series)
	}
	return sameCatalogue(a, b)
}

// sameCatalogue is the error of sides that were judged by catalogues that expect
// different things of the same kernel. Then verdicts mean different things.
func sameCatalogue(a, b Side) error {
	type expected struct{ saw, promise, fault string }
	type place struct{ generation, variant, arch, id string }
	seen := map[place]expected{}
	changed, first := 0, ""
	for i, s := range []Side{a, b} {
		told := map[string]bool{}
		for _, run := range s.Runs {
			if !run.Came() {
				continue
			}
			for _, t := range run.Tests {
				if run.Kernel.Expects[t.ID] != "" || told[t.ID] {
					continue // the series expects it otherwise, and says why
				}
				told[t.ID] = true
				at := place{run.Generation, run.Kernel.Variant, arch(run), t.ID}
				now := expected{t.Expected, t.Promise, t.Fault}
				before, ok := seen[at]
				if i == 1 && ok && before != now {
					if changed++; first == "" {
						first = t.ID
					}
				}
				seen[at] = now
			}
		}
	}
	if changed == 0 {
		return nil
	}
	return fmt.Errorf("%s and %s were judged by different catalogues: of a kernel of one generation they expect something else of %s%s (uetest %s and %s): test both with the same uetest",
		a.Name, b.Name, first, andMore(changed-1), orUnknown(a.Uetest), orUnknown(b.Uetest))
}

func andMore(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(" and of %d more", n)
}

func orUnknown(s string) string {
	if s == "" {
		return "of an unknown revision"
	}
	return s
}

func arch(r *results.Run) string {
	if r.Kernel.Arch != "" {
		return r.Kernel.Arch
	}
	return r.Guest.Machine
}

// notes are what else is not the same on both sides and may be the reason for a
// difference.
func notes(a, b Side) []string {
	list := []string{}
	x, y := a.Runs[0], b.Runs[0]
	for _, n := range []struct{ what, a, b string }{
		{"architecture", arch(x), arch(y)},
		{"variant", x.Kernel.Variant, y.Kernel.Variant},
		{"accelerator", x.Accel, y.Accel},
		{"compiler", x.Kernel.Compiler, y.Kernel.Compiler},
		{"QEMU", x.QEMU, y.QEMU},
		{"machine", fmt.Sprint(x.Machine), fmt.Sprint(y.Machine)},
		{"limit for a test", a.Timeout, b.Timeout},
		{"selection of tests", x.Select, y.Select},
		{"uetest", a.Uetest, b.Uetest},
	} {
		if n.a != n.b {
			list = append(list, fmt.Sprintf("%s: %s, and %s", n.what, orNone(n.a), orNone(n.b)))
		}
	}
	return list
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

package compare

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"uetest/internal/blame"
	"uetest/internal/console"
	"uetest/internal/results"
	"uetest/internal/runs"
	"uetest/internal/wire"
)

// The results of one test, a letter a run: kept (or k, seeing the same as the
// other side), Fault, Regressed, unknown fault (U), crash (E), skipped, missing, or
// x, a fault that shows no longer.
var letters = map[rune]results.Test{
	'K': {Verdict: results.AsExpected, Saw: "a=1"},
	'J': {Verdict: results.AsExpected, Saw: "a=2"},
	'F': {Verdict: results.KnownFault, Saw: "a=3", Fault: "missed", Detail: "missed"},
	'G': {Verdict: results.KnownFault, Saw: "a=4", Fault: "stale", Detail: "stale"},
	'R': {Verdict: results.Regressed, Saw: "a=0", Detail: "a=0, not 1"},
	'Q': {Verdict: results.Regressed, Saw: "a=9", Detail: "a=9, not 1"},
	'U': {Verdict: results.UnknownFault, Saw: "a=1", Detail: "oops"},
	'E': {Verdict: results.Errored, Detail: "crashed"},
	'S': {Verdict: results.Skipped, Detail: "needs swap"},
	'M': {Verdict: results.Missing, Detail: "interrupted"},
	'X': {Verdict: results.Fixed, Saw: "a=1", Fault: "missed"},
}

// side makes a kernel's runs of tests "id=KKKR", the nth of each in run n. A blank
// is a run that does not have it.
func side(name, generation string, tests ...string) Side {
	s := Side{Name: name, Record: "1"}
	for _, t := range tests {
		id, list, _ := strings.Cut(t, "=")
		for i, c := range list {
			for len(s.Runs) <= i {
				s.Runs = append(s.Runs, &results.Run{Kernel: results.Kernel{Name: name}, Generation: generation, Guest: wire.Guest{Release: "6.1-" + name}})
			}
			if c != ' ' {
				r := letters[c]
				r.ID = id
				s.Runs[i].Tests = append(s.Runs[i].Tests, r)
			}
		}
	}
	return s
}

func rep(s string, n int) string { return strings.Repeat(s, n) }

func TestClassOfATest(t *testing.T) {
	for _, tt := range []struct {
		a, b  string
		class Class
		why   string // part of it
		says  string // counts
		need  int
	}{
		// The catalogue decides, however few runs there are.
		{"K", "K", Same, "", "", 0},
		{"K", "J", Promised, "a=2, not 1", "", 0},
		{"K", "F", Broken, "missed", "", 0},
		{"F", "K", Fixed, "missed", "", 0},
		{"F", "F", Same, "", "", 0},
		{"F", "G", Broken, "stale, in place of missed", "", 0},
		{rep("K", 20), rep("J", 20), Promised, "", "", 0},
		{"S", "S", Same, "", "", 0},
		{"K", "X", Same, "", "", 0},
		{"J", "X", Promised, "", "", 0},

		// One against one that differ: nobody knows.
		{"K", "R", Unsure, "regressed: a=0, not 1", "1/1 → 0/1", 4},
		{"K", "U", Unsure, "unknown fault: oops", "1/1 → 0/1", 4},
		{"K", "E", Unsure, "error: crashed", "1/1 → 0/1", 4},
		{"R", "K", Unsure, "on base: regressed", "0/1 → 1/1", 4},
		{"F", "R", Unsure, "regressed", "1/1 → 0/1", 4},
		{"F", "X", Unsure, "known fault", "0/1 → 1/1", 4},
		{"KKK", "RRR", Unsure, "regressed", "3/3 → 0/3", 4},
		{"KKKK", "RRRR", Regressed, "regressed: a=0, not 1", "4/4 → 0/4", 0},
		{"RRRR", "KKKK", Fixed, "on base: regressed: a=0, not 1", "0/4 → 4/4", 0},
		{"FFFF", "RRRR", Regressed, "regressed", "4/4 → 0/4", 0},

		// Flaky ones.
		{rep("K", 20), rep("K", 13) + rep("R", 7), Regressed, "regressed", "20/20 → 13/20", 0},
		{rep("K", 20), rep("K", 19) + "R", Unsure, "regressed", "20/20 → 19/20", 111},
		{rep("K", 19) + "R", rep("K", 5) + rep("R", 15), Regressed, "", "19/20 → 5/20", 0},
		{rep("K", 5) + rep("R", 15), rep("K", 19) + "R", Fixed, "", "5/20 → 19/20", 0},
		{rep("K", 19) + "R", rep("K", 18) + "RR", Flaky, "", "19/20 → 18/20", 0},
		{"KR", "RK", Flaky, "", "1/2 → 1/2", 0},
		{"KRU", "EK", Flaky, "", "1/3 → 1/2", 0},
		// A fault that shows now and then, and one that never does.
		{rep("F", 15) + rep("X", 5), rep("K", 20), Fixed, "missed", "5/20 → 20/20", 0},
		{rep("K", 20), rep("F", 10) + rep("K", 10), Broken, "missed", "20/20 → 10/20", 0},
		{rep("K", 20), rep("F", 10) + rep("R", 10), Regressed, "", "20/20 → 10/20", 0},
		{rep("K", 20), rep("F", 19) + "R", Broken, "missed", "20/20 → 0/20", 0},
		{rep("K", 10) + rep("R", 10), rep("F", 20), Broken, "missed", "10/20 → 0/20", 0},
		{rep("F", 20), rep("F", 13) + rep("U", 7), Regressed, "oops", "20/20 → 13/20", 0},

		// Neither does what it should.
		{"RRR", "RRR", Same, "not as expected on either", "", 0},
		{"RRR", "QQQ", Unsure, "in different ways", "", 0},

		// Nothing to compare with.
		{"K", "S", OnlyOne, "base alone: skipped on rfc: needs swap", "", 0},
		{"S", "R", OnlyOne, "rfc alone: skipped on base", "", 0},
		{"K", "M", OnlyOne, "base alone: on rfc it never reported: interrupted", "", 0},
		{"K", " ", OnlyOne, "base alone: it does not apply to generation g1", "", 0},
		{" ", "K", OnlyOne, "rfc alone: it does not apply to generation g0", "", 0},
		{"K", "SM", OnlyOne, "base alone: on rfc it never reported: interrupted", "", 0},
		{"K", "MS", OnlyOne, "base alone: on rfc it never reported: interrupted", "", 0},
		{"M", "M", Unsure, "no result on either", "", 0},
		// What is missing or skipped in a run does not count.
		{"KKKKM", "SRRRR", Regressed, "", "4/4 → 0/4", 0},
	} {
		t.Run(tt.a+" "+tt.b, func(t *testing.T) {
			// A test of which all is well makes two sides comparable.
			c, err := Of(side("base", "g0", "a/one="+tt.a, "z/same="+rep("K", len(tt.a))), side("rfc", "g1", "a/one="+tt.b, "z/same="+rep("K", len(tt.b))))
			if err != nil {
				t.Fatal(err)
			}
			got := c.Tests[1]
			says := ""
			if got.Counts != nil {
				says = got.Counts.String()
			}
			if got.ID != "a/one" || got.Class != tt.class || !strings.Contains(got.Why, tt.why) || says != tt.says || got.Need != tt.need {
				t.Errorf("got %q (%s) %s, %d would tell; want %q (%s) %s, %d", got.Class, got.Why, says, got.Need, tt.class, tt.why, tt.says, tt.need)
			}
			if c.Tests[0].ID != results.WholeID || c.Tests[0].Class != Same || c.Tests[2].Class != Same {
				t.Errorf("the others: %+v", c.Tests)
			}
			want := 0
			if tt.class == Regressed {
				want = int(blame.Test)
			}
			if c.Exit() != want {
				t.Errorf("exit code %d, want %d", c.Exit(), want)
			}
			if says != "" {
				n := got.Counts
				if p := Fisher(n.A, n.AOf, n.B, n.BOf); p != n.P || n.Called != (tt.class != Unsure && tt.class != Flaky) {
					t.Errorf("counts %+v, p %g", n, p)
				}
			}
		})
	}
}

// A difference that would be called if it were alone is not where as many others
// could have come out so; a test that does the same each time is none of these.
func TestThresholdAllowsForWhatVaries(t *testing.T) {
	compared := func(others int, a, b string) *Comparison {
		x := []string{"a/one=" + rep("K", 20)}
		y := []string{"a/one=" + rep("K", 14) + rep("R", 6)}
		for i := range others {
			x, y = append(x, fmt.Sprintf("o/%d=%s", i, a)), append(y, fmt.Sprintf("o/%d=%s", i, b))
		}
		c, err := Of(side("base", "g0", x...), side("rfc", "g1", y...))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	flaky := rep("K", 10) + rep("R", 10)
	for _, tt := range []struct {
		name     string
		c        *Comparison
		class    Class
		family   int
		adjusted float64
	}{
		{"alone", compared(1, rep("K", 20), rep("K", 20)), Regressed, 1, 0.0202},
		{"among steady ones", compared(300, rep("K", 20), rep("J", 20)), Regressed, 1, 0.0202},
		{"among ones that failed once", compared(300, rep("K", 20), rep("K", 19)+"R"), Regressed, 1, 0.0202},
		{"among flaky ones", compared(9, flaky, flaky), Unsure, 10, 0.202},
	} {
		got := tt.c.Tests[1]
		if got.Class != tt.class || tt.c.Family != tt.family || math.Abs(got.Counts.Adjusted-tt.adjusted) > 1e-3 {
			t.Errorf("%s: %q, %d in the family, adjusted %.4f; want %q, %d, %.4f", tt.name, got.Class, tt.c.Family, got.Counts.Adjusted, tt.class, tt.family, tt.adjusted)
		}
	}
	if c := compared(9, flaky, flaky); c.Need() < 21 || c.Tests[1].Need != c.Need() {
		t.Errorf("%d runs would tell; 20 do not", c.Need())
	}
}

// What docs/compare.md says of tests that never fail on one side and always on the
// other.
func TestRunsThatTellHowManyTests(t *testing.T) {
	for tests, want := range map[int]int{1: 4, 24: 7, 300: 8} {
		if got := need(&Counts{A: 1, AOf: 1, B: 0, BOf: 1}, tests); got != want {
			t.Errorf("%d tests: %d runs, want %d", tests, got, want)
		}
	}
}

func TestWholeKernelIsComparedToo(t *testing.T) {
	dead := side("rfc", "", "a/one=M")
	dead.Runs[0].Guest, dead.Runs[0].Fatal = wire.Guest{}, blame.Kernel
	c, err := Of(side("base", "g0", "a/one=K"), dead)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Tests[0]; got.Class != Regressed || got.Why != "it does not boot" || c.Exit() != 1 {
		t.Errorf("a kernel that does not boot: %+v", got)
	}
	// Of a kernel of which nobody declared what it is no test is known, then.
	undeclared := side("rfc", "", "a/one= ")
	undeclared.Runs[0].Guest, undeclared.Runs[0].Fatal = wire.Guest{}, blame.Kernel
	if c, err = Of(side("base", "g0", "a/one=K"), undeclared); err != nil {
		t.Fatal(err)
	}
	if got := c.Tests[1]; got.Class != OnlyOne || got.Why != "base alone: rfc did not come up" {
		t.Errorf("a test of a kernel that did not come up on the other side: %+v", got)
	}
	interrupted := side("rfc", "g1", "a/one=KKM")
	interrupted.Runs[2].Fatal = blame.User
	c, err = Of(side("base", "g0", "a/one=KKK"), interrupted)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Tests[0]; got.Class != Same || got.B.Missing != 1 || c.Tests[1].Class != Same {
		t.Errorf("one that was interrupted: %+v", got)
	}
	splat := side("rfc", "g1", "a/one=KKKK")
	for _, r := range splat.Runs {
		r.Splats = []console.Splat{{Title: "oops"}}
	}
	c, err = Of(side("base", "g0", "a/one=KKKK"), splat)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Tests[0]; got.Class != Regressed || got.Why != "unknown fault: oops" {
		t.Errorf("one that oopses outside of tests: %+v", got)
	}
}

// Tests stand in the order of the catalogue, also those of one side alone.
func TestOrderIsThatOfTheRuns(t *testing.T) {
	c, err := Of(side("base", "g0", "a/1=KK", "b/2=K ", "c/3=KK"), side("rfc", "g1", "a/1=KK", "b/4=KK", "c/3=KK", "d/5= K"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, test := range c.Tests {
		got = append(got, test.ID)
	}
	if want := "boot/kernel a/1 b/4 b/2 c/3 d/5"; strings.Join(got, " ") != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestSplatsAreNewGoneOrOnBoth(t *testing.T) {
	with := func(s Side, run int, id, title, allowed string) {
		splat := console.Splat{Title: title, Allowed: allowed}
		if id == "" {
			s.Runs[run].Splats = append(s.Runs[run].Splats, splat)
			return
		}
		for i := range s.Runs[run].Tests {
			if test := &s.Runs[run].Tests[i]; test.ID == id {
				test.Splats = append(test.Splats, splat)
			}
		}
	}
	a, b := side("base", "g0", "a/1=KK", "a/2=KK", "a/3=KK"), side("rfc", "g1", "a/1=KK", "a/2=KF", "b/1=UU")
	with(a, 0, "a/1", "old", "")
	with(b, 0, "a/1", "old", "")
	with(b, 1, "a/2", "old", "")
	with(b, 1, "a/2", "known", "")
	with(b, 0, "b/1", "alone", "")
	with(b, 0, "", "outside", "nobody minds")
	with(b, 1, "", "outside", "nobody minds")
	with(a, 0, "a/3", "gone with its test", "")
	with(a, 1, "a/1", "gone", "")
	c, err := Of(a, b)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range c.Splats {
		got = append(got, strings.TrimSpace(fmt.Sprintf("%s %s %d/%d %d/%d %v %s %s alone=%v", s.Where, s.Title, s.A, s.AOf, s.B, s.BOf, s.In, s.Fault, s.Allowed, s.Alone)))
		if s.First == nil || s.First.Title != s.Title || s.P != Fisher(s.A, s.AOf, s.B, s.BOf) {
			t.Errorf("%+v", s)
		}
	}
	want := []string{
		"new outside 0/2 2/2 [boot/kernel]  nobody minds alone=false",
		"new alone 0/2 1/2 [b/1]   alone=true",
		"new known 0/2 1/2 [a/2] missed  alone=false",
		"gone gone with its test 1/2 0/2 [a/3]   alone=true",
		"gone gone 1/2 0/2 [a/1]   alone=false",
		"on both old 1/2 2/2 [a/1 a/2] missed  alone=false",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestWhatCanNotBeComparedIsAnError(t *testing.T) {
	good := func() Side { return side("base", "g0", "a/one=K") }
	for name, tt := range map[string]struct {
		change func(a, b *Side)
		want   string
	}{
		"nothing ran":        {func(a, _ *Side) { a.Runs = nil }, "expected two kernels that were tested"},
		"nothing in common":  {func(_, b *Side) { b.Runs[0].Tests[0].ID = "b/two" }, "base and rfc have no test in common"},
		"other series":       {func(a, b *Side) { a.Series, b.Series = "rfc", "other" }, "base was tested for series rfc and rfc for series other"},
		"another catalogue":  {func(a, b *Side) { b.Runs[0].Tests[0].Expected = "a=7"; a.Uetest, b.Uetest = "111", "222" }, "expect something else of a/one (uetest 111 and 222): test both with the same uetest"},
		"another promise":    {func(_, b *Side) { b.Runs[0].Tests[0].Promise = "a=7" }, "different catalogues"},
		"one series":         {func(a, b *Side) { a.Series, b.Series = "rfc", "rfc" }, ""},
		"another generation": {func(_, b *Side) { b.Runs[0].Tests[0].Expected, b.Runs[0].Generation = "a=7", "g1" }, ""},
		"another variant":    {func(_, b *Side) { b.Runs[0].Tests[0].Expected, b.Runs[0].Kernel.Variant = "a=7", "kasan" }, ""},
		"another machine":    {func(_, b *Side) { b.Runs[0].Tests[0].Expected, b.Runs[0].Kernel.Arch = "a=7", "arm64" }, ""},
		"the series has its own": {func(_, b *Side) {
			b.Runs[0].Tests[0].Expected, b.Runs[0].Kernel.Expects = "a=7", map[string]string{"a/one": "it is so"}
		}, ""},
	} {
		a, b := good(), good()
		b.Name = "rfc"
		tt.change(&a, &b)
		_, err := Of(a, b)
		if (err == nil) != (tt.want == "") || err != nil && (!strings.Contains(err.Error(), tt.want) || blame.Of(err) != blame.Usage) {
			t.Errorf("%s: got %v, want %q", name, err, tt.want)
		}
	}
}

func TestNotesSayWhatElseIsNotTheSame(t *testing.T) {
	a, b := side("base", "g0", "a/one=K"), side("rfc", "g1", "a/one=K")
	b.Timeout = "1s"
	b.Runs[0].Accel, a.Runs[0].Accel, b.Runs[0].Select = "kvm", "tcg", "a/.*"
	c, err := Of(a, b)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(c.Notes, "; "); got != "accelerator: tcg, and kvm; limit for a test: none, and 1s; selection of tests: none, and a/.*" {
		t.Errorf("got %q", got)
	}
}

// recordOf is a record of kernels, one a name.
func recordOf(id string, names ...string) *runs.Record {
	rec := &runs.Record{ID: id}
	for _, name := range names {
		base, arch, _ := strings.Cut(name, "@")
		rec.Runs = append(rec.Runs, &results.Run{Kernel: results.Kernel{Name: base, Arch: arch}, Guest: wire.Guest{Release: "6"}, Tests: []results.Test{{ID: "a/one", Verdict: results.AsExpected}}})
	}
	return rec
}

func TestKernelsAreThoseThatAreNamed(t *testing.T) {
	two, three, one := recordOf("2", "base", "rfc", "base", "rfc"), recordOf("3", "base", "rfc", "mine"), recordOf("1", "rfc")
	other := recordOf("4", "rfc")
	for _, tt := range []struct {
		first, second *runs.Record
		a, b          string
		want          string
	}{
		{two, two, "", "", "base rfc"},
		{two, two, "rfc", "base", "rfc base"},
		{two, one, "base", "", "base rfc"},
		{one, other, "", "", "rfc of 1 rfc of 4"},
		{two, one, "rfc", "rfc", "rfc of 2 rfc of 1"},
		{three, three, "", "", "run 3 has 3 kernels, base, rfc, mine: say which two with --on A,B"},
		{one, one, "", "", "run 1 has one kernel, rfc: expected two, as 'uetest run --on A,B'"},
		{recordOf("0"), recordOf("0"), "", "", "run 0 has no kernel"},
		{three, one, "", "", "run 3 has 3 kernels, base, rfc, mine: say which with --on"},
		{two, two, "base", "nosuch", "run 2 has no kernel nosuch: it has 2 kernels, base, rfc"},
	} {
		a, b, err := Pick(tt.first, tt.second, tt.a, tt.b)
		got := a.Name + " " + b.Name
		if err != nil {
			got = err.Error()
		}
		if !strings.HasPrefix(got, tt.want) {
			t.Errorf("%q, want %q", got, tt.want)
		}
		if tt.first == two && err == nil && len(a.Runs) != 2 {
			t.Errorf("%s has %d runs, want 2", a.Name, len(a.Runs))
		}
	}
}

func TestEachKernelOfARecordIsComparedWithTheFirst(t *testing.T) {
	for _, tt := range []struct {
		rec  *runs.Record
		want string
	}{
		{recordOf("1", "rfc"), ""},
		{recordOf("1", "rfc", "rfc"), ""},
		{recordOf("1", "base", "rfc", "base", "rfc"), "base-rfc:2"},
		{recordOf("1", "stable", "base", "rfc"), "stable-base:1 stable-rfc:1"},
		{recordOf("1", "base", "rfc", "base@arm64", "rfc@arm64"), "base-rfc:1 base@arm64-rfc@arm64:1"},
	} {
		all, err := Within(tt.rec)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, c := range all {
			got = append(got, fmt.Sprintf("%s-%s:%d", c.A.Name, c.B.Name, c.B.Runs))
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
	each := recordOf("1", "rfc~1", "rfc")
	each.Runs[0].Prefix = &results.Prefix{}
	if all, err := Within(each); all != nil || err != nil {
		t.Errorf("a series patch by patch: %v, %v", all, err)
	}
}

func TestPvalueIsShort(t *testing.T) {
	for p, want := range map[float64]string{1: "p=1.00", 0.4857: "p=0.49", 0.0083: "p=0.008", 0.05: "p=0.05", 0.00053: "p=5e-04", 1e-30: "p=1e-30", 0: "p<1e-99"} {
		if got := Pvalue(p); got != want {
			t.Errorf("%g: %q, want %q", p, got, want)
		}
	}
}

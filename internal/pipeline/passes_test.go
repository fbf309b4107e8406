package pipeline

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"uetest/internal/blame"
	"uetest/internal/patch"
	"uetest/internal/results"
	"uetest/kernel-patches"
	"uetest/selftests/catalog"
)

func ids(tests []catalog.Test) []string {
	var list []string
	for _, t := range tests {
		list = append(list, t.ID)
	}
	return list
}

// The order of a seed is told to people, who ask for it again later, on another
// kernel and with other tests.
func TestOrderOfASeedStaysTheSame(t *testing.T) {
	var tests []catalog.Test
	for _, id := range strings.Split("a/1 a/2 a/3 b/4 b/5 b/6", " ") {
		tests = append(tests, catalog.Test{ID: id})
	}
	for seed, want := range map[uint64]string{
		0: "a/1 a/2 a/3 b/4 b/5 b/6",
		7: "a/2 a/3 b/6 a/1 b/5 b/4",
		8: "b/6 a/2 b/4 b/5 a/3 a/1",
	} {
		if got := strings.Join(ids(shuffled(tests, seed)), " "); got != want {
			t.Errorf("seed %d: %s, want %s", seed, got, want)
		}
		some := slices.DeleteFunc(strings.Split(want, " "), func(id string) bool { return id == "b/4" })
		got := ids(shuffled(slices.Concat(tests[:3], tests[4:]), seed))
		if !slices.Equal(got, some) {
			t.Errorf("seed %d without b/4: %s, want %s", seed, got, some)
		}
	}
	if got := ids(tests); strings.Join(got, " ") != "a/1 a/2 a/3 b/4 b/5 b/6" {
		t.Errorf("the tests themselves are now %s", got)
	}
}

func TestEachPassHasASeedOfItsOwn(t *testing.T) {
	cfg := &Config{Shuffle: 7}
	for pass, want := range []uint64{7, 7, 8, 9} { // 0: the only one
		if got := cfg.seed(pass); got != want {
			t.Errorf("pass %d: seed %d, want %d", pass, got, want)
		}
	}
	if got := (&Config{}).seed(3); got != 0 {
		t.Errorf("without --shuffle: seed %d", got)
	}
}

func TestWhenThePassesEnd(t *testing.T) {
	good := []*results.Run{{Tests: []results.Test{{Verdict: results.AsExpected}}}}
	bad := []*results.Run{good[0], {Tests: []results.Test{{Verdict: results.Regressed}}}}
	for _, tt := range []struct {
		name    string
		cfg     Config
		pass    int
		list    []*results.Run
		through bool
	}{
		{"once", Config{}, 1, good, true},
		{"the first of two", Config{Count: 2}, 1, good, false},
		{"the first of two, and one failed", Config{Count: 2}, 1, bad, false},
		{"the second of two", Config{Count: 2}, 2, good, true},
		{"until one fails", Config{UntilFail: true}, 1000, good, false},
		{"until one fails, and it has", Config{UntilFail: true}, 3, bad, true},
		{"until one fails, twice at most", Config{UntilFail: true, Count: 2}, 1, good, false},
		{"until one fails, and that was the last", Config{UntilFail: true, Count: 2}, 2, good, true},
	} {
		if got := tt.cfg.through(tt.pass, tt.list); got != tt.through {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}

func TestPassesThatGoWithNothingElse(t *testing.T) {
	for _, tt := range []struct {
		cfg  Config
		want string
	}{
		{Config{}, ""},
		{Config{Count: 1, Each: true}, ""},
		{Config{Count: 2}, ""},
		{Config{Count: -1}, "--count -1: expected 1 to 10000"},
		{Config{Count: MaxPasses + 1}, "expected 1 to 10000"},
		{Config{Count: 2, Each: true}, "--each and --count or --until-fail"},
		{Config{Below: true}, "--compare goes with --patch"},
		{Config{Below: true, Each: true, Patches: []*patch.Patch{{}}}, "--each and --compare"},
	} {
		err := tt.cfg.passFlags()
		if (err == nil) != (tt.want == "") || err != nil && (!strings.Contains(err.Error(), tt.want) || blame.Of(err) != blame.Usage) {
			t.Errorf("%+v: got %v, want %q", tt.cfg, err, tt.want)
		}
	}
}

func TestKernelWithoutThePatchesComesBeforeTheOneWith(t *testing.T) {
	series, err := kernelpatches.Load("rfc")
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{Series: series, Kernels: []string{"base", "rfc"}, Arches: []string{"x86_64", "arm64"}, Patches: []*patch.Patch{{Name: "fix.patch"}}, Below: true}
	targets, err := cfg.targets()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, target := range targets {
		got = append(got, fmt.Sprintf("%s:%d", target.name, len(target.top)))
	}
	if want := "base:0 base+fix:1 rfc:0 rfc+fix:1 base@arm64:0 base+fix@arm64:1 rfc@arm64:0 rfc+fix@arm64:1"; strings.Join(got, " ") != want {
		t.Errorf("got %s, want %s", strings.Join(got, " "), want)
	}
	if asked := cfg.Asked().Kernels; strings.Join(asked, " ") != "base base+fix rfc rfc+fix" {
		t.Errorf("the record has %s", asked)
	}
}

// Kernels that take turns each have a run a pass, in this order, and the tests of
// a pass run in the same order on each.
func TestKernelsTakeTurns(t *testing.T) {
	if testing.Short() {
		t.Skip("boots kernels; not with -short")
	}
	t.Parallel()
	series, err := kernelpatches.Load("rfc")
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{
		Root: root(t), Cache: sharedCache(t), Series: series, Kernels: []string{"base", "rfc"}, Accel: "tcg",
		Select: regexp.MustCompile("^enable/event-file.*$"), Count: 2, Shuffle: 7,
	}
	list, err := Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range list {
		got = append(got, r.Kernel.Name+strings.Repeat("'", r.Pass))
		if r.Exit() != 0 || r.Shuffle != uint64(6+r.Pass) || len(r.Order) != len(r.Tests) || len(r.Tests) < 2 {
			t.Errorf("%s: exit code %d, seed %d, order %s of %d tests", r.Label(), r.Exit(), r.Shuffle, r.Order, len(r.Tests))
		}
		if slices.SortedFunc(slices.Values(r.Order), strings.Compare)[0] != r.Tests[0].ID {
			t.Errorf("results are not in the order of the catalogue: %s first", r.Tests[0].ID)
		}
	}
	if strings.Join(got, " ") != "base' rfc' base'' rfc''" {
		t.Errorf("got %s", got)
	}
	if !slices.Equal(list[0].Order, list[1].Order) || slices.Equal(list[0].Order, list[2].Order) {
		t.Errorf("orders %s, %s, %s: expected the same on both kernels, and another in the next pass", list[0].Order, list[1].Order, list[2].Order)
	}
}

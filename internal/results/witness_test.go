package results

import (
	"strings"
	"testing"

	"uetest/selftests/catalog"
)

// witnessed is a run on g3 in which upstream's functions said what they should
// and the tests saw what they expect.
func witnessed() *Run {
	run := &Run{Generation: string(catalog.G3)}
	for _, t := range append(catalog.WitnessedTests(catalog.G3), catalog.WitnessPrograms(catalog.G3)...) {
		e, _ := t.On(catalog.G3)
		run.Tests = append(run.Tests, Test{ID: t.ID, Saw: e.Saw, Verdict: AsExpected})
	}
	return run
}

func (r *Run) test(id string) *Test {
	for i := range r.Tests {
		if r.Tests[i].ID == id {
			return &r.Tests[i]
		}
	}
	return nil
}

func TestTestimonyAgreesOnlyIfBothSayWhatTheyShould(t *testing.T) {
	say := func(program, old, said string) func(*Run) {
		return func(r *Run) {
			test := r.test("witness/" + program)
			test.Saw = strings.Replace(test.Saw, old, said, 1)
		}
	}
	for _, c := range []struct {
		name   string
		change func(*Run)
		// the functions that disagree, and what is said of the first
		disagree []string
		says     string
	}{
		{"all as it should be", func(*Run) {}, nil, ""},
		{"theirs fails", say("ftrace", "user.print_fmt=ok", "user.print_fmt=not-ok"), []string{"user.print_fmt"}, "says not-ok, want ok"},
		{"theirs is skipped", say("ftrace", "user.print_fmt=ok", "user.print_fmt=skipped"), []string{"user.print_fmt"}, "says skipped, want ok"},
		{"theirs is silent", say("perf", "user.perf_write=ok ", ""), []string{"user.perf_write"}, "no result"},
		{"the program died", func(r *Run) { r.test("witness/perf").Saw = "" }, []string{"user.perf_write", "user.perf_empty_events"}, "no result"},
		{"a function nobody knows", say("perf", "user.perf_write=ok", "user.perf_write=ok user.perf_new=ok"), []string{"user.perf_new"}, "knows nothing"},
		{"one that races fails", say("dyn", "user.basic_types=ok", "user.basic_types=not-ok"), nil, ""},
		{"one that races is skipped", say("dyn", "user.basic_types=ok", "user.basic_types=skipped"), []string{"user.basic_types"}, "skipped"},
		{"ours regressed", func(r *Run) { r.test("write/perf-sample").Verdict = Regressed }, []string{"user.perf_write"}, "write/perf-sample is regressed"},
		{"ours is a known fault", func(r *Run) { r.test("write/perf-sample").Verdict = KnownFault }, []string{"user.perf_write"}, "known fault"},
		{"ours did not run", func(r *Run) { r.test("write/perf-sample").ID = "other/one" }, []string{"user.perf_write"}, "1 of the 2 tests ran"},
	} {
		t.Run(c.name, func(t *testing.T) {
			run := witnessed()
			c.change(run)
			var disagree []string
			says := ""
			for _, testimony := range Testify(run) {
				if d := testimony.Disagreement(); d != "" {
					if len(disagree) == 0 {
						says = d
					}
					disagree = append(disagree, testimony.Function)
				}
			}
			if strings.Join(disagree, " ") != strings.Join(c.disagree, " ") || !strings.Contains(says, c.says) {
				t.Errorf("%q disagree: %s; want %q: %s", disagree, says, c.disagree, c.says)
			}
		})
	}
}

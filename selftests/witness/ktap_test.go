package main

import (
	"slices"
	"strings"
	"testing"
)

// Printed by the programs of 6.12 and of 6.1.
const (
	passed = `TAP version 13
1..2
# Starting 2 tests from 1 test cases.
#  RUN           user.perf_write ...
WARNING: Clear didn't work!
#            OK  user.perf_write
ok 1 user.perf_write
#  RUN           user.perf_empty_events ...
# tools/testing/selftests/user_events/perf_test.c:213:perf_empty_events:Expected 0 (0) == ioctl(self->data_fd, DIAG_IOCSREG, &reg) (-1)
# perf_empty_events: Test terminated by assertion
#          FAIL  user.perf_empty_events
not ok 2 user.perf_empty_events
# FAILED: 1 / 2 tests passed.
# Totals: pass:1 fail:1 xfail:0 xpass:0 skip:0 error:0
`
	skipped61 = `TAP version 13
1..1
#  RUN           user.flags ...
#      SKIP      no tracefs
#            OK  user.flags
ok 1 # SKIP no tracefs
`
	skipped612 = `TAP version 13
1..1
#  RUN           user.flags ...
#      SKIP      Skipping due to: user_events is not installed
#            OK  user.flags
ok 1 user.flags # SKIP Skipping due to: user_events is not installed
`
)

func TestResultsOfAProgramAreReadWhole(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       []result
		err        string // contained; empty: none
	}{
		{"passed and failed", passed, []result{{"user.perf_write", "ok"}, {"user.perf_empty_events", "not-ok"}}, ""},
		{"skipped in 6.1", skipped61, []result{{"user.flags", "skipped"}}, ""},
		{"skipped in 6.12", skipped612, []result{{"user.flags", "skipped"}}, ""},
		{"nothing", "", nil, "no plan"},
		{"ended early", strings.Join(strings.SplitAfter(passed, "\n")[:7], ""), nil, "1 results, and 2 were planned"},
		{"died in a function", strings.Join(strings.SplitAfter(passed, "\n")[:4], ""), nil, "while user.perf_write ran"},
		{"number left out", strings.Replace(passed, "not ok 2", "not ok 3", 1), nil, "want the number 2"},
		{"another's result", strings.Replace(passed, "ok 1 user.perf_write", "ok 1 user.other", 1), nil, "while user.perf_write runs"},
		{"result of nobody", "1..1\nok 1 user.a\n", nil, "no function runs"},
		{"no result between", strings.Replace(passed, "ok 1 user.perf_write\n", "", 1), nil, "has no result yet"},
		{"bad plan", "1..x\n", nil, "no plan"},
		{"no name", "#  RUN            ...\n", nil, "names no function"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := parse(strings.Split(strings.TrimSuffix(c.text, "\n"), "\n"))
			if (err != nil) != (c.err != "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Fatalf("error %v, want %q", err, c.err)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

const listed = `# FIXTURE            VARIANT                   TEST
global                                         
--------------------------------------------------------------------------------
user                                           enablement
                                               flags
`

func TestFunctionsAreListedByTheNameThatTheyReport(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       []string
		fails      bool
	}{
		{"two", listed, []string{"user.enablement", "user.flags"}, false},
		{"none", "# FIXTURE\nglobal\n", nil, true},
		{"variant", listed + "user                 fast                      forks\n", nil, true},
		{"no fixture", "                                               flags\n", nil, true},
		{"results instead of a list", passed, nil, true},
	} {
		got, err := functions(strings.Split(c.text, "\n"))
		if (err != nil) != c.fails || !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, %v", c.name, got, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{passed, skipped61, skipped612, listed, "1..1\nok 1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		lines := strings.Split(text, "\n")
		if results, err := parse(lines); err == nil {
			for _, r := range results {
				if r.function == "" || strings.ContainsAny(r.function, " \t=") || !slices.Contains([]string{"ok", "not-ok", "skipped"}, r.said) {
					t.Errorf("result %+v", r)
				}
			}
			if len(results) == 0 {
				t.Error("no results, and no error")
			}
		}
		if names, err := functions(lines); err == nil {
			for _, n := range names {
				if strings.ContainsAny(n, " \t=") || !strings.Contains(n, ".") {
					t.Errorf("function %q", n)
				}
			}
		}
	})
}

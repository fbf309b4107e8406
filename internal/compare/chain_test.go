package compare

import (
	"fmt"
	"strings"
	"testing"

	"uetest/internal/results"
)

// said makes a run of tests: "a=as expected/on b=missing/".
func said(name string, tests ...string) *results.Run {
	r := &results.Run{Kernel: results.Kernel{Name: name}}
	for _, t := range tests {
		id, rest, _ := strings.Cut(t, "=")
		verdict, saw, _ := strings.Cut(rest, "/")
		r.Tests = append(r.Tests, results.Test{ID: id, Verdict: results.Verdict(verdict), Saw: saw})
	}
	return r
}

func TestChangesAreToldWhereTheyCame(t *testing.T) {
	for name, tt := range map[string]struct {
		runs []*results.Run
		want []string
	}{
		"nothing":                      {[]*results.Run{said("0", "a=as expected/x"), said("1", "a=as expected/x")}, nil},
		"a verdict":                    {[]*results.Run{said("0", "a=as expected/x"), said("1", "a=regressed/y"), said("2", "a=regressed/y")}, []string{"a 0-1 verdict"}},
		"what was seen":                {[]*results.Run{said("0", "a=as expected/x"), said("1", "a=as expected/y")}, []string{"a 0-1"}},
		"there and back":               {[]*results.Run{said("0", "a=as expected/x"), said("1", "a=regressed/y"), said("2", "a=as expected/x")}, []string{"a 0-1 verdict", "a 1-2 verdict again"}},
		"across one that says nothing": {[]*results.Run{said("0", "a=as expected/x"), said("1"), said("2", "a=missing/"), said("3", "a=regressed/y")}, []string{"a 0-3 verdict"}},
		"a test that comes":            {[]*results.Run{said("0"), said("1", "a=regressed/y")}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, c := range Changes(tt.runs...) {
				s := fmt.Sprintf("%s %s-%s", c.ID, c.From.Kernel.Name, c.To.Kernel.Name)
				if c.Verdict() {
					s += " verdict"
				}
				if c.Again {
					s += " again"
				}
				got = append(got, s)
			}
			if fmt.Sprint(got) != fmt.Sprint(tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestAppliedCountsTestsThatComeAndGo(t *testing.T) {
	if came, went := Applied(said("0", "a=x/", "b=x/"), said("1", "b=x/", "c=x/", "d=x/")); came != 2 || went != 1 {
		t.Errorf("%d came and %d went, want 2 and 1", came, went)
	}
}

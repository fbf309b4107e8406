package pipeline

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"uetest/internal/console"
	"uetest/kernel-patches"
)

func TestAllowancesThatCoverNothingAreTold(t *testing.T) {
	series, err := kernelpatches.LoadFS("x", fstest.MapFS{
		"series.json": {Data: []byte(`{"title": "x", "source": "linux-source-6.1", "kernels": [{"name": "a", "title": "a"}, {"name": "b", "title": "b"}]}`)},
		"allow.json": {Data: []byte(`[
			{"title": "WARNING: .*", "tests": "fork/.*", "reason": "one"},
			{"title": "WARNING: .*", "reason": "two"},
			{"title": "RCU stall", "reason": "three"},
			{"title": "RCU stall", "on": ["b"], "reason": "four"}
		]`)},
	})
	if err != nil {
		t.Fatal(err)
	}
	list := newAllowlist(series, "a")
	for _, tt := range []struct{ test, title, reason string }{
		{"fork/one", "WARNING: mm/gup.c", "one"},
		{"fork/one", "lockdep", ""},
		{"", "RCU stall on CPU", ""},
	} {
		reason, ok := list.allows(tt.test, console.Splat{Title: tt.title})
		if reason != tt.reason || ok != (tt.reason != "") {
			t.Errorf("%s in %q: %q, %v; want %q", tt.title, tt.test, reason, ok, tt.reason)
		}
	}
	// That of the other kernel is not missed on this one.
	want := []string{"x/allow.json: entry 2: WARNING: .*", "x/allow.json: entry 3: RCU stall"}
	if got := list.unused(); !slices.Equal(got, want) {
		t.Errorf("not needed: %q, want %q", got, want)
	}
	if got := newAllowlist(nil, "vmlinux").unused(); len(got) > 0 {
		t.Errorf("without a series: %s", strings.Join(got, ", "))
	}
}

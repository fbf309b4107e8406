package results

import (
	"strings"
	"testing"

	"uetest/internal/blame"
	"uetest/internal/console"
	"uetest/internal/wire"
	"uetest/selftests/catalog"
)

// mayWarn allows warnings of kernel/x.c in tests of fork, and bad pages outside
// of tests.
func mayWarn(test string, s console.Splat) (string, bool) {
	if strings.HasPrefix(test, "fork/") && strings.HasPrefix(s.Title, "WARNING") && strings.Contains(s.Lines[0], "kernel/x.c") {
		return "x warns", true
	}
	return "pages are bad", test == "" && strings.HasPrefix(s.Title, "Bad page")
}

func TestAllowedSplatTurnsNoVerdict(t *testing.T) {
	warn := kmsg("WARNING: CPU: 0 PID: 1 at kernel/x.c:12 f+0x1/0x2")
	over := kmsg("---[ end trace 0 ]---")
	page := kmsg("BUG: Bad page state in process x  pfn:1")
	oops := kmsg("Oops: 0002 [#1] SMP")
	good := saw("parent=1", "child=1")
	join := func(parts ...any) []wire.Message {
		var all []wire.Message
		for _, p := range parts {
			switch p := p.(type) {
			case wire.Message:
				all = append(all, p)
			case []wire.Message:
				all = append(all, p...)
			}
		}
		return all
	}
	for _, tt := range []struct {
		name    string
		gen     catalog.Generation
		msgs    []wire.Message
		want    Verdict
		detail  string
		allowed int // splats of the test
		charged int
	}{
		{"an allowed one", catalog.G3, join(good, warn, end(wire.Done, "")), AsExpected, "", 1, 0},
		{"and what else is wrong", catalog.G3, join(saw("parent=1"), warn, end(wire.Done, "")), Regressed, "no child=1", 1, 0},
		{"and a test that crashed", catalog.G3, join(good, warn, end(wire.Crashed, "signal 11")), Errored, "crashed: signal 11", 1, 0},
		{"one that is not", catalog.G3, join(good, page, end(wire.Done, "")), UnknownFault, "Bad page state", 0, 1},
		{"one of each", catalog.G3, join(good, warn, over, page, end(wire.Done, "")), UnknownFault, "Bad page state", 1, 1},
		{"before the one that is provoked", catalog.G0, join(saw("parent=1"), warn, over, oops, end(wire.Crashed, "")), KnownFault, "oopses", 1, 1},
		{"an allowed one comes late", catalog.G3, join(good, end(wire.Done, ""), warn), AsExpected, "", 1, 0},
		{"one that is not comes late", catalog.G3, join(good, end(wire.Done, ""), warn, over, page), UnknownFault, "Bad page state, after the test had ended", 1, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			j := NewJudge(tt.gen, []catalog.Test{entry}, nil)
			j.Allow(mayWarn)
			g := j.Guest(1)
			for _, m := range tt.msgs {
				if _, err := g.Add(m); err != nil {
					t.Fatal(err)
				}
			}
			if g.Splatted() != (tt.charged > 0) {
				t.Errorf("the guest is fit for another test: %v", !g.Splatted())
			}
			tests, _ := j.Finish("")
			got := tests[0]
			charged := len(Charged(got.Splats))
			if got.Verdict != tt.want || got.Detail != tt.detail || charged != tt.charged || len(got.Splats)-charged != tt.allowed {
				t.Errorf("got %q (%s) with %d splats, %d of them allowed; want %q (%s) with %d and %d",
					got.Verdict, got.Detail, len(got.Splats), len(got.Splats)-charged, tt.want, tt.detail, tt.allowed+tt.charged, tt.allowed)
			}
		})
	}
}

// The report that a test provokes shows that the fault is there; to let it pass
// would make the fault look fixed.
func TestProvokedSplatIsNotAllowed(t *testing.T) {
	j := NewJudge(catalog.G0, []catalog.Test{entry}, nil)
	j.Allow(func(string, console.Splat) (string, bool) { return "all is well", true })
	g := j.Guest(1)
	for _, m := range append(saw("parent=1"), kmsg("Oops: 0002 [#1] SMP"), end(wire.Crashed, "")) {
		if _, err := g.Add(m); err != nil {
			t.Fatal(err)
		}
	}
	if tests, _ := j.Finish(""); tests[0].Verdict != KnownFault || len(Charged(tests[0].Splats)) != 1 {
		t.Errorf("got %q, %+v", tests[0].Verdict, tests[0].Splats)
	}
}

func TestAllowedSplatOutsideOfTestsIsNoFault(t *testing.T) {
	for _, tt := range []struct {
		line string
		exit int
	}{
		{"BUG: Bad page state in process x  pfn:1", 0},
		{"WARNING: CPU: 0 PID: 1 at kernel/x.c:12 f+0x1/0x2", 1}, // allowed in tests of fork alone
	} {
		j := NewJudge(catalog.G3, []catalog.Test{entry}, nil)
		j.Allow(mayWarn)
		g := j.Guest(1)
		for _, m := range append([]wire.Message{kmsg(tt.line)}, append(saw("parent=1", "child=1"), end(wire.Done, ""))...) {
			if _, err := g.Add(m); err != nil {
				t.Fatal(err)
			}
		}
		var run Run
		run.Tests, run.Splats = j.Finish("")
		if len(run.Splats) != 1 || run.Exit() != tt.exit {
			t.Errorf("%s: exit code %d, want %d; splats %+v", tt.line, run.Exit(), tt.exit, run.Splats)
		}
	}
}

// A guest that went away is no better for what it said before.
func TestLostGuestIsAFaultWhateverIsAllowed(t *testing.T) {
	j := NewJudge(catalog.G3, []catalog.Test{entry}, nil)
	j.Allow(func(string, console.Splat) (string, bool) { return "all is well", true })
	g := j.Guest(1)
	for _, m := range saw("parent=1") {
		if _, err := g.Add(m); err != nil {
			t.Fatal(err)
		}
	}
	r := g.Lost(entry.ID, "gone", blame.Kernel, console.Find([]string{"Oops: 0002 [#1] SMP"}))
	if r.Verdict != UnknownFault || r.Detail != "gone" || len(r.Splats) != 1 || r.Splats[0].Allowed == "" {
		t.Errorf("got %+v", r)
	}
}

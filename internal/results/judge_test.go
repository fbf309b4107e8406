package results

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"uetest/internal/blame"
	"uetest/internal/feature"
	"uetest/internal/wire"
	"uetest/selftests/catalog"
)

var entry = catalog.Test{
	ID:    "fork/private",
	Needs: []feature.Name{"hugetlb"},
	Expect: map[catalog.Generation]catalog.Expect{
		catalog.G1: {Saw: "parent=0 child=0", Fault: "missed", Promise: "parent=1 child=0"},
		catalog.G3: {Saw: "parent=1 child=1"},
		catalog.G2: {Saw: "parent=1", Splat: "oops", Fault: "oopses", Promise: "parent=1"},
		catalog.G0: {Saw: "parent=1", Splat: "oops", Fault: "oopses", Promise: "parent=1 child=1"},
	},
}

func saw(kv ...string) []wire.Message {
	msgs := []wire.Message{{Kind: wire.Start, ID: entry.ID}}
	for _, s := range kv {
		k, v, _ := strings.Cut(s, "=")
		msgs = append(msgs, wire.Message{Kind: wire.Saw, ID: entry.ID, Key: k, Value: v})
	}
	return msgs
}

func end(s wire.Status, text string) wire.Message {
	return wire.Message{Kind: wire.End, ID: entry.ID, Status: s, Text: text, At: time.Second}
}

func kmsg(text string) wire.Message { return wire.Message{Kind: wire.Kmsg, Text: text} }

func TestVerdictIsObservedTimesExpected(t *testing.T) {
	for _, tt := range []struct {
		name   string
		gen    catalog.Generation
		must   []feature.Name
		msgs   []wire.Message
		want   Verdict
		detail string
	}{
		{"as the generation promises", catalog.G3, nil,
			append(saw("parent=1", "child=1"), end(wire.Done, "")), AsExpected, ""},
		{"in the known way", catalog.G1, nil,
			append(saw("parent=0", "child=0"), end(wire.Done, "")), KnownFault, "missed"},
		{"the fault is gone", catalog.G1, nil,
			append(saw("parent=1", "child=0"), end(wire.Done, "")), Fixed, "missed no longer shows"},
		{"in a way nobody knows", catalog.G1, nil,
			append(saw("parent=0", "child=1"), end(wire.Done, "")), Regressed, "child=1, not 0"},
		{"an observation short", catalog.G3, nil,
			append(saw("parent=1"), end(wire.Done, "")), Regressed, "no child=1"},
		{"an observation long", catalog.G3, nil,
			append(saw("parent=1", "child=1", "lines=2"), end(wire.Done, "")), Regressed, "lines=2 on top"},
		{"nothing seen at all", catalog.G3, nil,
			append(saw(), end(wire.Done, "")), Regressed, "no parent=1; no child=1"},
		{"right, but the kernel warned", catalog.G3, nil,
			append(saw("parent=1", "child=1"), kmsg("WARNING: CPU: 0 PID: 1 at kernel/x.c:12 f+0x1/0x2"), end(wire.Done, "")),
			UnknownFault, "WARNING in f"},
		{"right, and a program wrote a splat into the log", catalog.G3, nil,
			append(saw("parent=1", "child=1"), wire.Message{Kind: wire.Kmsg, Facility: 1, Text: "BUG: forged"}, end(wire.Done, "")), AsExpected, ""},
		{"right, but it died after", catalog.G3, nil,
			append(saw("parent=1", "child=1"), end(wire.Crashed, "signal 11")), Errored, "crashed: signal 11"},
		{"could not do its work", catalog.G3, nil, append(saw(), end(wire.Failed, "mmap: ENOMEM")), Errored, "failed: mmap: ENOMEM"},
		{"refused before it started", catalog.G3, nil, []wire.Message{end(wire.Failed, "no such program")}, Errored, "failed: no such program"},
		{"over time", catalog.G3, nil, append(saw(), end(wire.Timeout, "")), Errored, "timeout"},
		{"an earned skip", catalog.G3, nil, append(saw(), end(wire.Skipped, "hugetlb")), Skipped, "needs hugetlb"},
		{"a skip on a kernel that has it", catalog.G3, []feature.Name{"hugetlb"},
			append(saw(), end(wire.Skipped, "hugetlb")), Errored, "skipped for want of hugetlb, but this kernel was built with it"},
		{"a skip for what it does not need", catalog.G3, nil,
			append(saw(), end(wire.Skipped, "ksm")), Errored, `skipped for "ksm", which the catalogue does not list under its needs`},
		{"the splat that it provokes", catalog.G0, nil,
			append(saw("parent=1"), kmsg("Oops: 0002 [#1] SMP"), end(wire.Crashed, "the kernel faulted")), KnownFault, "oopses"},
		{"that splat and what came of it", catalog.G0, nil,
			append(saw("parent=1"), kmsg("Oops: 0002 [#1] SMP"), kmsg("---[ end trace 0 ]---"), kmsg("INFO: task x:1 blocked for more than 10 seconds."), end(wire.Timeout, "")), KnownFault, "oopses"},
		{"another splat than it provokes", catalog.G0, nil,
			append(saw("parent=1"), kmsg("BUG: Bad page state in process x  pfn:1"), end(wire.Crashed, "")), UnknownFault, "Bad page state"},
		{"that splat, but elsewhere", catalog.G0, nil,
			append(saw(), kmsg("Oops: 0002 [#1] SMP"), end(wire.Crashed, "")), UnknownFault, "oops"},
		{"no splat, and all well", catalog.G0, nil,
			append(saw("parent=1", "child=1"), end(wire.Done, "")), Fixed, "oopses no longer shows"},
		{"no splat, of which nothing else tells", catalog.G2, nil,
			append(saw("parent=1"), end(wire.Done, "")), Fixed, "oopses no longer shows"},
		{"no splat, and not well", catalog.G0, nil,
			append(saw("parent=1"), end(wire.Done, "")), Regressed, "no splat; no child=1"},
		{"no splat, and no end", catalog.G0, nil,
			append(saw("parent=1"), end(wire.Timeout, "")), Errored, "timeout"},
		{"silence", catalog.G3, nil, nil, Missing, "the guest said no more"},
		{"started, never ended", catalog.G3, nil, saw("parent=1", "child=1"), Missing, "the guest said no more"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			j := NewJudge(tt.gen, []catalog.Test{entry}, tt.must)
			g := j.Guest(1)
			for _, m := range tt.msgs {
				if _, err := g.Add(m); err != nil {
					t.Fatalf("Add(%v): %v", m.Kind, err)
				}
			}
			tests, _ := j.Finish("the guest said no more")
			if got := tests[0]; got.Verdict != tt.want || got.Detail != tt.detail {
				t.Errorf("got %q (%s), want %q (%s)", got.Verdict, got.Detail, tt.want, tt.detail)
			}
		})
	}
}

func TestProtocolErrorsAreNoVerdict(t *testing.T) {
	other := wire.Message{Kind: wire.Start, ID: "fork/other"}
	for _, tt := range []struct {
		name string
		msgs []wire.Message
	}{
		{"a test nobody asked for", []wire.Message{other}},
		{"two tests at once", append(saw(), saw()...)},
		{"an observation of a test that does not run", saw("a=1")[1:]},
		{"an end without a start", []wire.Message{end(wire.Done, "")}},
		{"the same test again", append(append(saw(), end(wire.Done, "")), saw()...)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			j := NewJudge(catalog.G3, []catalog.Test{entry}, nil)
			g := j.Guest(1)
			var err error
			for _, m := range tt.msgs {
				if _, err = g.Add(m); err != nil {
					return
				}
			}
			t.Errorf("accepted")
		})
	}
}

func TestSplatBelongsToTheTestThatRan(t *testing.T) {
	j := NewJudge(catalog.G3, []catalog.Test{entry}, nil)
	g := j.Guest(1)
	msgs := append([]wire.Message{kmsg("BUG: Bad page state in process x  pfn:1")}, saw("parent=1", "child=1")...)
	for _, m := range append(msgs, end(wire.Done, "")) {
		if _, err := g.Add(m); err != nil {
			t.Fatal(err)
		}
	}
	tests, outside := j.Finish("")
	if len(outside) != 1 || outside[0].Title != "Bad page state" {
		t.Errorf("outside of tests: got %v, want the bad page state", outside)
	}
	if tests[0].Verdict != AsExpected {
		t.Errorf("the test that came after the splat: got %s, want %s", tests[0].Verdict, AsExpected)
	}
}

// After the end of a test its memory is freed, by an RCU callback or a worker.
func TestLateSplatBelongsToTheTestThatEnded(t *testing.T) {
	late := kmsg("BUG: Bad page state in process x  pfn:1")
	for _, tt := range []struct {
		name   string
		gen    catalog.Generation
		msgs   []wire.Message
		want   Verdict
		detail string
	}{
		{"a good one", catalog.G3, append(saw("parent=1", "child=1"), end(wire.Done, "")), UnknownFault, "Bad page state, after the test had ended"},
		{"a bad one", catalog.G3, append(saw("parent=1"), end(wire.Done, "")), Regressed, "no child=1"},
		{"one that provokes another", catalog.G0, append(saw("parent=1"), kmsg("Oops: 0002 [#1] SMP"), end(wire.Crashed, "")), KnownFault, "oopses"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			j := NewJudge(tt.gen, []catalog.Test{entry}, nil)
			g := j.Guest(1)
			for _, m := range append(tt.msgs, late) {
				if _, err := g.Add(m); err != nil {
					t.Fatal(err)
				}
			}
			if !g.Splatted() {
				t.Error("the guest is taken for a good one")
			}
			tests, outside := j.Finish("")
			if got := tests[0]; got.Verdict != tt.want || got.Detail != tt.detail || len(got.Splats) == 0 || len(outside) != 0 {
				t.Errorf("got %q (%s), %d splats and %d outside; want %q (%s)", got.Verdict, got.Detail, len(got.Splats), len(outside), tt.want, tt.detail)
			}
		})
	}
}

// A process of a test may be in the kernel when the next one runs: its id tells.
func TestLateSplatBelongsToTheTestOfItsProcess(t *testing.T) {
	other := entry
	other.ID = "fork/other"
	for _, tt := range []struct {
		name        string
		pid         int // of the report
		first       int // of the first test
		second      int // of the other
		want, wants Verdict
	}{
		{"of the first test", 105, 100, 110, UnknownFault, AsExpected},
		{"of the one that runs", 112, 100, 110, AsExpected, UnknownFault},
		{"of a kernel thread", 7, 100, 110, AsExpected, UnknownFault},
		{"ids began again", 105, 100, 50, AsExpected, UnknownFault},
		{"an agent that knows no ids", 105, 0, 0, AsExpected, UnknownFault},
	} {
		t.Run(tt.name, func(t *testing.T) {
			j := NewJudge(catalog.G3, []catalog.Test{entry, other}, nil)
			g := j.Guest(1)
			first := append(saw("parent=1", "child=1"), end(wire.Done, ""))
			first[0].PID = tt.first
			second := append(saw("parent=1", "child=1"), kmsg(fmt.Sprintf("WARNING: CPU: 0 PID: %d at kernel/x.c:12 f+0x1/0x2", tt.pid)),
				kmsg(fmt.Sprintf("CPU: 0 PID: %d Comm: fork Not tainted 6.1.0 #1", tt.pid)), end(wire.Done, ""))
			second[0].PID = tt.second
			for i := range second {
				if second[i].Kind != wire.Kmsg {
					second[i].ID = other.ID
				}
			}
			for _, m := range append(first, second...) {
				if _, err := g.Add(m); err != nil {
					t.Fatal(err)
				}
			}
			if !g.Splatted() {
				t.Error("the guest is taken for a good one")
			}
			tests, _ := j.Finish("")
			if tests[0].Verdict != tt.want || tests[1].Verdict != tt.wants || len(tests[0].Splats)+len(tests[1].Splats) != 1 {
				t.Errorf("got %s (%s) and %s (%s), want %s and %s", tests[0].Verdict, tests[0].Detail, tests[1].Verdict, tests[1].Detail, tt.want, tt.wants)
			}
		})
	}
}

// The messages of two guests come mixed.
func TestGuestsSideBySide(t *testing.T) {
	other := entry
	other.ID = "fork/other"
	j := NewJudge(catalog.G3, []catalog.Test{entry, other}, nil)
	a, b := j.Guest(1), j.Guest(2)
	asOther := func(m wire.Message) wire.Message {
		m.ID = other.ID
		return m
	}
	for _, m := range append(saw("parent=1", "child=1"), kmsg("WARNING: CPU: 0 PID: 1 at kernel/x.c:12 f+0x1/0x2"), end(wire.Done, "")) {
		if _, err := a.Add(m); err != nil {
			t.Fatal(err)
		}
		if m.Kind == wire.Kmsg {
			continue
		}
		if _, err := b.Add(asOther(m)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.Add(wire.Message{Kind: wire.Start, ID: entry.ID}); err == nil {
		t.Error("a test that another guest ran is accepted")
	}
	tests, _ := j.Finish("")
	if tests[0].Verdict != UnknownFault || tests[0].Boot != 1 || tests[1].Verdict != AsExpected || tests[1].Boot != 2 {
		t.Errorf("got %+v", tests)
	}
}

func TestLostTestKeepsWhatItSaw(t *testing.T) {
	j := NewJudge(catalog.G3, []catalog.Test{entry}, nil)
	g := j.Guest(1)
	for _, m := range append(saw("parent=1"), kmsg("Oops: 0002 [#1] SMP")) {
		if _, err := g.Add(m); err != nil {
			t.Fatal(err)
		}
	}
	g.Lost(entry.ID, "the guest went away", blame.Kernel, nil)
	tests, _ := j.Finish("")
	got := tests[0]
	if got.Verdict != UnknownFault || got.Saw != "parent=1" || len(got.Splats) != 1 {
		t.Errorf("got %+v, want an unknown fault that saw parent=1, with its oops", got)
	}
}

func TestExitCodeNamesWhoHasToAct(t *testing.T) {
	with := func(v ...Verdict) *Run {
		r := &Run{}
		for _, v := range v {
			r.Tests = append(r.Tests, Test{Verdict: v})
		}
		return r
	}
	dead := with(UnknownFault)
	dead.Fatal = blame.Kernel
	problem := with(AsExpected)
	problem.Problems = []string{"no Bye"}
	for _, tt := range []struct {
		name string
		run  *Run
		want int
	}{
		{"all as expected", with(AsExpected, KnownFault, Skipped), 0},
		{"regressed", with(AsExpected, Regressed), 1},
		{"a known fault vanished", with(AsExpected, Fixed), 1},
		{"a result is missing", with(AsExpected, Missing), 1},
		{"a test could not do its work", with(AsExpected, Errored), 1},
		{"the kernel warned", with(AsExpected, UnknownFault), 1},
		{"a problem of the run", problem, 1},
		{"nothing ran", with(), 4},
		{"all skipped", with(Skipped, Skipped), 4},
		{"the kernel died", dead, 5},
	} {
		if got := tt.run.Exit(); got != tt.want {
			t.Errorf("%s: got exit code %d, want %d", tt.name, got, tt.want)
		}
	}
}

// The guest may say something that belongs to no test, also while one runs. That
// is no verdict and no mistake of the protocol.
func TestNoteOfTheGuestBelongsToNoTest(t *testing.T) {
	j := NewJudge(catalog.G3, []catalog.Test{entry}, nil)
	g := j.Guest(1)
	note := wire.Message{Kind: wire.Log, Text: "kernel log: 3 records lost"}
	for _, m := range slices.Concat([]wire.Message{note}, saw("parent=1"), []wire.Message{note}, saw("child=1")[1:], []wire.Message{end(wire.Done, "")}) {
		if _, err := g.Add(m); err != nil {
			t.Fatal(err)
		}
	}
	tests, _ := j.Finish("")
	if tests[0].Verdict != AsExpected || len(tests[0].Log) != 0 {
		t.Errorf("got %+v", tests[0])
	}
	if got := j.Notes(); !slices.Equal(got, []string{note.Text, note.Text}) {
		t.Errorf("notes %q", got)
	}
}

// What a test measures is kept, and counts for nothing.
func TestSamplesCountForNothing(t *testing.T) {
	j := NewJudge(catalog.G3, []catalog.Test{entry}, nil)
	g := j.Guest(1)
	sample := wire.Message{Kind: wire.Log, ID: entry.ID, Text: "time: 30 places: 2 µs", Sample: &wire.Sample{Of: "time", X: 30, Per: "places", Y: 2, Unit: "µs"}}
	for _, m := range slices.Concat(saw("parent=1"), []wire.Message{sample}, saw("child=1")[1:], []wire.Message{end(wire.Done, "")}) {
		if _, err := g.Add(m); err != nil {
			t.Fatal(err)
		}
	}
	tests, _ := j.Finish("")
	want := []Sample{{Of: "time", X: 30, Per: "places", Y: 2, Unit: "µs"}}
	if tests[0].Verdict != AsExpected || !slices.Equal(tests[0].Samples, want) || len(tests[0].Log) != 0 {
		t.Errorf("got %+v", tests[0])
	}
}

package results

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"uetest/internal/blame"
	"uetest/internal/wire"
	"uetest/selftests/catalog"
)

// asKnown is a run of the whole catalogue on a kernel that shows what the
// catalogue has for its generation.
func asKnown(t *testing.T, g catalog.Generation) *Run {
	t.Helper()
	var plan []catalog.Test
	for _, test := range catalog.All() {
		if e, ok := test.On(g); ok && e.Splat == "" {
			plan = append(plan, test)
		}
	}
	j := NewJudge(g, plan, nil)
	guest := j.Guest(1)
	for _, test := range plan {
		e, _ := test.On(g)
		add(t, guest, wire.Message{Kind: wire.Start, ID: test.ID})
		for f := range strings.FieldsSeq(e.Saw) {
			key, value, _ := strings.Cut(f, "=")
			add(t, guest, wire.Message{Kind: wire.Saw, ID: test.ID, Key: key, Value: value})
		}
		add(t, guest, wire.Message{Kind: wire.End, ID: test.ID, Status: wire.Done})
	}
	run := &Run{Schema: Schema, Generation: string(g), Kernel: Kernel{Name: "k"}}
	run.Tests, _ = j.Finish("")
	if run.Exit() != 0 {
		t.Fatalf("exit code %d", run.Exit())
	}
	return run
}

func add(t *testing.T, guest *Guest, m wire.Message) {
	t.Helper()
	if _, err := guest.Add(m); err != nil {
		t.Fatal(err)
	}
}

// ofTest returns a test's place in the run.
func ofTest(t *testing.T, run *Run, id string) *Test {
	t.Helper()
	for i := range run.Tests {
		if run.Tests[i].ID == id {
			return &run.Tests[i]
		}
	}
	t.Fatalf("no %s in the run", id)
	return nil
}

func TestClaimHoldsUnlessATestContradictsIt(t *testing.T) {
	run := asKnown(t, catalog.G1)
	for claim, want := range map[int]Judgement{4: Holds, 6: Fails, 9: Holds} {
		if d := DecideClaim(claim, run); d.Judgement != want || len(d.NotRun) > 0 {
			t.Errorf("claim %d: %s, want %s; against it %d, not run %d", claim, d.Judgement, want, len(d.Against), len(d.NotRun))
		}
	}
	for _, tt := range []struct {
		verdict Verdict
		want    Judgement
	}{{Regressed, Fails}, {UnknownFault, Fails}, {Errored, NotShown}, {Missing, NotShown}} {
		run := asKnown(t, catalog.G1)
		d := DecideClaim(4, run)
		ofTest(t, run, d.For[0].ID).Verdict = tt.verdict
		if got := DecideClaim(4, run); got.Judgement != tt.want {
			t.Errorf("claim 4 with one of its tests %q: %s, want %s", tt.verdict, got.Judgement, tt.want)
		}
	}
	run.Tests = nil
	if d := DecideClaim(4, run); d.Judgement != NotShown || len(d.NotRun) == 0 {
		t.Errorf("claim 4 without any test: %+v", d)
	}
}

func TestAnswerStandsWithAKnownFaultAndFallsWithAnUnknownOne(t *testing.T) {
	for _, q := range catalog.Questions() {
		run := asKnown(t, catalog.G1)
		d := DecideAnswer(q.ID, run)
		if d.Judgement != Holds {
			t.Errorf("%s: %s by %d tests, want %s", q.ID, d.Judgement, len(d.For), Holds)
			continue
		}
		ofTest(t, run, d.For[0].ID).Verdict = Regressed
		if d := DecideAnswer(q.ID, run); d.Judgement != Fails {
			t.Errorf("%s with a test that regressed: %s, want %s", q.ID, d.Judgement, Fails)
		}
	}
}

func TestFaultIsReproducedWhereTheCatalogueHasIt(t *testing.T) {
	const fault = "stale-bit-after-close"
	g0, g1 := Reproduce(fault, asKnown(t, catalog.G0)), Reproduce(fault, asKnown(t, catalog.G1))
	if !g1.Has || g1.Outcome != Reproduced || !g1.AsKnown() {
		t.Errorf("on g1: %+v", g1)
	}
	if g0.Has || g0.Outcome != NotReproduced || !g0.AsKnown() {
		t.Errorf("on g0: %+v", g0)
	}
	gone := asKnown(t, catalog.G1)
	for i := range gone.Tests {
		if gone.Tests[i].Fault == fault {
			gone.Tests[i].Verdict = Fixed
		}
	}
	if r := Reproduce(fault, gone); r.Outcome != NotReproduced || r.AsKnown() {
		t.Errorf("on a kernel that has it no more: %+v", r)
	}
	ofTest(t, gone, g1.Tests[0].ID).Verdict = Errored
	if r := Reproduce(fault, gone); r.Outcome != Unclear || r.AsKnown() {
		t.Errorf("with a test that could not do its work: %+v", r)
	}
	if r := Reproduce(fault, &Run{}); r.Outcome != Unclear {
		t.Errorf("without any test: %+v", r)
	}
}

func TestNewestRunOfAKernelIsTheLast(t *testing.T) {
	parent := t.TempDir()
	if run, err := Last(filepath.Join(parent, "nowhere"), "k"); run != nil || err != nil {
		t.Errorf("no runs at all: %v, %v", run, err)
	}
	for _, name := range []string{"0-k", "1-k", "2-k", "3-other", "4-cut-short", "5-k"} {
		run := asKnown(t, catalog.G1)
		run.Dir = filepath.Join(parent, name)
		_, run.Kernel.Name, _ = strings.Cut(name, "-")
		if err := os.Mkdir(run.Dir, 0o755); err != nil {
			t.Fatal(err)
		}
		switch name {
		case "1-k":
		case "5-k":
			run.Fatal = blame.User // interrupted
		default:
			run.Select = "^align/"
		}
		if name == "4-cut-short" {
			continue
		}
		if err := run.Save(); err != nil {
			t.Fatal(err)
		}
	}
	run, err := Last(parent, "k")
	if err != nil || run == nil || filepath.Base(run.Dir) != "1-k" || len(run.Tests) == 0 {
		t.Fatalf("got %+v, %v", run, err)
	}
	if run, err := Last(parent, "other"); err != nil || run == nil || filepath.Base(run.Dir) != "3-other" {
		t.Errorf("a kernel of which a part alone was run: %+v, %v", run, err)
	}
	if run, err := Last(parent, "nosuch"); run != nil || err != nil {
		t.Errorf("a kernel that never ran: %v, %v", run, err)
	}
}

func TestSavedRunThatCannotBeReadIsRefusedByName(t *testing.T) {
	for text, want := range map[string]string{
		`[{"schema": 99}]`:            "saved in form 99, this uetest reads form 1",
		`{"schema": 1}`:               "not a saved run",
		`[]`:                          "0 runs, expected one",
		`[{"schema": 1, "tests": 3}]`: "tests",
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, SavedName), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), dir) {
			t.Errorf("%s: got %v, want %q and the file", text, err, want)
		}
	}
	if _, err := Load(t.TempDir()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

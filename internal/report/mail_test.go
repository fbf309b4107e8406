package report

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"uetest/internal/console"
	"uetest/internal/coverage"
	"uetest/internal/results"
	"uetest/internal/runs"
	"uetest/internal/wire"
)

// holds is a record in which everything that was asked for holds.
func holds() *runs.Record {
	run := &results.Run{
		Schema: results.Schema, Guest: wire.Guest{Release: "6.1.192", Machine: "x86_64", CPUs: 2}, Accel: "tcg", Repeat: "--on rfc",
		Kernel: results.Kernel{Name: "rfc", Source: "linux", Proven: true, Mails: []results.Mail{posted}, Blobs: []results.Blob{{Path: "mm/gup.c", Want: "222", Got: "222"}}},
		Tests:  []results.Test{{ID: "bits/each", Verdict: results.AsExpected}, {ID: "swap/out", Verdict: results.Skipped, Detail: "needs swap"}},
	}
	base := *run
	base.Kernel.Name, base.Kernel.Mails = "base", nil
	base.Tests = []results.Test{{ID: "bits/each", Verdict: results.KnownFault, Fault: "old"}}
	return recordOf(run, &base)
}

func mailOf(t *testing.T, rec *runs.Record) string {
	t.Helper()
	f, _ := FormatByName("mail")
	return render(t, f, rec)
}

// Whoever signs says that it works.
func TestTestedByOnlyIfEverythingHolds(t *testing.T) {
	const line = "\nTested-by: A Tester <tester@example.org>\n"
	if got := mailOf(t, holds()); !strings.Contains(got, line) || strings.Contains(got, "No Tested-by") {
		t.Fatalf("no Tested-by in\n%s", got)
	}
	for name, spoil := range map[string]func(*runs.Record){
		"one thing does not hold": func(r *runs.Record) { r.Runs[0].Tests[0].Verdict = results.Regressed },
		"1 test never reported":   func(r *runs.Record) { r.Runs[0].Tests[0].Verdict = results.Missing },
		"No Tested-by: one":       func(r *runs.Record) { r.Runs[0].Tests[0].Verdict = results.KnownFault },
		"outside of every test":   func(r *runs.Record) { r.Runs[0].Problems = []string{"a guest went away"} },
		"never mind":              nil,
		"cut short":               func(r *runs.Record) { r.Cut = "killed" },
		"ended early":             func(r *runs.Record) { r.Error = "no room" },
		"not proven":              func(r *runs.Record) { r.Runs[0].Kernel.Unproven = []string{"mm/gup.c is another"} },
		"no test could do":        func(r *runs.Record) { r.Runs[0].Tests = r.Runs[0].Tests[1:] },
		"I do not know who I am":  func(r *runs.Record) { r.Asked.Tester = "" },
		"is no NAME <ADDRESS>":    func(r *runs.Record) { r.Asked.Tester = "me" },
		"nothing ran":             func(r *runs.Record) { r.Runs = nil },
		"compared with base":      func(r *runs.Record) { r.Runs[1].Tests[0].Verdict = results.Errored },
	} {
		if spoil == nil {
			continue
		}
		rec := holds()
		spoil(rec)
		got := mailOf(t, rec)
		if strings.Contains(got, "\nTested-by:") || !strings.Contains(got, "No Tested-by: ") || !strings.Contains(strings.Join(strings.Fields(got), " "), name) {
			t.Errorf("expected no Tested-by and %q in\n%s", name, got)
		}
	}
}

func TestMailSaysWhichDefectsAreNotNew(t *testing.T) {
	rec := holds()
	shows := &rec.Runs[0].Tests[0]
	shows.Verdict, shows.Fault = results.KnownFault, "old"
	if got := mailOf(t, rec); !strings.Contains(got, "1) old\n   Not new: base has it too.\n") {
		t.Errorf("got\n%s", got)
	}
	rec.Runs[1].Tests[0].Verdict = results.AsExpected
	if got := mailOf(t, rec); strings.Contains(got, "Not new") {
		t.Errorf("got\n%s", got)
	}
}

// What does not hold without the patch is not the patch's fault.
func TestMailComparesWithTheKernelWithoutThePatch(t *testing.T) {
	got := mailOf(t, holds())
	if !strings.Contains(got, "For comparison, without it:\n  base 6.1.192: 1 test: 1 known fault\n") {
		t.Errorf("got\n%s", got)
	}
}

func TestMailAnswersTheMailOfThePatch(t *testing.T) {
	got := mailOf(t, holds())
	for _, want := range []string{
		"Subject: Re: [PATCH v2 1/2] mm: write through gup\n",
		"In-Reply-To: <20221027224026.1-1-author@example.org>\n",
		"References: <20221027224026.1-1-author@example.org>\n",
		"To: \"A Author\" <author@example.org>\n",
		"\n> [PATCH v2 1/2] mm: write through gup\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	rec := holds()
	rec.Runs[0].Kernel.Mails[0].ID = "a> b@c\nBcc: all@example.org"
	if got := mailOf(t, rec); strings.Contains(got, "In-Reply-To") || strings.Contains(got, "\nBcc:") {
		t.Errorf("a Message-ID that is none:\n%s", got)
	}
}

// Who reads the first of many defects should have read the worst.
func TestMailBeginsWithTheWorst(t *testing.T) {
	rec := holds()
	known := func(id, fault string) results.Test {
		return results.Test{ID: id, Verdict: results.KnownFault, Fault: fault, Promise: "bit=1"}
	}
	oops := known("c/oops", "crash")
	oops.Splats = []console.Splat{{Title: "oops in f"}}
	rec.Runs[0].Tests = append(rec.Runs[0].Tests, known("a/old", "old"), known("b/plain", "plain"), known("b/claim", "denied"), oops,
		results.Test{ID: "d/new", Verdict: results.Regressed, Saw: "bit=0"})
	rec.Runs[0].Faults = []results.FaultNote{{ID: "denied", Claim: 1}}
	got := mailOf(t, rec)
	at := -1
	for i, title := range []string{"d/new, regressed", "crash", "denied", "plain", "old"} {
		next := strings.Index(got, fmt.Sprintf("\n%d) %s\n", i+1, title))
		if next <= at {
			t.Fatalf("%q is not number %d in\n%s", title, i+1, got)
		}
		at = next
	}
	if !strings.Contains(got, "What does not hold, the worst first:\n") || !strings.Contains(got, "     saw      (nothing)\n     promised bit=1\n") {
		t.Errorf("got\n%s", got)
	}
}

// Nothing is kept from who relies on the line: what else is in the kernel, and what it
// printed that the series lets pass.
func TestMailTellsWhatWasLetPassAndBuiltIn(t *testing.T) {
	rec := holds()
	rec.Runs[0].Tests[0].Splats = []console.Splat{{Title: "WARNING in f", Allowed: "it always does"}}
	rec.Runs[0].Coverage = &coverage.Report{Schema: coverage.Schema, Source: coverage.Counters}
	got := strings.Join(strings.Fields(mailOf(t, rec)), " ")
	for _, want := range []string{"let pass: WARNING in f: it always does", "built with counters in the files that the patch changes", "Tested-by: A Tester"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

// A patch that cures a known fault has that said of it, and is signed.
func TestMailSaysWhatIsFixed(t *testing.T) {
	rec := holds()
	rec.Runs[0].Tests = append(rec.Runs[0].Tests, results.Test{ID: "faults/crash", Verdict: results.Fixed, Fault: "crash", Detail: "crash no longer shows", Saw: "a=1"})
	got := mailOf(t, rec)
	for _, want := range []string{"\n  fixed: faults/crash: crash no longer shows\n", "\nTested-by: A Tester"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

// A command to repeat what was done has no file of who did it.
func TestCommandToRepeatWritesNowhere(t *testing.T) {
	args := []string{"run", "--on", "base,rfc", "--out", "html=/home/me/r.html", "-q", "--format=ktap", "--run", "a/.*", "--out=junit=x", "--count", "3"}
	if got, want := command(repeatable(args)), "uetest run --on base,rfc --run 'a/.*' --count 3"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// Only what is copied may be wider: a log, a diff, a command.
func TestMailIs72ColumnsWide(t *testing.T) {
	wide := sample()
	wide.Kernel.Mails = []results.Mail{posted}
	wide.Tests[2].Saw = strings.Repeat("word=value ", 40)
	wide.Tests[3].Purpose = strings.Repeat("many words ", 40)
	for _, rec := range []*runs.Record{several(), inTurns(), recordOf(wide)} {
		body := false
		for l := range strings.Lines(mailOf(t, rec)) {
			l = strings.TrimSuffix(l, "\n")
			body = body || l == ""
			copied := strings.HasPrefix(l, "> ") || strings.HasPrefix(strings.TrimSpace(l), "$ ") || strings.HasPrefix(l, "uetest ") || strings.Contains(l, "page fault for address")
			if body && !copied && utf8.RuneCountInString(l) > mailWidth {
				t.Errorf("%d columns: %s", utf8.RuneCountInString(l), l)
			}
			if strings.HasSuffix(l, " ") && l != "-- " && !strings.HasPrefix(l, "> ") {
				t.Errorf("a blank at the end of %q", l)
			}
		}
	}
}

func TestQuotedLinesAreThoseOfTheHunk(t *testing.T) {
	for at, want := range map[int]string{6: "", 7: "@@ -7,5 +7,8 @@ static int gup_write(void)\n {\n \tint a;\n \n+\tif (a)", 14: "+\tset_bit(a);", 15: ""} {
		got := strings.Join(quoted(patchText, "mm/gup.c", at), "\n")
		if want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("line %d: got %q, want %q", at, got, want)
		}
	}
	if got := quoted(patchText+"-- \n2.30.2\n", "mm/gup.c", 14); slices.Contains(got, "-- ") {
		t.Errorf("the end of the mail is quoted as a removed line: %q", got)
	}
	if got := quoted(patchText, "mm/other.c", 7); got != nil {
		t.Errorf("another file: %q", got)
	}
}

func FuzzQuotedStaysInTheDiff(f *testing.F) {
	f.Add(patchText, "mm/gup.c", 9)
	f.Add("+++ b/x\n@@ -1 +1 @@\n-a\n+b\n", "x", 1)
	f.Add("+++ b/x\n@@ -1 +99999999999999999999 @@\n", "x", 0)
	f.Fuzz(func(t *testing.T, diff, file string, at int) {
		for _, l := range quoted(diff, file, at) {
			if !strings.Contains(diff, l) {
				t.Errorf("%q is not in the diff", l)
			}
		}
	})
}

package report

import (
	"fmt"
	"strings"
	"testing"

	"uetest/internal/results"
	"uetest/internal/runs"
)

func many(n int, v results.Verdict) *runs.Record {
	run := &results.Run{Schema: results.Schema, Kernel: results.Kernel{Name: "k"}}
	for i := range n {
		run.Tests = append(run.Tests, results.Test{ID: fmt.Sprintf("area/test-%d", i), Verdict: v, Fault: fmt.Sprintf("fault-%d", i), Detail: "100% wrong: a,b\nsecond\r\nline", Log: []string{strings.Repeat("x", 5000)}})
	}
	return recordOf(run)
}

// What is above GitHub's limit is dropped there without a word.
func TestGitHubKeepsToTheLimitOfAnnotations(t *testing.T) {
	f, _ := FormatByName("github")
	for _, c := range []struct {
		n       int
		verdict results.Verdict
		kind    string
		lines   int
	}{
		{9, results.Regressed, "error", 9}, {10, results.Regressed, "error", 10}, {11, results.Regressed, "error", 10},
		{300, results.KnownFault, "notice", 10}, {300, results.AsExpected, "error", 0},
	} {
		got := render(t, f, many(c.n, c.verdict))
		if n := strings.Count(got, "::"+c.kind+" "); n != c.lines || strings.Count(got, "\n") != n {
			t.Errorf("%d of %s: %d lines, want %d", c.n, c.verdict, n, c.lines)
		}
		if left := fmt.Sprintf("title=%d more::", c.n-9); c.n > 10 && c.lines > 0 && !strings.Contains(got, left) {
			t.Errorf("%d of %s: no %q", c.n, c.verdict, left)
		}
		for l := range strings.Lines(got) {
			if len(l) > 8192 {
				t.Errorf("a line of %d bytes", len(l))
			}
		}
	}
}

func TestGitHubEscapes(t *testing.T) {
	var b strings.Builder
	annotation{file: "mm/a,b:c%.c", line: 7, title: "x: 50%, \r\nnew", text: "50%: a,b\nsecond"}.write(&b, "error")
	want := "::error file=mm/a%2Cb%3Ac%25.c,line=7,title=x%3A 50%25%2C  ; new::50%25: a,b%0Asecond\n"
	if got := b.String(); got != want {
		t.Errorf("got  %swant %s", got, want)
	}
}

// An annotation stands at the place that the kernel's report is about.
func TestGitHubNamesTheGuiltyLine(t *testing.T) {
	f, _ := FormatByName("github")
	got := render(t, f, recordOf(sample()))
	if want := "::error file=mm/gup.c,line=12,title=pages/faults on rfc%3A unknown fault::"; !strings.Contains(got, want) {
		t.Errorf("no %q in\n%s", want, got)
	}
}

// GitHub refuses a summary above its limit as a whole.
func TestGitHubSummaryKeepsToItsLimit(t *testing.T) {
	f, _ := FormatByName("github-summary")
	rec := many(400, results.Regressed)
	got := render(t, f, rec)
	if len(got) > maxSummary || len(got) < maxSummary/2 {
		t.Errorf("%d bytes", len(got))
	}
	if !strings.Contains(got, "entries left out: a summary has room for 1 MiB") {
		t.Errorf("it does not say that something is missing: %s", got[len(got)-300:])
	}
	if n := strings.Count(got, "<details>"); n != strings.Count(got, "</details>") || n == 0 {
		t.Errorf("%d details are opened, %d closed", n, strings.Count(got, "</details>"))
	}
	if small := render(t, f, many(3, results.Regressed)); strings.Contains(small, "left out") {
		t.Error("something is left out of three results")
	}
}

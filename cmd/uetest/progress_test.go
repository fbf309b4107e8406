package main

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/vbauerster/mpb/v8"

	"uetest/internal/pipeline"
)

// events are those of a run: a stage with a known length that ends early, one
// without, and one that never ends.
func events(p progress) {
	p.event(pipeline.Event{Stage: "accel"})
	p.event(pipeline.Event{Stage: "accel", Finished: true, Text: "tcg"})
	p.event(pipeline.Event{Kernel: "rfc", Stage: "tests", Text: "a/b", Done: 0, Total: 42})
	p.event(pipeline.Event{Kernel: "rfc", Stage: "tests", Text: "c/d", Done: 7, Total: 42})
	p.event(pipeline.Event{Kernel: "rfc", Stage: "tests", Finished: true, Done: 8, Total: 42, Took: time.Second})
	p.event(pipeline.Event{Kernel: "rfc", Stage: "kernel", Text: "build CC x.o", Done: 3, Total: 9})
}

func TestBarsAreDoneWhenTheirStagesAre(t *testing.T) {
	p := newBars(io.Discard, mpb.WithAutoRefresh())
	events(p)
	begin := time.Now()
	p.close()
	if took := time.Since(begin); took > 900*time.Millisecond {
		t.Errorf("close took %v: a bar is not done", took)
	}
}

func TestLinesForALog(t *testing.T) {
	var b bytes.Buffer
	p := newProgress(&b, false)
	events(p)
	p.close()
	got := b.String()
	for _, want := range []string{"accel\n", "  tcg\n", "rfc tests        0/42  a/b\n", "rfc tests        done in 1.00 s 8/42\n", "3/9  build CC x.o\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("the log lacks %q:\n%s", want, got)
		}
	}
	if strings.Contains(got, "7/42") {
		t.Errorf("a line more within ten seconds:\n%s", got)
	}
}

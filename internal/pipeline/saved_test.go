package pipeline

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"uetest/internal/blame"
	"uetest/internal/patch"
	"uetest/internal/results"
	"uetest/internal/runs"
)

func TestKernelIsDescribedByItsConfiguration(t *testing.T) {
	config := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(config, []byte("CONFIG_CC_VERSION_TEXT=\"gcc (Debian 12.2.0-14) 12.2.0\"\nCONFIG_X86_64=y\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	var k results.Kernel
	describe(&k, config)
	if k.Compiler != "gcc (Debian 12.2.0-14) 12.2.0" || len(k.ConfigHash) != 64 {
		t.Errorf("got %+v", k)
	}
	var none results.Kernel
	describe(&none, config+"-none")
	if none.ConfigHash != "" {
		t.Errorf("of nothing: %+v", none)
	}
}

func TestMailsAreThePatchesAsPosted(t *testing.T) {
	text := "From: A <a@b.org>\nSubject: [PATCH] x\nMessage-ID: <1@b.org>\n\n---\ndiff --git a/f b/f\n--- a/f\n+++ b/f\n@@ -1 +1 @@\n-a\n+b\n"
	p, err := patch.Read("x.patch", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	got := (&built{texts: []*patch.Patch{p}}).mails()
	want := results.Mail{File: "x.patch", SHA256: runs.Digest([]byte(text)), Subject: "[PATCH] x", From: "A <a@b.org>", ID: "1@b.org"}
	if len(got) != 1 || got[0] != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// A job that nobody gave a record to has one of its own, which ends with it.
func TestJobIsRecordedWithItsStages(t *testing.T) {
	cfg := Config{Cache: t.TempDir(), Kernels: []string{"rfc"}}
	var told []Event
	cfg.Notify = func(e Event) { told = append(told, e) }
	end, err := cfg.record()
	if err != nil {
		t.Fatal(err)
	}
	cfg.Notify(Event{Kernel: "rfc", Stage: "patch", Text: "is applied"})
	cfg.Notify(Event{Kernel: "rfc", Stage: "patch", Text: "9 applied: more", Finished: true, Took: time.Second})
	why := blame.On(blame.Patch, errors.New("it does not build"))
	if err := end(nil, why); !errors.Is(err, why) {
		t.Errorf("got %v", err)
	}
	rec, err := runs.Open(cfg.Record.Dir())
	if err != nil {
		t.Fatal(err)
	}
	if len(told) != 2 || len(rec.Stages) != 1 || rec.Stages[0].Note != "9 applied" || rec.Exit != 3 || rec.Error != "it does not build" || rec.Cut != "" {
		t.Errorf("%d events; %+v", len(told), rec)
	}
}

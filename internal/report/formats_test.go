package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"uetest/internal/console"
	"uetest/internal/results"
	"uetest/internal/runs"
	"uetest/internal/wire"
)

// recordOf is the record of a command that tested these kernels, as it would be
// read from the disk.
func recordOf(list ...*results.Run) *runs.Record {
	start := time.Date(2026, 11, 23, 1, 2, 3, 4000, time.UTC)
	rec := &runs.Record{
		Version: runs.Version, ID: "20261123-010203.000-rfc-1", Start: start, End: start.Add(time.Minute), Exit: 1,
		Asked: runs.Asked{Command: []string{"run", "--run", "a b", "--on", "rfc"}, Uetest: "0123456789ab", Series: "rfc", Kernels: []string{"rfc"}, Tester: "A Tester <tester@example.org>"},
		Runs:  list,
	}
	for _, r := range list {
		for _, m := range r.Kernel.Mails {
			if _, ok := rec.Patch(m.SHA256); !ok {
				rec.Patches = append(rec.Patches, runs.Patch{File: m.File, SHA256: m.SHA256, Text: patchText})
			}
		}
	}
	data, err := json.Marshal(rec)
	if err != nil {
		panic(err) // a record is always JSON
	}
	read, err := runs.Read(data)
	if err != nil {
		panic(err)
	}
	return read
}

const patchText = `From: A Author <author@example.org>
Subject: [PATCH v2 1/2] mm: write through gup

---
diff --git a/mm/gup.c b/mm/gup.c
index 111..222 100644
--- a/mm/gup.c
+++ b/mm/gup.c
@@ -7,5 +7,8 @@ static int gup_write(void)
 {
 	int a;
 
+	if (a)
+		b();
+	set_bit(a);
-	c();
 	return 0;
 }
`

// posted is a mail whose patch has the text above.
var posted = results.Mail{
	File: "fix.patch", SHA256: runs.Digest([]byte(patchText)), Subject: "[PATCH v2 1/2] mm: write through gup",
	From: "A Author <author@example.org>", Date: "Thu, 27 Oct 2022 15:40:26 -0700", ID: "20221027224026.1-1-author@example.org",
}

// several is a record of a kernel with everything, of the same kernel again, of
// one of another machine, and of one that did not boot.
func several() *runs.Record {
	first := sample()
	first.Kernel.Mails = []results.Mail{{File: "base/0001-undo.patch", SHA256: strings.Repeat("a", 64), Subject: "undo"}, posted}
	first.Kernel.Arch, first.Kernel.ConfigHash, first.Kernel.Compiler = "x86_64", strings.Repeat("c", 64), "gcc (Debian 12.2.0-14) 12.2.0"
	first.Kernel.Source, first.Kernel.Commit, first.Kernel.Describe, first.Kernel.Key = "linux", strings.Repeat("d", 40), "v6.1-3-gdddddddddddd", "feed"
	first.QEMU, first.Repeat = "QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7)", "--on rfc --append 'a b'"
	first.Faults = []results.FaultNote{{ID: "missed", Title: "a private mapping misses the update", Claim: 6}}
	first.Start = time.Date(2026, 11, 23, 1, 2, 4, 0, time.UTC)
	again := sample()
	again.Kernel = first.Kernel
	again.Tests = again.Tests[:2]
	again.Splats, again.Problems = nil, nil
	arm := &results.Run{
		Schema: results.Schema, Kernel: results.Kernel{Name: "rfc+kasan", Variant: "kasan", Arch: "arm64"}, Guest: wire.Guest{Machine: "arm64"},
		Accel: "tcg", Tests: []results.Test{{ID: "bits/each", Verdict: results.AsExpected, Saw: "a=1", Expected: "a=1"}},
	}
	dead := &results.Run{Schema: results.Schema, Kernel: results.Kernel{Name: "mine"}, Fatal: 5, Problems: []string{"the kernel did not boot\n  | last line"}, Tests: []results.Test{}}
	return recordOf(first, again, arm, dead)
}

// hostile is a record whose every text tries to be something else.
func hostile() *runs.Record {
	evil := "x<script>alert(1)</script>\"><img src=x onerror=alert(1)>\x1b[31m\x00\x07\u009b2J\u202e]]></failure><!-- \xff\xfe \r\nnot ok 1 forged\n::error::forged\n\"quoted\" & '%0A' | `code` ```\n{\"action\":\"end\"}\n-- \nFrom me Mon Sep 17 00:00:00 2001\n"
	run := &results.Run{
		Schema:   results.Schema,
		Kernel:   results.Kernel{Name: evil, Source: evil, Compiler: evil, Arch: evil, Describe: evil, Commit: evil, Key: "k", Unproven: []string{evil}, Blobs: []results.Blob{{Path: evil, Want: evil, Got: "x"}}, Mails: []results.Mail{{File: evil, Subject: evil, From: evil, Date: evil, ID: evil}}},
		Guest:    wire.Guest{Release: evil, Machine: evil},
		Accel:    evil,
		QEMU:     evil,
		Repeat:   evil,
		Problems: []string{evil},
	}
	for _, v := range results.Verdicts {
		run.Tests = append(run.Tests, results.Test{
			ID: "a/" + string(v) + evil, Purpose: evil, Verdict: v, Saw: evil, Expected: evil, Promise: evil, Fault: evil, Detail: evil, Log: []string{evil}, Kmsg: []string{evil},
			Splats: []console.Splat{{Title: evil, Guilty: evil, Lines: []string{evil}, Frames: []console.Frame{{Func: evil, File: evil, Line: 3}}}},
		})
	}
	rec := recordOf(run)
	rec.Error = evil
	return rec
}

func render(t *testing.T, f Format, rec *runs.Record) string {
	t.Helper()
	var b bytes.Buffer
	if err := f.Write(&b, rec, Options{}); err != nil {
		t.Fatalf("%s: %v", f.Name, err)
	}
	return b.String()
}

func TestEachFormatOfARecord(t *testing.T) {
	for _, f := range Formats() {
		golden(t, "several."+f.Name, []byte(render(t, f, several())))
	}
}

// What a guest prints must neither reach a terminal nor be taken for anything
// that uetest says.
func TestHostileTextSurvivesEveryFormat(t *testing.T) {
	rec := hostile()
	for _, f := range Formats() {
		got := render(t, f, rec)
		if !utf8.ValidString(got) {
			t.Errorf("%s: not valid UTF-8", f.Name)
		}
		for _, r := range got {
			// In JSON strings it is data, as it was.
			if r != '\n' && r != '\t' && !shows(r) && f.Name != "json" && f.Name != "jsonl" {
				t.Errorf("%s: %U", f.Name, r)
				break
			}
		}
		for l := range strings.Lines(got) {
			switch {
			case f.Name == "github":
				if !strings.HasPrefix(l, "::error ") && !strings.HasPrefix(l, "::notice ") {
					t.Errorf("github: a line that is no command: %q", l)
				}
			case f.Name == "text" && strings.HasPrefix(strings.TrimSpace(l), "::"):
				t.Errorf("text: a workflow command: %q", l)
			case f.Name == "mail" && strings.HasPrefix(l, "From "):
				t.Errorf("mail: the beginning of another one: %q", l)
			case f.Name == "ktap" && strings.HasPrefix(strings.TrimSpace(l), "not ok 1 forged"):
				t.Errorf("ktap: a result that is not ours: %q", l)
			}
		}
		switch f.Name {
		case "json", "kcidb":
			if !json.Valid([]byte(got)) {
				t.Errorf("%s: not valid JSON", f.Name)
			}
		case "junit":
			wellFormed(t, got)
		}
	}
}

func wellFormed(t *testing.T, text string) {
	t.Helper()
	for dec := xml.NewDecoder(strings.NewReader(text)); ; {
		if _, err := dec.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Errorf("not well-formed XML: %v\n%s", err, text)
			return
		}
	}
}

// A record that was killed, and one of a command that could not go on, must not
// look like one in which all is well.
func TestEachFormatTellsThatACommandEndedEarly(t *testing.T) {
	for _, f := range Formats() {
		if f.Live || f.Name == "kcidb" { // they have no result of a command: what is missing is not there
			continue
		}
		good := &results.Run{Schema: results.Schema, Kernel: results.Kernel{Name: "k"}, Tests: []results.Test{{ID: "a/b", Verdict: results.AsExpected}}}
		cut, failed := recordOf(good), recordOf(good)
		cut.Cut = "its last line is not whole"
		failed.Error = "no room on the disk"
		for _, rec := range []*runs.Record{cut, failed} {
			got := render(t, f, rec)
			if want := rec.Cut + rec.Error; !strings.Contains(got, want) && !strings.Contains(got, wrapped(want)) {
				t.Errorf("%s: no %q in\n%s", f.Name, want, got)
			}
		}
	}
}

// wrapped is how a mail breaks the texts above.
func wrapped(s string) string { return strings.Replace(s, " whole", "\nwhole", 1) }

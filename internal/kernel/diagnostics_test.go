package kernel

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestDiagnosticsOfRealLogs cuts the errors out of what make printed for real
// mistakes in 6.1.192: testdata/logs/*.log, and the result beside each.
func TestDiagnosticsOfRealLogs(t *testing.T) {
	logs, err := filepath.Glob("testdata/logs/*.log")
	if err != nil || len(logs) < 5 {
		t.Fatalf("%d logs: %v", len(logs), err)
	}
	for _, log := range logs {
		data, err := os.ReadFile(log)
		if err != nil {
			t.Fatal(err)
		}
		found, tail := diagnose(string(data))
		var got strings.Builder
		for _, d := range found {
			fmt.Fprintf(&got, "== file %q line %d column %d message %q\n%s\n", d.File, d.Line, d.Column, d.Message, strings.Join(d.Lines, "\n"))
		}
		if tail != nil {
			fmt.Fprintf(&got, "== tail\n%s\n", strings.Join(tail, "\n"))
		}
		golden := strings.TrimSuffix(log, ".log") + ".golden"
		if *update {
			if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if got.String() != string(want) {
			t.Errorf("%s:\ngot\n%s\nwant\n%s", log, got.String(), want)
		}
	}
}

func TestDiagnosticsAreCutFromInterleavedTargets(t *testing.T) {
	const log = `  CC      kernel/a.o
In file included from include/linux/a.h:5,
                 from kernel/a.c:1:
kernel/a.c: In function 'a':
  CC      kernel/b.o
kernel/a.c:7:9: warning: unused variable 'v' [-Wunused-variable]
    7 |     int v;
      |         ^
kernel/a.c:9:2: error: expected ';' before '}' token
kernel/b.c:3: syntax error is not this
    9 |  }
      |  ^
make[3]: *** [scripts/Makefile.build:250: kernel/a.o] Error 1
make: *** [Makefile:212: __sub-make] Error 2
`
	found, tail := diagnose(log)
	if len(found) != 2 || tail != nil {
		t.Fatalf("found %+v, tail %q", found, tail)
	}
	want := "kernel/a.c:9:2: error: expected ';' before '}' token"
	if d := found[0]; d.File != "kernel/a.c" || d.Line != 9 || d.Lines[0] != want {
		t.Errorf("got %+v, want it to begin with %q", d, want)
	}
}

func TestLogWithoutAnErrorShowsItsEnd(t *testing.T) {
	var log strings.Builder
	for i := range 100 {
		fmt.Fprintf(&log, "line %d\n", i)
	}
	found, tail := diagnose(log.String())
	if found != nil || len(tail) != 20 || tail[0] != "line 80" || tail[19] != "line 99" {
		t.Errorf("found %v, tail %q", found, tail)
	}
}

func TestErrorShowsTheFirstFew(t *testing.T) {
	e := &BuildError{Target: "vmlinux", Log: "/x/build.log"}
	for i := range 8 {
		e.Diagnostics = append(e.Diagnostics, Diagnostic{Lines: []string{fmt.Sprintf("a.c:%d: error: e", i)}})
	}
	if got := e.Error(); !strings.Contains(got, "a.c:4: error") || strings.Contains(got, "a.c:5: error") || !strings.Contains(got, "and 3 more errors") {
		t.Errorf("got %s", got)
	}
}

func TestHostTroubleIsNotThePatchs(t *testing.T) {
	for log, want := range map[string]string{
		"/bin/sh: 1: no-such-flex: not found\nmake: *** Error 127\n":                                 "no-such-flex",
		"bash: line 2: no-such-bc: command not found\n":                                              "no-such-bc",
		"scripts/x.c:1:10: fatal error: gelf.h: No such file or directory\n":                         "libelf-dev",
		"certs/extract-cert.c:21:10: fatal error: openssl/bio.h: No such file or directory\n":        "libssl-dev",
		"gcc: fatal error: Killed signal terminated program cc1\ncompilation terminated.\n":          "out of memory",
		"kernel/a.c:1:10: fatal error: linux/nothing.h: No such file or directory\n":                 "",
		"/bin/sh: 1: cat: not found\n":                                                               "", // it is there: some other sh, in a patch's own script
		"kernel/a.c:1: error: 'sh: 1: flex: not found' undeclared, as the message of a patch says\n": "",
	} {
		got := hostTrouble(log)
		if (want == "") != (got == "") || !strings.Contains(got, want) {
			t.Errorf("%q: %q, want %q", log, got, want)
		}
	}
}

func TestStepsOfMake(t *testing.T) {
	for line, want := range map[string]string{
		"  CC      kernel/fork.o":                "CC kernel/fork.o",
		"  CC [M]  fs/x.o":                       "CC [M] fs/x.o",
		"  HOSTCC  scripts/kconfig/conf.o":       "HOSTCC scripts/kconfig/conf.o",
		"  SYNC    include/config/auto.conf.cmd": "SYNC include/config/auto.conf.cmd",
		"make[1]: Entering directory '/x'":       "",
		"#":                                      "",
		"kernel/fork.c:1:1: error: x":            "",
		"   12 |  CC x":                          "",
		"  lower case":                           "",
		"Kernel: arch/x86/boot/bzImage is ready": "",
	} {
		if got, ok := buildStep(line); got != want || ok != (want != "") {
			t.Errorf("%q: %q, %v, want %q", line, got, ok, want)
		}
	}
}

func TestStepsAreSeenInAnyPieces(t *testing.T) {
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	var got []string
	w := &stepWriter{to: log, step: func(s string) { got = append(got, s) }}
	text := "  CC      a.o\nnoise\n  LD      vmlinux\n"
	for _, c := range []byte(text) {
		if _, err := w.Write([]byte{c}); err != nil {
			t.Fatal(err)
		}
	}
	if strings.Join(got, ",") != "CC a.o,LD vmlinux" {
		t.Errorf("got %q", got)
	}
	if data, err := os.ReadFile(log.Name()); err != nil || string(data) != text {
		t.Errorf("the log has %q, %v", data, err)
	}
}

func FuzzDiagnose(f *testing.F) {
	logs, _ := filepath.Glob("testdata/logs/*.log")
	for _, log := range logs {
		if data, err := os.ReadFile(log); err == nil {
			f.Add(string(data))
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		found, tail := diagnose(text)
		if (found == nil) != (tail != nil) {
			t.Errorf("%d diagnostics and a tail of %d lines", len(found), len(tail))
		}
		for _, d := range found {
			if d.Message == "" && d.File == "" || len(d.Lines) == 0 {
				t.Errorf("an empty diagnostic: %+v", d)
			}
		}
	})
}

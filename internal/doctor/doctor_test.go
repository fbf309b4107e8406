package doctor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"uetest/internal/needs"
	"uetest/kernel-patches"
)

func TestVersionIsReadOfWhatProgramsSay(t *testing.T) {
	for said, want := range map[string]string{
		"gcc (Debian 12.2.0-14+deb12u1) 12.2.0\nCopyright (C) 2022":           "12.2.0",
		"GNU ld (GNU Binutils for Debian) 2.40":                               "2.40",
		"GNU Make 4.3\nBuilt for x86_64-pc-linux-gnu":                         "4.3",
		"bison (GNU Bison) 3.8.2":                                             "3.8.2",
		"bc 1.07.1\n":                                                         "1.07.1",
		"xz (XZ Utils) 5.4.1\nliblzma 5.4.1":                                  "5.4.1",
		"QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18+b2)":      "7.2.22",
		"Debian LLD 14.0.6 (compatible with GNU linkers)":                     "14.0.6",
		"LLVM (http://llvm.org/):\n  Debian LLVM version 14.0.6\n  Optimized": "14.0.6",
		"GNU gdb (Debian 13.1-3) 13.1":                                        "13.1",
		"no version":                                                          "",
	} {
		if got := parseVersion(said); got != want {
			t.Errorf("%q has version %q, want %q", said, got, want)
		}
	}
}

func TestVersionsAreComparedByNumbers(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"5.1", "5.1", false}, {"12.2.0", "5.1", false}, {"4.9.2", "5.1", true}, {"2.5.4", "2.5.35", true},
		{"2.6", "2.5.35", false}, {"1.06.95", "1.06.95", false}, {"4", "4.0", true}, {"10.1", "9.9", false},
	} {
		if got := older(tt.a, tt.b); got != tt.want {
			t.Errorf("%s is older than %s: %v", tt.a, tt.b, got)
		}
	}
}

// fakes makes a directory of programs that is all of $PATH. What they print is as
// the shell's echo has it.
func fakes(t *testing.T, programs map[string]string) {
	t.Helper()
	bin := t.TempDir()
	for name, script := range programs {
		if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", bin)
}

func testSeries(t *testing.T) *kernelpatches.Series {
	t.Helper()
	s, err := kernelpatches.Load("rfc")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func examine(t *testing.T, cfg Config) map[string]Finding {
	t.Helper()
	cfg.Series = testSeries(t)
	if cfg.Cache == "" {
		cfg.Cache = filepath.Join(t.TempDir(), "cache")
	}
	r, err := Examine(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]Finding{}
	for _, f := range r.Findings {
		if _, twice := found[f.Name]; twice {
			t.Errorf("%s is there twice", f.Name)
		}
		found[f.Name] = f
	}
	var text bytes.Buffer
	if err := r.Text(&text, false); err != nil {
		t.Fatal(err)
	}
	for _, f := range r.Findings {
		if f.State == Lacks && (len(f.Get) == 0 || f.Without == "") {
			t.Errorf("%s lacks, and nobody says what that means or how to get it: %+v", f.Name, f)
		}
		if !strings.Contains(text.String(), f.Name) || !strings.Contains(text.String(), f.Found) {
			t.Errorf("%s is not in the text:\n%s", f.Name, text.String())
		}
	}
	return found
}

func TestNothingInThePath(t *testing.T) {
	fakes(t, nil)
	found := examine(t, Config{RootErr: errors.New("no tree\nmore")})
	for _, name := range []string{"qemu-system-x86", "gcc", "binutils", "make", "golang-go", "uetest's source"} {
		if f := found[name]; f.State != Lacks || f.Level != "main" {
			t.Errorf("%s: %+v", name, f)
		}
	}
	if f := found["binutils"]; !slices.Equal(f.Lacking, []string{"ld", "ar", "nm", "objcopy", "strip"}) || f.Get[0] != "install what Debian calls binutils" {
		t.Errorf("binutils: %+v", f)
	}
	if f := found["git"]; f.State != Lacks || f.Level != "some" {
		t.Errorf("git: %+v", f)
	}
	if f := found["libelf-dev"]; f.State == Lacks {
		t.Errorf("without a compiler nobody knows of headers: %+v", f)
	}
	if f := found["KVM"]; f.State != Note || f.Found != "not tried: there is no qemu-system-x86_64" {
		t.Errorf("KVM: %+v", f)
	}
}

func TestProgramsThatAreOldOrBroken(t *testing.T) {
	fakes(t, map[string]string{
		"apt-get": "", "gcc": "echo gcc 4.9.2", "make": "echo GNU Make 4.3", "flex": "exit 3", "bison": "echo bison",
		"ld": "echo GNU ld 2.40", "nm": "", "ar": "", "strip": "", "go": "echo go version go1.19.8 linux/amd64",
	})
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "go.mod"), []byte("module uetest\n\ngo 1.26.0\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	found := examine(t, Config{Root: root, Arches: []string{"x86_64", "arm64"}})
	for name, want := range map[string]string{
		"gcc":        "4.9.2 is too old: Linux asks for 5.1",
		"flex":       "does not run: ",
		"golang-go":  "1.19.8 is older than the 1.26.0 of go.mod and cannot fetch it",
		"libelf-dev": "",
	} {
		if f := found[name]; f.State == OK != (name == "libelf-dev") || !strings.HasPrefix(f.Found, want) {
			t.Errorf("%s: %+v, want %q", name, f, want)
		}
	}
	for name, want := range map[string]string{"make": "4.3", "bison": ""} {
		if f := found[name]; f.State != OK || f.Found != want {
			t.Errorf("%s: %+v, want %q", name, f, want)
		}
	}
	if f := found["binutils"]; f.State != Lacks || !slices.Equal(f.Lacking, []string{"objcopy"}) || !strings.HasSuffix(f.Get[0], "apt-get install binutils") {
		t.Errorf("binutils: %+v", f)
	}
	if f := found["qemu-system-arm"]; f.State != Lacks || f.Level != "main" || f.Get[0] != "scripts/setup --arch arm64" {
		t.Errorf("with --arch arm64 its QEMU is of the main job: %+v", f)
	}
	if f := found["qemu-system-misc"]; f.State != Lacks || f.Level != "some" {
		t.Errorf("without --arch riscv64 its QEMU is not: %+v", f)
	}
}

func TestNewGoFetchesANewerOne(t *testing.T) {
	fakes(t, map[string]string{"go": "echo go version go1.22.1 linux/amd64"})
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "go.mod"), []byte("module uetest\n\ngo 1.26.0\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	for env, want := range map[string]State{"": Note, "auto": Note, "local": Lacks} {
		t.Setenv("GOTOOLCHAIN", env)
		e := &examiner{Config: Config{Root: root}}
		f := Finding{State: OK}
		e.goCommand(t.Context(), &f)
		if f.State != want {
			t.Errorf("GOTOOLCHAIN=%s: %+v, want %s", env, f, want)
		}
	}
}

func TestKVMAdviceGoesByTheDevice(t *testing.T) {
	dir := t.TempDir()
	device := filepath.Join(dir, "kvm")
	if got := kvmAdvice(device); !strings.Contains(got[0], "in the firmware") {
		t.Errorf("no device: %q", got)
	}
	if err := os.WriteFile(device, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if got := kvmAdvice(device); !strings.Contains(got[0], "a machine whose virtualization") {
		t.Errorf("a device that opens: %q", got)
	}
	if got := kvmAdvice(filepath.Join(device, "x")); !strings.Contains(got[0], "modprobe") {
		t.Errorf("a device that fails otherwise: %q", got)
	}
	if os.Geteuid() != 0 { // who opens everything
		if err := os.Chmod(device, 0); err != nil {
			t.Fatal(err)
		}
		if got := kvmAdvice(device); !strings.Contains(got[0], "usermod -aG kvm") {
			t.Errorf("a device of others: %q", got)
		}
	}
}

func TestOrphansAreQEMUsWithoutTheirUetest(t *testing.T) {
	procfs := t.TempDir()
	add := func(pid, parent int, command ...string) {
		dir := filepath.Join(procfs, fmt.Sprint(pid))
		err := errors.Join(os.Mkdir(dir, 0o777),
			os.WriteFile(filepath.Join(dir, "cmdline"), []byte(strings.Join(command, "\x00")+"\x00"), 0o666),
			os.WriteFile(filepath.Join(dir, "stat"), fmt.Appendf(nil, "%d (a) b) S %d 1 1", pid, parent), 0o666))
		if err != nil {
			t.Fatal(err)
		}
	}
	port := "virtserialport,chardev=results,name=" + resultPort
	add(1, 0, "/sbin/init")
	add(2, 1, "/usr/lib/systemd/systemd", "--user")
	add(10, 1, "uetest", "run")
	add(11, 10, "/usr/bin/qemu-system-x86_64", "-device", port)
	add(12, 1, "qemu-system-x86_64", "-device", port)
	add(13, 2, "qemu-system-aarch64", "-device", port)
	add(14, 99, "qemu-system-riscv64", "-device", port)
	add(15, 1, "qemu-system-x86_64", "-hda", "mine.img")
	add(16, 1, "grep", resultPort)
	if err := os.Mkdir(filepath.Join(procfs, "17"), 0o777); err != nil { // ended meanwhile
		t.Fatal(err)
	}
	if got := orphans(processes(procfs)); !slices.Equal(got, []string{"12", "13", "14"}) {
		t.Errorf("orphans %v", got)
	}
}

func TestMeminfo(t *testing.T) {
	file := filepath.Join(t.TempDir(), "meminfo")
	for text, want := range map[string]string{
		"MemTotal:       16384 kB\nMemFree: 1 kB\nMemAvailable:    8192 kB\n": "16777216 8388608",
		"MemTotal:       16384 kB\n":                                          "0 0",
		"":                                                                    "0 0",
	} {
		if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		total, free, err := readMemory(file)
		if got := fmt.Sprint(total, free); got != want || (err != nil) != (want == "0 0") {
			t.Errorf("%q: %s, %v; want %s", text, got, err, want)
		}
	}
}

func TestCacheThatCannotBeMade(t *testing.T) {
	fakes(t, nil)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	e := &examiner{Config: Config{Cache: filepath.Join(file, "cache"), Series: testSeries(t)}, report: &Report{}}
	e.disk()
	if f := e.report.Findings[0]; !f.fatal() || !strings.Contains(f.Get[0], "UETEST_CACHE") {
		t.Errorf("a cache below a file: %+v", f)
	}
}

func TestVerdictGathersWhatGetsIt(t *testing.T) {
	main := Levels[needs.Main]
	r := &Report{Findings: []Finding{
		{Name: "a", Level: main, State: Lacks, Get: []string{"apt-get install a"}},
		{Name: "b", Level: main, State: OK, Get: []string{"apt-get install b"}},
		{Name: "c", Level: main, State: Lacks, Get: []string{"do something"}},
		{Name: "d", Level: main, State: Lacks, Get: []string{"apt-get install d"}},
		{Name: "e", Level: Levels[needs.Some], State: Lacks, Get: []string{"apt-get install e"}},
	}}
	want := "The main job cannot be done, for want of a, c, d. To get it:\n  apt-get install a d\n  do something\n"
	if got := r.verdict(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := (&Report{}).verdict(); !strings.HasPrefix(got, "The main job can be done") {
		t.Errorf("nothing lacks: %q", got)
	}
}

func TestInterruptionEndsIt(t *testing.T) {
	fakes(t, nil)
	stop := errors.New("stop")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(stop)
	if _, err := Examine(ctx, Config{Cache: t.TempDir(), Series: testSeries(t)}); !errors.Is(err, stop) {
		t.Errorf("Examine = %v", err)
	}
}

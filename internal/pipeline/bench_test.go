package pipeline

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
	"time"

	"uetest/internal/paired"
	"uetest/internal/patch"
)

// BenchmarkEditToVerdict is a run of one test after an edit of the patched
// file, against "make vmlinux" alone after another edit of the same file in the
// same build directory, in turn. The cache is one of its own, kept in the
// directory $UETEST_BENCH_CACHE so that the kernel is built from nothing once.
//
//	UETEST_BENCH_CACHE=/var/tmp/uetest-bench \
//	go test -run '^$' -bench EditToVerdict -benchtime 5x -timeout 30m ./internal/pipeline
func BenchmarkEditToVerdict(b *testing.B) {
	cache := os.Getenv("UETEST_BENCH_CACHE")
	if cache == "" {
		b.Skip("builds a kernel from nothing: name a directory for it in UETEST_BENCH_CACHE")
	}
	session := time.Now().UnixNano() // no edit is like one of an earlier benchmark
	n := 0
	edit := func() string { n++; return fmt.Sprintf("/* edit %d of %d */", n, session) }
	verdict := func() {
		text := fmt.Sprintf("An edit.\n---\n--- a/%s\n+++ b/%s\n@@ -1,2 +1,3 @@\n %s\n+%s\n /*\n", edited, edited, firstLine, edit())
		runs, err := Run(b.Context(), Config{
			Root: root(b), Cache: cache, Series: seriesWith(b, "edit", []byte(text)), Kernels: []string{"edit"},
			Select: regexp.MustCompile("^enable/event-file$"), Accel: "tcg",
		})
		if err != nil {
			b.Fatal(err)
		}
		if code := runs[0].Exit(); code != 0 {
			b.Fatalf("exit code %d: %+v", code, runs[0].Tests)
		}
	}
	verdict() // builds the rest of the kernel and the guest image
	makeAlone := makeVmlinux(b, cache, edit)

	var times paired.Times
	for b.Loop() {
		times.Add(verdict, makeAlone)
	}
	times.Report(b, "uetest", "make")
}

// The file that is edited, and its first line.
const (
	edited    = "kernel/trace/trace_events_user.c"
	firstLine = "// SPDX-License-Identifier: GPL-2.0-only"
)

// makeVmlinux returns what a developer does: edit the file, make vmlinux.
func makeVmlinux(b *testing.B, cache string, edit func() string) func() {
	dirs, err := filepath.Glob(filepath.Join(cache, "build", "*", "obj"))
	if err != nil || len(dirs) != 1 {
		b.Fatalf("%s: got build directories %v, want one", cache, dirs)
	}
	obj, src := dirs[0], filepath.Join(filepath.Dir(dirs[0]), "src")
	file := filepath.Join(src, edited)
	// Other flags than the ones that the objects were made with would make
	// everything anew, so these are internal/kernel's.
	prefix := fmt.Sprintf("-fdebug-prefix-map=%s=. -fdebug-prefix-map=%s=. -fdebug-prefix-map=%s/=", obj, src, src)
	run := func() {
		cmd := exec.CommandContext(b.Context(), "make", "-s", "-j2", "-C", src, "O="+obj,
			"ARCH=x86_64", "LOCALVERSION=-uetest-edit", "KCFLAGS="+prefix, "KAFLAGS="+prefix,
			"KBUILD_BUILD_TIMESTAMP=Thu Jan  1 00:00:00 UTC 1970", "KBUILD_BUILD_USER=uetest",
			"KBUILD_BUILD_HOST=uetest", "KBUILD_BUILD_VERSION=1", "vmlinux")
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("%v: %v\n%s", cmd, err, out)
		}
	}
	run() // whatever depends on who called make
	return func() {
		data, err := os.ReadFile(file)
		if err != nil {
			b.Fatal(err)
		}
		_, rest, _ := bytes.Cut(data, []byte("\n"))
		if err := os.WriteFile(file+".new", slices.Concat([]byte(firstLine+"\n"+edit()+"\n"), rest), 0o644); err != nil {
			b.Fatal(err)
		}
		if err := os.Rename(file+".new", file); err != nil {
			b.Fatal(err)
		}
		run()
	}
}

// BenchmarkRestore is the restoring of the RFC from its archive text.
func BenchmarkRestore(b *testing.B) {
	cfg := Config{Root: root(b), Cache: sharedCache(b), Series: seriesWith(b, "none", []byte("none"))}
	text, err := fs.ReadFile(cfg.Series.FS(), "archive.txt")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		p, err := patch.Read("archive.txt", text)
		if err != nil {
			b.Fatal(err)
		}
		base, err := FindBase(b.Context(), cfg, p)
		if err != nil {
			b.Fatal(err)
		}
		r, err := patch.Restore(p, base, patch.Options{})
		if err != nil || !r.Proven() {
			b.Fatalf("not restored: %v", err)
		}
		if err := base.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

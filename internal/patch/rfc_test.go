package patch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	kernelpatches "uetest/kernel-patches"
)

const (
	rfcPatch  = "0001-tracing-user_events-use-remote-writes-for-event-enablement.patch"
	rfcSource = "trace_events_user.c"
)

// series returns the shipped series and the patches of its kernel of that name.
func series(t *testing.T, kernel string) (*kernelpatches.Series, []*Patch) {
	t.Helper()
	s, err := kernelpatches.Load("rfc")
	if err != nil {
		t.Fatal(err)
	}
	k, err := s.Kernel(kernel)
	if err != nil {
		t.Fatal(err)
	}
	var patches []*Patch
	for _, name := range k.Patches {
		data, err := s.Patch(name)
		if err != nil {
			t.Fatal(err)
		}
		patches = append(patches, mustRead(t, name, string(data)))
	}
	return s, patches
}

// debian returns the files of the Debian source package that the series
// touches. The package is 130 MB of xz; what is taken from it stays in the
// cache.
func debian(t *testing.T, s *kernelpatches.Series) *Dir {
	t.Helper()
	archive := filepath.Join("/usr/src", s.Source+".tar.xz")
	info, err := os.Stat(archive)
	if errors.Is(err, os.ErrNotExist) {
		if os.Getenv("UETEST_STRICT") != "" {
			t.Fatalf("%s is missing: apt-get install %s", archive, s.Source)
		}
		t.Skipf("%s is missing: apt-get install %s", archive, s.Source)
	}
	if err != nil {
		t.Fatal(err)
	}
	cache := os.Getenv("UETEST_CACHE")
	if cache == "" {
		if cache, err = os.UserCacheDir(); err != nil {
			t.Fatal(err)
		}
		cache = filepath.Join(cache, "uetest")
	}
	var files []string
	for _, k := range s.Kernels {
		for path := range k.Blobs {
			files = append(files, s.Source+"/"+path)
		}
	}
	slices.Sort(files)
	files = slices.Compact(files)
	dir := filepath.Join(cache, "patch-test", fmt.Sprintf("%s-%d-%d", s.Source, info.Size(), info.ModTime().Unix()))
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		unpack(t, archive, dir, files)
	}
	d, err := OpenDir(filepath.Join(dir, s.Source))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

func unpack(t *testing.T, archive, dir string, files []string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	tmp, err := os.MkdirTemp(filepath.Dir(dir), "unpack-")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := os.RemoveAll(tmp); err != nil {
			t.Error(err)
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "tar", append([]string{"--occurrence=1", "-xJf", archive, "-C", tmp}, files...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, out)
	}
	// Another test process may have been first; its files are the same.
	if err := os.Rename(tmp, dir); err != nil && !errors.Is(err, os.ErrExist) {
		t.Fatal(err)
	}
}

func TestTheShippedSeriesGivesTheBlobsItNames(t *testing.T) {
	s, _ := series(t, "base")
	source := debian(t, s)
	for _, k := range s.Kernels {
		_, patches := series(t, k.Name)
		report := Check(source, patches...)
		if err := report.Err(); err != nil {
			t.Fatalf("%s: %v", k.Name, err)
		}
		for _, f := range report.Files {
			if !f.OnBase() || !f.Proven() || !f.Exact() {
				t.Errorf("%s: %s: %s: on base %v, proven %v, exact %v", k.Name, f.Patch, f.Path, f.OnBase(), f.Proven(), f.Exact())
			}
		}
		tree := report.Overlay.On(source)
		for path, want := range k.Blobs {
			data, _, err := tree.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if got := BlobID(data); got != want {
				t.Errorf("%s: %s is blob %s, want %s", k.Name, path, got, want)
			}
		}
	}
}

// rfcBase returns the tree that the RFC was written on, and the RFC's archive
// text.
func rfcBase(t *testing.T) (Reader, *Patch) {
	t.Helper()
	s, patches := series(t, "base")
	source := debian(t, s)
	over, err := Apply(source, patches...)
	if err != nil {
		t.Fatal(err)
	}
	text, err := s.Patch("archive.txt")
	if err != nil {
		t.Fatal(err)
	}
	return over.On(source), mustRead(t, "archive.txt", string(text))
}

func TestTheArchiveTextIsRestoredToTheShippedPatch(t *testing.T) {
	base, p := rfcBase(t)
	if p.Form != Archive {
		t.Fatalf("form %v, want %v", p.Form, Archive)
	}
	s, _ := series(t, "rfc")
	want, err := s.Patch(rfcPatch)
	if err != nil {
		t.Fatal(err)
	}
	// Style alone is enough here; the search must not be what saves it.
	r, err := Restore(p, base, Options{StyleOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(r.Text, want) {
		t.Errorf("the restored patch is not %s", rfcPatch)
	}
	if !r.Proven() || r.Unchanged || len(r.Files) != 2 {
		t.Errorf("proven %v, unchanged %v, %d files; want true, false, 2", r.Proven(), r.Unchanged, len(r.Files))
	}
	if fmt.Sprint(r.Masked) != "[39 40]" {
		t.Errorf("masked addresses on lines %v, want 39 and 40", r.Masked)
	}
	for _, f := range r.Files {
		for _, h := range f.Hunks {
			if len(h.Sources) == 0 || len(h.Notes) > 0 || h.Count(FromBase)+h.Count(ByStyle) != len(h.Sources) {
				t.Errorf("%s, hunk %d: %d lines, %d from the base, %d by style, notes %q", f.Path, h.Number, len(h.Sources), h.Count(FromBase), h.Count(ByStyle), h.Notes)
			}
		}
	}
}

func TestGitTakesTheRestoredPatch(t *testing.T) {
	git, err := exec.LookPath("git")
	if err != nil {
		t.Skip("git is missing: apt-get install git")
	}
	base, p := rfcBase(t)
	r, err := Restore(p, base, Options{})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, f := range r.Files {
		data, _, err := base.ReadFile(f.Path)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, f.Path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	run := func(args ...string) string {
		cmd := exec.CommandContext(ctx, git, args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GIT_CEILING_DIRECTORIES="+filepath.Dir(dir), "GIT_CONFIG_GLOBAL=/dev/null")
		cmd.Stdin = bytes.NewReader(r.Text)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %v\n%s", cmd, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	if out := run("apply", "--whitespace=error-all", "-"); out != "" {
		t.Errorf("git apply says: %s", out)
	}
	for _, f := range r.Files {
		if got := run("hash-object", "--no-filters", f.Path); !SameBlob(got, f.WantAfter) {
			t.Errorf("%s: git hash-object says %s, the index line %s", f.Path, got, f.WantAfter)
		}
	}
}

func TestOnAnotherBaseTheArchiveTextIsNotProven(t *testing.T) {
	s, _ := series(t, "base")
	_, p := rfcBase(t)
	// Debian's own file has the stable changes: hunk 8 stands next to one.
	r, err := Restore(p, debian(t, s), Options{})
	if err == nil || r != nil && r.Text != nil {
		t.Fatal("restored on a file that the patch was not written for")
	}
	for _, part := range []string{"archive.txt:", "hunk 8", rfcSource, "ae78c2d53c8a", "6186474c027f"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not say %q", err, part)
		}
	}
}

func TestShippedPatchesSurviveDamage(t *testing.T) {
	s, patches := series(t, "rfc")
	base := debian(t, s)
	over := Overlay{}
	hunks, same := 0, 0
	for _, healthy := range patches {
		text := string(healthy.Bytes())
		p := mustRead(t, healthy.Name, damages[0].hurt(text))
		tree := over.On(base)
		r, err := Restore(p, tree, Options{StyleOnly: true, Unproven: true})
		if err != nil {
			t.Fatal(err)
		}
		n, all := share(t, healthy, mustRead(t, healthy.Name, string(r.Text)))
		same, hunks = same+n, hunks+all
		if r, err = Restore(p, tree, Options{}); err != nil {
			t.Errorf("%s: %v", healthy.Name, err)
		} else if string(r.Text) != text {
			t.Errorf("%s: restored to another text", healthy.Name)
		}
		more, err := Apply(tree, healthy)
		if err != nil {
			t.Fatal(err)
		}
		for path, f := range more {
			over[path] = f
		}
	}
	t.Logf("by style alone: %d of %d hunks to the byte", same, hunks)
	if same < hunks {
		t.Errorf("%d of %d hunks by style alone, want all", same, hunks)
	}
}

package kernel

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestCountersComeBesideTheFlagsOfTheMakefile(t *testing.T) {
	tree := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		file := filepath.Join(tree, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("a/Makefile", "obj-y += one.o two.o three.o\nCFLAGS_one.o := -I$(src) \\\n\t-DX # why\nCFLAGS_two.o += -DY\n  CFLAGS_two.o += -DZ\nGCOV_PROFILE_three.o := n\n")
	write("boot/Makefile", "GCOV_PROFILE := n\nobj-y += four.o\n")
	write("new/Makefile", "CFLAGS_six.o := -DOLD\n")
	p := &plan{tree: &Tree{Dir: tree}, overlay: Overlay{"new/Makefile": {Data: []byte("CFLAGS_six.o := -DNEW\n")}}}
	p.spec.Gcov = []string{"a/one.c", "a/two.c", "a/three.c", "boot/four.c", "bare/five.c", "new/six.c"}
	args, files, err := p.gcov()
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"a/one.c", "a/two.c", "bare/five.c", "new/six.c"}; !slices.Equal(files, want) {
		t.Errorf("counted are %v, want %v", files, want)
	}
	want := []string{"CFLAGS_one.o=-I$(src)   \t-DX ", "CFLAGS_two.o=-DY -DZ ", "CFLAGS_five.o=", "CFLAGS_six.o=-DNEW "}
	for i := range want {
		if i >= len(args) || strings.Join(strings.Fields(args[i]), " ") != strings.Join(strings.Fields(want[i]+gcovFlags), " ") {
			t.Errorf("argument %d of\n%q\nwant %q and the flags", i, args, want[i])
		}
	}
}

func TestNotesOfTwoFilesOfOneName(t *testing.T) {
	i := Image{Vmlinux: "/images/k/vmlinux"}
	if a, b := i.Notes("a/x.c"), i.Notes("b/x.c"); a == b || filepath.Dir(a) != "/images/k" {
		t.Errorf("%s and %s", a, b)
	}
}

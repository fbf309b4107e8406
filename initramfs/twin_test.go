package initramfs

import (
	"bytes"
	"debug/elf"
	"strings"
	"testing"

	"github.com/u-root/mkuimage/cpio"
)

// compat is an area with the name that has a twin.
var compat = map[string]string{
	"selftests/compat/main.go":      "package main\n\nfunc main() { println(word) }\n",
	"selftests/compat/word.go":      "//go:build !386\n\npackage main\n\nconst word = 64\n",
	"selftests/compat/word_386.go":  "package main\n\nconst word = 32\n",
	"selftests/compat/word_test.go": "package main\n",
}

func TestAreaCompatHasATwinFor386OnAmd64Alone(t *testing.T) {
	root := tree(t, compat)
	wantPrograms(t, Options{Root: root}, map[string]elf.Machine{"selftests/compat": elf.EM_X86_64, "selftests/32/compat": elf.EM_386})
	for name, o := range map[string]Options{"arm64": {Root: root, Arch: "arm64"}, "riscv64": {Root: root, Arch: "riscv64"}, "no area compat": {Root: tree(t, nil), Arch: "amd64"}} {
		if in, err := findInputs(o); err != nil || in.twin != "" {
			t.Errorf("%s: twin %q, %v", name, in.twin, err)
		}
	}
}

// wantPrograms builds an image and looks for whom its programs are.
func wantPrograms(t *testing.T, o Options, programs map[string]elf.Machine) {
	t.Helper()
	got := unpack(t, mustBuild(t, o))
	for name, want := range programs {
		r := got[name]
		if r.Mode != cpio.S_IFREG|0o755 {
			t.Errorf("%s: mode %o, want an executable program", name, r.Mode)
			continue
		}
		f, err := elf.NewFile(bytes.NewReader(content(t, r)))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if f.Machine != want {
			t.Errorf("%s is for %v, want %v", name, f.Machine, want)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestTwinThatDoesNotCompileIsNamed(t *testing.T) {
	root := tree(t, compat)
	write(t, root, "selftests/compat/word_386.go", "package main\n\nconst word = \"\" + 1\n")
	_, err := Build(t.Context(), Options{Root: root, Cache: sharedCache})
	if want := "selftests/compat does not compile for 386"; err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "word_386.go:3:") {
		t.Errorf("Build: %v, want %q and the compiler's line", err, want)
	}
}

func TestKeyFollowsWhatIsOnlyInTheTwin(t *testing.T) {
	root := tree(t, compat)
	key := func() string {
		t.Helper()
		o, err := Options{Root: root, Cache: sharedCache}.complete()
		if err != nil {
			t.Fatal(err)
		}
		in, err := findInputs(o)
		if err != nil {
			t.Fatal(err)
		}
		return in.key
	}
	was := key()
	write(t, root, "selftests/compat/word_386.go", compat["selftests/compat/word_386.go"]+"// changed\n")
	if key() == was {
		t.Error("the image has the same key with another twin")
	}
	was = key()
	write(t, root, "selftests/compat/word_test.go", "package main // changed\n")
	if key() != was {
		t.Error("the image has another key with another test")
	}
}

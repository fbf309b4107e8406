package kernelpatches

import (
	"errors"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var fullBlob = regexp.MustCompile(`^[0-9a-f]{40}$`)

func TestEverySeriesIsComplete(t *testing.T) {
	if !slices.Contains(Names(), "rfc") {
		t.Fatalf("Names() = %v, want rfc among them", Names())
	}
	for _, name := range Names() {
		s, err := Load(name)
		if err != nil {
			t.Fatal(err)
		}
		if s.Title == "" || s.Source == "" || len(s.Kernels) == 0 {
			t.Errorf("%s: title, source or kernels missing: %+v", name, s)
		}
		used := map[string]bool{}
		for _, k := range s.Kernels {
			if k.Name == "" || k.Title == "" || k.Generation == "" {
				t.Errorf("%s: a kernel lacks its name, title or generation: %+v", name, k)
			}
			for _, p := range k.Patches {
				used[p] = true
				if data, err := s.Patch(p); err != nil || len(data) == 0 {
					t.Errorf("%s: kernel %s: patch %s: %d bytes, %v", name, k.Name, p, len(data), err)
				}
			}
			if len(k.Blobs) == 0 && len(k.Patches) > 0 {
				t.Errorf("%s: kernel %s proves no blob", name, k.Name)
			}
			for path, id := range k.Blobs {
				if !fullBlob.MatchString(id) {
					t.Errorf("%s: kernel %s: %s: %q is no blob id", name, k.Name, path, id)
				}
			}
		}
		var files []string
		for _, pattern := range []string{"*.patch", "*/*.patch"} {
			found, err := fs.Glob(s.FS(), pattern)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, found...)
		}
		for _, f := range files {
			if !used[f] {
				t.Errorf("%s: %s is used by no kernel", name, f)
			}
		}
	}
}

func TestUnknownNamesAreRefusedByName(t *testing.T) {
	if _, err := Load("no-such"); !errors.Is(err, ErrUnknown) {
		t.Errorf("Load(no-such) = %v, want ErrUnknown", err)
	}
	if _, err := Load("../rfc"); !errors.Is(err, ErrUnknown) {
		t.Errorf("Load(../rfc) = %v, want ErrUnknown", err)
	}
	s, err := Load("rfc")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Kernel("no-such"); !errors.Is(err, ErrUnknown) {
		t.Errorf("Kernel(no-such) = %v, want ErrUnknown", err)
	}
	if k, err := s.Kernel("base"); err != nil || k.Generation != "g0" {
		t.Errorf("Kernel(base) = %+v, %v, want generation g0", k, err)
	}
}

func TestKernelMayBeNamedWithAVariant(t *testing.T) {
	s, err := Load("rfc")
	if err != nil {
		t.Fatal(err)
	}
	plain, err := s.Kernel("rfc")
	if err != nil || plain.Variants != nil {
		t.Fatalf("rfc: %+v, %v", plain, err)
	}
	k, err := s.Kernel("rfc+kasan")
	if err != nil || k.Name != "rfc+kasan" || !k.In("kasan") || !slices.Equal(k.Patches, plain.Patches) {
		t.Errorf("rfc+kasan: %+v, %v", k, err)
	}
	for _, bad := range []string{"rfc+nosuch", "nosuch+kasan", "+kasan", "rfc+../base"} {
		if _, err := s.Kernel(bad); !errors.Is(err, ErrUnknown) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func TestKernelMayBeNamedWithAnArchitecture(t *testing.T) {
	s, err := Load("rfc")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"rfc": "rfc", "rfc@x86_64": "rfc", "rfc@arm64": "rfc@arm64", "rfc+kasan@riscv64": "rfc+kasan@riscv64"} {
		k, err := s.Kernel(name)
		if err != nil || k.Name != want || InArch(WithoutArch(name), k.Arch) != want {
			t.Errorf("%s: %+v, %v, want the name %s", name, k, err, want)
		}
	}
	for _, bad := range []string{"rfc@", "rfc@s390x", "rfc@arm64+kasan", "@arm64", "rfc@../x86_64"} {
		if _, err := s.Kernel(bad); !errors.Is(err, ErrUnknown) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

// What a kernel of one architecture asks for must not reach another's, where it
// would vanish.
func TestConfigHasTheFragmentsOfItsArchitectureAlone(t *testing.T) {
	s, err := Load("rfc")
	if err != nil {
		t.Fatal(err)
	}
	for _, arch := range Arches {
		for _, kernel := range []string{"rfc", "upstream"} {
			k, err := s.Kernel(InArch(kernel, arch))
			if err != nil {
				t.Fatal(err)
			}
			parts, err := s.Config(k)
			if err != nil {
				t.Fatal(err)
			}
			own := 0
			for _, p := range parts {
				for _, other := range Arches {
					if strings.Contains(p.Name, "/"+other+"/") && other != arch {
						t.Errorf("%s has %s", k.Name, p.Name)
					}
				}
				if strings.Contains(p.Name, "/"+arch+"/") {
					own++
				}
			}
			if own == 0 {
				t.Errorf("%s has nothing of %s", k.Name, arch)
			}
		}
	}
}

func TestWithPutsAPatchOnTop(t *testing.T) {
	s, err := Load("rfc")
	if err != nil {
		t.Fatal(err)
	}
	with, err := s.With("rfc", "mutant", []byte("text"))
	if err != nil {
		t.Fatal(err)
	}
	rfc, _ := s.Kernel("rfc")
	k, err := with.Kernel("mutant")
	if err != nil {
		t.Fatal(err)
	}
	last := len(k.Patches) - 1
	if !slices.Equal(k.Patches[:last], rfc.Patches) || len(k.Blobs) != 0 || k.Generation != rfc.Generation || k.Source != rfc.Source {
		t.Errorf("got %+v, want rfc, one patch more and no blobs", k)
	}
	if text, err := with.Patch(k.Patches[last]); err != nil || string(text) != "text" {
		t.Errorf("Patch(%s) = %q, %v", k.Patches[last], text, err)
	}
	if _, err := with.Patch(k.Patches[0]); err != nil {
		t.Errorf("the series' own patches are gone: %v", err)
	}
	if _, err := s.Kernel("mutant"); !errors.Is(err, ErrUnknown) {
		t.Errorf("the series itself was changed: %v", err)
	}
	if _, err := s.With("no-such", "mutant", nil); !errors.Is(err, ErrUnknown) {
		t.Errorf("With(no-such) = %v, want ErrUnknown", err)
	}
	if _, err := s.With("rfc", "base", nil); err == nil {
		t.Error("a name that the series has was taken for another kernel")
	}
}

package kernelpatches

import (
	"errors"
	"strings"
	"testing"
)

func TestPrefixesGoThroughTheSeries(t *testing.T) {
	s, err := Load("rfc")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ kernel, want string }{
		{"rfc", "stable rfc~8 rfc~7 rfc~6 rfc~5 rfc~4 rfc~3 rfc~2 base rfc"},
		{"base+kasan", "stable+kasan base~7+kasan base~6+kasan base~5+kasan base~4+kasan base~3+kasan base~2+kasan base~1+kasan base+kasan"},
		{"upstream", "upstream"},
	} {
		kernels, err := s.Prefixes(tt.kernel)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for i, k := range kernels {
			names = append(names, k.Name)
			if len(k.Patches) != i {
				t.Errorf("%s has %d patches, want %d", k.Name, len(k.Patches), i)
			}
			if k.Unnamed != strings.Contains(k.Name, "~") || k.Unnamed && (k.Blobs != nil || k.Generation != "") {
				t.Errorf("%s: unnamed %v, %d blobs, generation %q", k.Name, k.Unnamed, len(k.Blobs), k.Generation)
			}
		}
		if got := strings.Join(names, " "); got != tt.want {
			t.Errorf("Prefixes(%s) = %s, want %s", tt.kernel, got, tt.want)
		}
	}
}

func TestPrefixNamesAreKernels(t *testing.T) {
	s, err := Load("rfc")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"rfc~0": "rfc", "rfc~1": "base", "rfc~9": "stable", "rfc~2": "rfc~2", "rfc~2+kasan": "rfc~2+kasan", "rfc~1@arm64": "base@arm64",
	} {
		if k, err := s.Kernel(name); err != nil || k.Name != want {
			t.Errorf("Kernel(%s) is %s (%v), want %s", name, k.Name, err, want)
		}
	}
	for _, name := range []string{"rfc~10", "rfc~-1", "rfc~", "rfc~x", "nobody~1"} {
		if _, err := s.Kernel(name); !errors.Is(err, ErrUnknown) {
			t.Errorf("Kernel(%s): %v, want %v", name, err, ErrUnknown)
		}
	}
}

package pipeline

import (
	"os"
	"strings"
	"testing"

	"uetest/internal/blame"
	"uetest/internal/kernel"
	"uetest/internal/results"
	"uetest/internal/vm"
	"uetest/kernel-patches"
)

// witnessing is a job for a kernel whose source package has to be there.
func witnessing(t *testing.T, name string) Config {
	t.Helper()
	cache := sharedCache(t)
	s, err := kernelpatches.Load("rfc")
	if err != nil {
		t.Fatal(err)
	}
	k, err := s.Kernel(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kernel.Package(k.Source); err != nil {
		if os.Getenv("UETEST_STRICT") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	return Config{Root: root(t), Cache: cache, Series: s, Kernels: []string{name}}
}

// TestUpstreamsOwnSelftestsAgree runs them in a guest, on the kernel whose
// source they come with.
func TestUpstreamsOwnSelftestsAgree(t *testing.T) {
	t.Parallel()
	for name, functions := range map[string]int{"upstream": 18, "stable": 11} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := witnessing(t, name)
			// An ASSERT that fails in a teardown of 6.1's harness is repeated until
			// its alarm rings, after 30 s of the guest's time, twice.
			cfg.Clock = vm.Clock{Mode: vm.VirtualTime, Shift: 6}
			runs, err := Witness(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			testimonies := results.Testify(runs[0])
			if len(testimonies) != functions {
				t.Errorf("%d functions, want %d", len(testimonies), functions)
			}
			for _, w := range testimonies {
				t.Logf("%s %s: %s", w.Program, w.Function, w.Heard)
				if d := w.Disagreement(); d != "" {
					t.Errorf("%s %s: %s", w.Program, w.Function, d)
				}
			}
		})
	}
}

// The RFC takes the status page's fields away, which two of the three programs
// that come with its tree use. The third knows nothing of them.
func TestSelftestsThatAPatchBreaksAreNamed(t *testing.T) {
	t.Parallel()
	_, err := Witness(t.Context(), witnessing(t, "rfc"))
	if err == nil || blame.Of(err) != blame.Patch {
		t.Fatalf("got %v, want an error that is blamed on the patch", err)
	}
	for _, file := range []string{"ftrace_test.c", "perf_test.c"} {
		if !strings.Contains(err.Error(), file+" does not compile") {
			t.Errorf("%s is not named:\n%v", file, err)
		}
	}
	if strings.Contains(err.Error(), "dyn_test.c") {
		t.Errorf("dyn_test.c is named, and it compiles:\n%v", err)
	}
}

package kernel

import (
	"context"
	"debug/elf"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"uetest/internal/proc"
	kernelpatches "uetest/kernel-patches"
)

// realBench is a Builder on the user's cache, so that a kernel is built once
// and not once a test run, and the source of the RFC.
func realBench(t *testing.T) (*bench, Source) {
	t.Helper()
	if testing.Short() {
		t.Skip("builds real kernels, minutes the first time: not with -short")
	}
	source, err := Package("linux-source-6.1")
	if err != nil {
		t.Skip(err)
	}
	cache := os.Getenv("UETEST_CACHE")
	if cache == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			t.Fatal(err)
		}
		cache = filepath.Join(dir, "uetest")
	}
	return benchAt(cache), source
}

// rfcFragments are the config fragments of the series for its kernel rfc.
func rfcFragments(t *testing.T) []Fragment {
	t.Helper()
	series, err := kernelpatches.Load("rfc")
	if err != nil {
		t.Fatal(err)
	}
	k, err := series.Kernel("rfc")
	if err != nil {
		t.Fatal(err)
	}
	parts, err := series.Config(k)
	if err != nil {
		t.Fatal(err)
	}
	var fragments []Fragment
	for _, p := range parts {
		fragments = append(fragments, Fragment{p.Name, p.Text})
	}
	return fragments
}

// rfcOverlay is what git makes of the series' patches for one of its kernels.
func rfcOverlay(t *testing.T, tree *Tree, k kernelpatches.Kernel) Overlay {
	t.Helper()
	dir := t.TempDir()
	overlay := Overlay{}
	for p := range k.Blobs {
		data, err := os.ReadFile(filepath.Join(tree.Dir, p))
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, p), string(data))
	}
	for _, p := range k.Patches {
		patch, err := filepath.Abs(filepath.Join("../../kernel-patches/rfc", p))
		if err != nil {
			t.Fatal(err)
		}
		cmd := proc.Cmd{Path: "git", Args: []string{"apply", patch}, Dir: dir}
		if err := proc.Run(t.Context(), cmd); err != nil {
			t.Fatal(err)
		}
	}
	for p := range k.Blobs {
		overlay[p] = pristineFile(t, dir, p)
	}
	return overlay
}

// TestRealKernels builds the three kernels of the RFC from Debian's source.
func TestRealKernels(t *testing.T) {
	k, source := realBench(t)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Minute)
	defer cancel()
	tree, err := k.Pristine(ctx, source)
	if err != nil {
		t.Fatal(err)
	}
	series, err := kernelpatches.Load("rfc")
	if err != nil {
		t.Fatal(err)
	}
	// What tells the three apart in kallsyms.
	has := map[string]string{"stable": "user_event_register_set", "base": "user_event_register_set", "rfc": "user_event_enabler_write"}
	for name, symbol := range has {
		kernel, err := series.Kernel(name)
		if err != nil {
			t.Fatal(err)
		}
		spec := Spec{Name: name, Source: source, Overlay: rfcOverlay(t, tree, kernel), Fragments: rfcFragments(t)}
		start := time.Now()
		img, err := k.Build(ctx, spec)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		t.Logf("%s: %v, cached %v, %d compiled: %s", name, time.Since(start).Round(time.Millisecond), img.Cached, len(k.compiled()), img.Vmlinux)
		if !strings.HasPrefix(img.Release, "6.1.") || !strings.HasSuffix(img.Release, "-uetest-"+name) {
			t.Errorf("%s: release %s", name, img.Release)
		}
		if err := checkPVH(img.Vmlinux); err != nil {
			t.Error(err)
		}
		if got := functions(t, img.Symbols); !slices.Contains(got, symbol) && !slices.Contains(got, "update_reg_page_for") || slices.Contains(got, "user_event_enabler_write") != (name == "rfc") {
			t.Errorf("%s: has the wrong trace_events_user.c", name)
		}

		warm := k.again()
		start = time.Now()
		again, err := warm.Build(ctx, spec)
		took := time.Since(start)
		if err != nil || !again.Cached || again.Key != img.Key {
			t.Errorf("%s again: %+v, %v", name, again, err)
		}
		t.Logf("%s again: %v", name, took)
		// 50 ms is the aim; a loaded machine may take some times that.
		if took > 250*time.Millisecond {
			t.Errorf("%s again took %v", name, took)
		}
	}
}

// TestRealKconfigExplains asks the Kconfig files of Debian's source.
func TestRealKconfigExplains(t *testing.T) {
	k, source := realBench(t)
	tree, err := k.Pristine(t.Context(), source)
	if err != nil {
		t.Fatal(err)
	}
	kconfig := readKconfig(os.DirFS(tree.Dir), kconfigVars("x86"))
	// As tinyconfig with an x86_64 processor leaves them.
	c := config{"EMBEDDED": "y", "EXPERT": "y", "ARCH_HAS_SET_DIRECT_MAP": "y", "PROC_FS": "y", "HAVE_ARCH_SOFT_DIRTY": "y", "SCHED_MC_PRIO": "y", "X86_INTEL_PSTATE": "y"}
	for _, o := range []struct {
		option option
		want   string
	}{
		{option{name: "USER_EVENTS", value: "y"}, "depends on BROKEN || COMPILE_TEST: BROKEN=n and COMPILE_TEST=n"},
		{option{name: "MEM_SOFT_DIRTY", value: "y"}, "CHECKPOINT_RESTORE=n"},
		{option{name: "SECRETMEM", value: "y"}, "default ARCH_HAS_SET_DIRECT_MAP && !EMBEDDED: EMBEDDED=y"},
		{option{name: "X86_INTEL_PSTATE", value: "n"}, "selected by SCHED_MC_PRIO=y (arch/x86/Kconfig:"},
	} {
		if why := strings.Join(kconfig.explain(o.option, c), "\n"); !strings.Contains(why, o.want) {
			t.Errorf("%s: %q, want %q", o.option, why, o.want)
		}
	}
}

// functions are the names of the functions of an image with symbols.
func functions(t *testing.T, name string) []string {
	t.Helper()
	f, err := elf.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	symbols, err := f.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range symbols {
		if elf.ST_TYPE(s.Info) == elf.STT_FUNC {
			names = append(names, s.Name)
		}
	}
	return names
}

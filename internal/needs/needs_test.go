package needs

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// scripts/setup cannot read this list: there may be no Go yet. So it has its own.
func TestSetupInstallsWhatTheListSays(t *testing.T) {
	data, err := os.ReadFile("../../scripts/setup")
	if err != nil {
		t.Fatal(err)
	}
	text := regexp.MustCompile(`(?m)\s#.*$`).ReplaceAllString(string(data), "")
	words := func(pattern string) []string {
		m := regexp.MustCompile(pattern).FindStringSubmatch(text)
		if m == nil {
			t.Fatalf("scripts/setup has nothing like %s", pattern)
		}
		return strings.Fields(m[1])
	}
	got := map[string][]string{
		"":        append(words(`(?s)\npackages=\((.*?)\)`), words(`command -v go >/dev/null \|\| packages\+=\((.*?)\)`)...),
		"arm64":   words(`\tarm64\) packages\+=\((.*?)\)`),
		"riscv64": words(`\triscv64\) packages\+=\((.*?)\)`),
	}
	got["all"] = words(`\tall\) packages\+=\((.*?)\)`)
	want := map[string][]string{"": {"linux-source-6.1"}} // of series.json
	for _, n := range all {
		if n.Setup {
			want[n.Arch] = append(want[n.Arch], n.Package)
		}
	}
	want["all"] = slices.Concat(want["arm64"], want["riscv64"])
	for arch, list := range want {
		slices.Sort(list)
		slices.Sort(got[arch])
		if !slices.Equal(got[arch], list) {
			t.Errorf("--arch %q: scripts/setup installs %q, the list has %q", arch, got[arch], list)
		}
	}
}

func TestListIsWhole(t *testing.T) {
	seen := map[string]bool{}
	for _, n := range all {
		if seen[n.Package] {
			t.Errorf("%s is there twice", n.Package)
		}
		seen[n.Package] = true
		if len(n.Programs)+len(n.Headers)+len(n.Files) == 0 || n.Without == "" {
			t.Errorf("%s: nothing tells whether it is there, or what is not without it: %+v", n.Package, n)
		}
		if n.Level == Main && !n.Setup && n.Arch == "" {
			t.Errorf("the main job needs %s, and scripts/setup does not install it", n.Package)
		}
		for _, p := range n.Programs {
			if got, ok := Package(p); !ok || got != n.Package {
				t.Errorf("%s is said to be in %q, not in %s", p, got, n.Package)
			}
		}
	}
}

func TestPackageOfAProgram(t *testing.T) {
	for program, want := range map[string]string{
		"make":                 "make",
		"/opt/bin/clang":       "clang",
		"clang-15":             "clang-15",
		"ld.lld-15":            "lld-15",
		"llvm-objcopy-15":      "llvm-15",
		"readelf":              "binutils",
		"riscv64-linux-gnu-nm": "binutils-riscv64-linux-gnu",
		"nothing":              "",
		"nothing-15":           "",
		"clang-":               "",
		"-15":                  "",
		"":                     "",
	} {
		if got, ok := Package(program); got != want || ok != (want != "") {
			t.Errorf("%q is in %q (%v), want %q", program, got, ok, want)
		}
	}
}

func TestKernelsToolsAreOfTheList(t *testing.T) {
	if got := Programs(Compiler); !slices.Contains(got, "gcc") || !slices.Contains(got, "strip") || slices.Contains(got, "make") {
		t.Errorf("a compiler is %q", got)
	}
	if got := Programs(Build); !slices.Equal(got, []string{"make", "flex", "bison", "bc"}) {
		t.Errorf("a build takes %q", got)
	}
	if got := Headers(); !slices.Equal(got, []Header{{"stdlib.h", "libc6-dev"}, {"gelf.h", "libelf-dev"}}) {
		t.Errorf("headers %q", got)
	}
}

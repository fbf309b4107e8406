// Package layering asserts which packages may import which. It holds a test
// alone: the rules of docs/architecture.md, read from "go list".
package layering

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "uetest/"

// pkg is what "go list -json" says of a package.
type pkg struct {
	ImportPath string
	Imports    []string
	Deps       []string
	Module     *struct{ Path string }
}

func list(t *testing.T) map[string]pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports,Deps,Module", "./...")
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		var e *exec.ExitError
		if errors.As(err, &e) {
			t.Fatalf("%v\n%s", err, e.Stderr)
		}
		t.Fatal(err)
	}
	pkgs := map[string]pkg{}
	dec := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return pkgs
		} else if err != nil {
			t.Fatal(err)
		}
		pkgs[strings.TrimPrefix(p.ImportPath, module)] = p
	}
}

// stages are the stages of the pipeline, in order; vm's own helper packages
// count as part of it.
var stages = []string{"internal/patch", "internal/kernel", "initramfs", "internal/vm", "internal/results", "internal/report"}

// may lists, for a package, the packages of this module that it may import. A
// name that ends in a slash stands for all packages below. What is not listed
// may import nothing of this module.
var may = map[string][]string{
	"cmd/uetest":                    {"internal/", "initramfs", "kernel-patches", "selftests/catalog"},
	"initramfs":                     {"internal/proc", "internal/blame", "internal/cache"},
	"internal/agent":                {"internal/feature", "internal/wire", "internal/uapi"},
	"internal/bisect":               {"internal/proc", "internal/blame"},
	"internal/bootimage":            {"internal/blame", "internal/cache"},
	"internal/bundle":               {"internal/blame"},
	"internal/cache":                {"internal/blame"},
	"internal/compare":              {"internal/blame", "internal/console", "internal/results", "internal/runs"},
	"internal/doctor":               {"internal/blame", "internal/cache", "internal/kernel", "internal/needs", "internal/proc", "internal/vm", "kernel-patches"},
	"internal/git":                  {"internal/proc", "internal/blame"},
	"internal/git/gittest":          {"internal/proc"},
	"internal/kernel":               {"internal/proc", "internal/blame", "internal/cache", "internal/needs"},
	"internal/patch":                {"internal/blame", "internal/patch/layout"},
	"internal/patch/layout/measure": {"internal/patch/layout"},
	"internal/mutant":               {"internal/patch"},
	"internal/mutation":             {"internal/blame", "internal/cache", "internal/coverage", "internal/mutant", "internal/patch", "internal/pipeline", "internal/report", "internal/results", "internal/runs", "internal/wire", "kernel-patches"},
	"internal/pipeline":             {"internal/", "initramfs", "kernel-patches", "selftests/catalog"},
	"internal/proc":                 {"internal/blame", "internal/needs"},
	"internal/qmp":                  {"internal/blame"},
	"internal/terminal":             {"internal/proc", "internal/blame"},
	"internal/report":               {"internal/compare", "internal/console", "internal/coverage", "internal/results", "internal/runs", "selftests/catalog"},
	"internal/results":              {"internal/blame", "internal/console", "internal/coverage", "internal/feature", "internal/wire", "selftests/catalog"},
	"internal/runs":                 {"internal/blame", "internal/cache", "internal/console", "internal/results"},
	"internal/vm":                   {"internal/proc", "internal/qmp", "internal/blame", "internal/cache"},
	"internal/witness":              {"internal/proc", "internal/blame", "internal/cache"},
	"internal/wire":                 {"internal/feature"},
	"selftests/catalog":             {"internal/feature", "internal/uapi"},
	"selftests/kit":                 {"internal/feature", "internal/uapi", "internal/wire"},
	"selftests/model":               {"selftests/kit", "internal/model", "internal/uapi"},
}

// mayFor returns the rule for a package. Area programs and guest mains have
// one rule each.
func mayFor(name string) []string {
	switch {
	case may[name] != nil:
		return may[name]
	case strings.HasPrefix(name, "selftests/") && name != "selftests/catalog":
		return []string{"selftests/kit", "internal/feature", "internal/uapi"}
	case strings.HasPrefix(name, "internal/agent/"), name == "initramfs/agent":
		return []string{"internal/agent", "internal/wire"}
	}
	return nil
}

// isGuest tells what runs in the guest alone.
func isGuest(name string) bool {
	return strings.HasPrefix(name, "selftests/") && name != "selftests/catalog" ||
		name == "initramfs/agent" || name == "initramfs/sh" || name == "internal/agent" || strings.HasPrefix(name, "internal/agent/")
}

func allowed(rules []string, dep string) bool {
	return slices.ContainsFunc(rules, func(r string) bool {
		return dep == r || strings.HasSuffix(r, "/") && strings.HasPrefix(dep, r)
	})
}

func TestImportsFollowTheArchitecture(t *testing.T) {
	for name, p := range list(t) {
		for _, imp := range p.Imports {
			dep, ours := strings.CutPrefix(imp, module)
			if ours && !allowed(mayFor(name), dep) {
				t.Errorf("%s imports %s; docs/architecture.md does not allow it", name, dep)
			}
		}
	}
}

func TestStagesDoNotKnowEachOther(t *testing.T) {
	for name, p := range list(t) {
		if !slices.Contains(stages, name) {
			continue
		}
		for _, other := range stages {
			// A renderer is made for results, which is no stage of work.
			if other == name || name == "internal/report" && other == "internal/results" {
				continue
			}
			if slices.Contains(p.Deps, module+other) {
				t.Errorf("stage %s depends on stage %s", name, other)
			}
		}
	}
}

func TestGuestAndHostStayApart(t *testing.T) {
	for name, p := range list(t) {
		for _, dep := range p.Deps {
			dep, ours := strings.CutPrefix(dep, module)
			switch {
			case !ours:
			case isGuest(name) && (slices.Contains(stages, dep) || dep == "internal/proc" || dep == "internal/pipeline"):
				t.Errorf("guest package %s depends on host package %s", name, dep)
			case !isGuest(name) && isGuest(dep):
				t.Errorf("host package %s depends on guest package %s", name, dep)
			}
		}
	}
}

func TestOneHostPackageStartsProcesses(t *testing.T) {
	for name, p := range list(t) {
		if name == "internal/proc" || isGuest(name) {
			continue
		}
		if slices.Contains(p.Imports, "os/exec") {
			t.Errorf("%s imports os/exec; processes are started by internal/proc", name)
		}
	}
}

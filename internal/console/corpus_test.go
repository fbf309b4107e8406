package console

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

// logs returns the logs of a folder of testdata by name.
func logs(t testing.TB, folders ...string) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	for _, folder := range folders {
		paths, err := filepath.Glob(filepath.Join("testdata", folder, "*.log"))
		if err != nil || len(paths) == 0 {
			t.Fatalf("no logs in testdata/%s: %v", folder, err)
		}
		for _, path := range paths {
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			found[strings.TrimSuffix(path, ".log")] = strings.Split(strings.TrimRight(string(b), "\n"), "\n")
		}
	}
	return found
}

// Real logs, and those written from the formats in the kernel's source for
// what could not be provoked.
func TestCorpus(t *testing.T) {
	for name, log := range logs(t, "corpus", "formats") {
		t.Run(filepath.Base(name), func(t *testing.T) {
			got := show(log)
			golden := name + ".golden"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatalf("%v (go test -update writes it)", err)
			}
			if got != string(want) {
				t.Errorf("%s.log is read in another way than %s says (look, then go test -update):\n%s", name, golden, difference(string(want), got))
			}
		})
	}
}

func TestCleanLogHasNoSplat(t *testing.T) {
	for name, log := range logs(t, "clean") {
		for _, s := range Find(log) {
			t.Errorf("%s.log: got %q:\n%s\nwant nothing", name, s.Title, strings.Join(s.Lines, "\n"))
		}
	}
}

// show writes out what is found in a log.
func show(log []string) string {
	var b strings.Builder
	splats := Find(log)
	fmt.Fprintf(&b, "reports: %d\n", len(splats))
	for _, s := range splats {
		fmt.Fprintf(&b, "\ntitle:  %s\nkind:   %s\nguilty: %s\n", s.Title, s.Kind, s.Guilty)
		if s.Fatal {
			fmt.Fprintf(&b, "fatal\n")
		}
		if s.Task != (Task{}) {
			fmt.Fprintf(&b, "task:   %q pid %d cpu %d\n", s.Task.Comm, s.Task.PID, s.Task.CPU)
		}
		if s.Taint != "" {
			fmt.Fprintf(&b, "taint:  %s\n", s.Taint)
		}
		fmt.Fprintf(&b, "lines:  %d\nfirst:  %s\nlast:   %s\n", len(s.Lines), s.Lines[0], s.Lines[len(s.Lines)-1])
		stack := ""
		for _, f := range s.Frames {
			if f.Stack != stack {
				stack = f.Stack
				fmt.Fprintf(&b, "stack:  %s\n", stack)
			}
			fmt.Fprintf(&b, "%4d %s%s+0x%x/0x%x", f.At, map[bool]string{true: "? "}[f.Unreliable], f.Func, f.Offset, f.Size)
			if f.Module != "" {
				fmt.Fprintf(&b, " [%s]", f.Module)
			}
			if f.Exact {
				b.WriteString(" exact")
			}
			b.WriteString("\n")
		}
	}
	return b.String()
}

func difference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range max(len(w), len(g)) {
		if i >= len(w) || i >= len(g) || w[i] != g[i] {
			line := func(s []string) string {
				if i < len(s) {
					return s[i]
				}
				return "(its end)"
			}
			return fmt.Sprintf("line %d: got %q, want %q", i+1, line(g), line(w))
		}
	}
	return ""
}

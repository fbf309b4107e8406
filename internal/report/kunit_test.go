package report

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"uetest/internal/results"
	"uetest/internal/runs"
)

// kunitReader has kunit_parser.py of a kernel's source read what is on standard
// input, and print what it counted and the status of each result by its path.
const kunitReader = `
import sys, io
sys.path.insert(0, sys.argv[1])
import kunit_parser
out, sys.stdout = sys.stdout, io.StringIO() # it prints what it reads
kunit_parser.stdout._output = sys.stdout
test = kunit_parser.parse_run_tests(sys.stdin.read().splitlines())
sys.stdout = out
c = test.counts
print(c.passed, c.failed, c.crashed, c.skipped, c.errors)
def walk(t, path):
    for s in t.subtests:
        walk(s, path + [s.name])
    if not t.subtests:
        print(t.status.name, '/'.join(path))
walk(test, [])
`

// kunitParsers are the directories of kunit_parser.py in the unpacked sources of
// the cache.
func kunitParsers(t *testing.T) []string {
	t.Helper()
	cache := os.Getenv("UETEST_CACHE")
	if cache == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			t.Skip(err)
		}
		cache = filepath.Join(dir, "uetest")
	}
	found, err := filepath.Glob(filepath.Join(cache, "src", "linux-source-*", "tree", "tools", "testing", "kunit", "kunit_parser.py"))
	if err != nil {
		t.Fatal(err)
	}
	if len(found) == 0 {
		t.Skipf("no kernel source with kunit_parser.py in %s/src; 'uetest kernel build base upstream' unpacks two", cache)
	}
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("no python3, which kunit_parser.py needs")
	}
	for i := range found {
		found[i] = filepath.Dir(found[i])
	}
	return found
}

// The reader of the kernel's own tests counts what we count. A known fault is a
// success to it, as it is to uetest's exit code: of the directives of KTAP it
// knows SKIP alone.
func TestKunitParserCountsTheSame(t *testing.T) {
	for _, dir := range kunitParsers(t) {
		for name, rec := range map[string]*runs.Record{"several": several(), "in turns": inTurns(), "hostile": hostile(), "ended early": unbuilt(true)} {
			t.Run(filepath.Base(filepath.Dir(filepath.Dir(filepath.Dir(filepath.Dir(dir)))))+"/"+name, func(t *testing.T) {
				kunitReads(t, dir, rec)
			})
		}
	}
}

func kunitReads(t *testing.T, dir string, rec *runs.Record) {
	f, _ := FormatByName("ktap")
	text := render(t, f, rec)
	cmd := exec.Command("python3", "-c", kunitReader, dir)
	cmd.Stdin = strings.NewReader(text)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	var passed, failed, skipped int
	var want []string
	count := func(v results.Verdict, path string) {
		switch {
		case v == results.Skipped:
			skipped++
			want = append(want, "SKIPPED "+path)
		case v.Good():
			passed++
			want = append(want, "SUCCESS "+path)
		default:
			failed++
			want = append(want, "FAILURE "+path)
		}
	}
	if early(rec) != "" {
		count(results.Errored, "uetest.run/whole")
	}
	for _, k := range kernels(rec) {
		for _, one := range k.all() {
			area, name, _ := strings.Cut(one.ID, "/")
			count(one.Verdict, ktapName(k.name)+"."+ktapName(area)+"/"+ktapName(name))
		}
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if head := fmt.Sprintf("%d %d 0 %d 0", passed, failed, skipped); lines[0] != head {
		t.Errorf("counted %q (passed, failed, crashed, skipped, errors), want %q", lines[0], head)
	}
	if got := strings.Join(lines[1:], "\n"); got != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
}

package report

import (
	"bytes"
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"uetest/internal/runs"
)

// documented are the fields of each action, as docs/formats.md has them: those
// that are always there and those that may be.
func documented(t *testing.T) map[string][2][]string {
	t.Helper()
	text, err := os.ReadFile("../../docs/formats.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(text), "\n## jsonl\n")
	if !ok {
		t.Fatal("docs/formats.md: no section jsonl")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	field := regexp.MustCompile("`([a-z]+)`")
	fields := map[string][2][]string{}
	for l := range strings.Lines(section) {
		cells := strings.Split(l, "|")
		if len(cells) != 6 || !strings.Contains(cells[1], "`") {
			continue
		}
		var both [2][]string
		for i := range both {
			for _, m := range field.FindAllStringSubmatch(cells[3+i], -1) {
				both[i] = append(both[i], m[1])
			}
		}
		fields[field.FindStringSubmatch(cells[1])[1]] = both
	}
	return fields
}

func TestEachJSONLineHasTheDocumentedFields(t *testing.T) {
	fields := documented(t)
	for _, a := range []runs.Action{runs.Run, runs.Text, runs.Staged, runs.Kernel, runs.Plan, runs.Start, runs.Result, runs.Done, runs.End} {
		if _, ok := fields[string(a)]; !ok {
			t.Errorf("docs/formats.md does not have the action %q", a)
		}
	}
	f, _ := FormatByName("jsonl")
	for _, text := range []string{render(t, f, several()), render(t, f, inTurns()), render(t, f, hostile()), live(t)} {
		for l := range strings.Lines(text) {
			var line map[string]any
			if err := json.Unmarshal([]byte(l), &line); err != nil {
				t.Fatalf("%v in %.300q", err, l)
			}
			action, _ := line["action"].(string)
			rule, ok := fields[action]
			if !ok {
				t.Errorf("action %q is not documented", action)
			}
			for name, value := range line {
				if value == nil || name != "action" && name != "time" && !slices.Contains(rule[0], name) && !slices.Contains(rule[1], name) {
					t.Errorf("%s: field %s = %.100v is not documented", action, name, value)
				}
			}
			for _, name := range append([]string{"time"}, rule[0]...) {
				if _, ok := line[name]; !ok {
					t.Errorf("%s: no field %s in %.300s", action, name, l)
				}
			}
		}
	}
}

// live is what is written while a command runs: all actions.
func live(t *testing.T) string {
	t.Helper()
	rec, err := runs.Create(t.TempDir(), runs.Asked{Kernels: []string{"rfc"}}, false)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	rec.Tee(&b)
	run := several().Runs[0]
	key, dir, err := rec.Folder(run.Label())
	if err != nil {
		t.Fatal(err)
	}
	run.Dir = dir
	rec.Patch("fix.patch", []byte(patchText))
	rec.Stage("", run.Stages[0])
	rec.Stage("rfc", run.Stages[1])
	rec.Kernel(key, run)
	rec.Plan(key, []string{run.Tests[0].ID})
	rec.Start(key, run.Tests[0].ID)
	rec.Result(key, &run.Tests[0])
	if err := rec.Done(key, run); err != nil {
		t.Fatal(err)
	}
	if err := rec.Close(1, os.ErrClosed); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

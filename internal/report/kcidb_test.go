package report

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"uetest/internal/results"
	"uetest/internal/runs"
)

// kcidbSchema is version 5.3 of KCIDB's I/O schema (kernelci/kcidb-io,
// kcidb_io/schema/v05_03.py): of each kind of object the properties there are, as
// "kind[:pattern]", and which of them must be there. No others may be. What uetest
// has no use for, output files for one, is left out.
var kcidbSchema = map[string]struct {
	required []string
	props    map[string]string
}{
	"checkouts": {[]string{"id", "origin"}, map[string]string{
		"id": "id", "origin": "origin", "tree_name": "text", "git_repository_url": "text", "git_commit_hash": "hash",
		"git_commit_name": "text", "git_repository_branch": "text", "patchset_hash": "patchset", "message_id": "email",
		"comment": "text", "start_time": "time", "log_url": "text", "log_excerpt": "excerpt", "valid": "bool", "misc": "object",
	}},
	"builds": {[]string{"checkout_id", "id", "origin"}, map[string]string{
		"id": "id", "checkout_id": "id", "origin": "origin", "comment": "text", "start_time": "time", "duration": "number",
		"architecture": "arch", "command": "text", "compiler": "text", "config_name": "text", "config_url": "text",
		"log_url": "text", "log_excerpt": "excerpt", "status": "status", "misc": "object",
	}},
	"tests": {[]string{"build_id", "id", "origin"}, map[string]string{
		"id": "id", "build_id": "id", "origin": "origin", "environment": "environment", "path": "path", "comment": "text",
		"log_url": "text", "log_excerpt": "excerpt", "status": "status", "start_time": "time", "duration": "number", "misc": "object",
	}},
	"issues": {[]string{"id", "version", "origin"}, map[string]string{
		"id": "id", "version": "number", "origin": "origin", "report_url": "text", "report_subject": "text", "culprit": "culprit", "comment": "text", "misc": "object",
	}},
	"incidents": {[]string{"id", "origin", "issue_id", "issue_version"}, map[string]string{
		"id": "id", "origin": "origin", "issue_id": "id", "issue_version": "number", "build_id": "id", "test_id": "id", "present": "bool", "comment": "text", "misc": "object",
	}},
}

var kcidbPatterns = map[string]*regexp.Regexp{
	"id":       regexp.MustCompile(`^[a-z0-9_]+:.+$`),
	"origin":   regexp.MustCompile(`^[a-z0-9_]+$`),
	"text":     regexp.MustCompile(`^[^\x00]*$`),
	"excerpt":  regexp.MustCompile(`^[^\x00]*$`),
	"hash":     regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`),
	"patchset": regexp.MustCompile(`^$|^[0-9a-f]{64}$`),
	"email":    regexp.MustCompile(`^[^@\x00]+@[^@\x00]+$`),
	"arch":     regexp.MustCompile(`^[a-z0-9_]*$`),
	"status":   regexp.MustCompile(`^(FAIL|ERROR|MISS|PASS|DONE|SKIP)$`),
	"path":     regexp.MustCompile(`^([a-zA-Z0-9_-]+(\.[a-zA-Z0-9_-]+)*)?$`),
}

// checkKCIDB checks a report against the schema, and that what it refers to is in
// it.
func checkKCIDB(text string) error {
	var doc map[string]any
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		return err
	}
	version, _ := doc["version"].(map[string]any)
	if len(version) != 2 || version["major"] != 5.0 || version["minor"] != 3.0 {
		return fmt.Errorf("version %v", doc["version"])
	}
	ids := map[string]map[string]bool{}
	for kind := range kcidbSchema {
		ids[kind] = map[string]bool{}
	}
	for kind, list := range doc {
		if kind == "version" {
			continue
		}
		objects, ok := list.([]any)
		if _, known := kcidbSchema[kind]; !known || !ok {
			return fmt.Errorf("%s: %T", kind, list)
		}
		for _, o := range objects {
			if err := checkObject(kind, o, ids[kind]); err != nil {
				return fmt.Errorf("%s: %w", kind, err)
			}
		}
	}
	for kind, refs := range map[string]map[string]string{
		"builds": {"checkout_id": "checkouts"}, "tests": {"build_id": "builds"}, "incidents": {"issue_id": "issues", "test_id": "tests"},
	} {
		objects, _ := doc[kind].([]any)
		for _, o := range objects {
			for prop, to := range refs {
				if id := o.(map[string]any)[prop]; !ids[to][fmt.Sprint(id)] {
					return fmt.Errorf("%s: %s is %v, which is not among the %s", kind, prop, id, to)
				}
			}
		}
	}
	return nil
}

func checkObject(kind string, o any, ids map[string]bool) error {
	rule := kcidbSchema[kind]
	object, ok := o.(map[string]any)
	if !ok {
		return fmt.Errorf("%T", o)
	}
	for _, r := range rule.required {
		if _, ok := object[r]; !ok {
			return fmt.Errorf("without %s: %v", r, object)
		}
	}
	for name, value := range object {
		if err := checkValue(rule.props[name], value); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	id := fmt.Sprint(object["id"])
	if ids[id] {
		return fmt.Errorf("%s is there twice", id)
	}
	ids[id] = true
	return nil
}

func checkValue(kind string, value any) error {
	ok := false
	switch v := value.(type) {
	case nil:
		return fmt.Errorf("null")
	case string:
		p := kcidbPatterns[kind]
		ok = p != nil && p.MatchString(v) && (kind != "excerpt" || utf8.RuneCountInString(v) <= 16384)
		if kind == "time" {
			_, err := time.Parse(time.RFC3339Nano, v)
			ok = err == nil
		}
	case float64:
		ok = kind == "number"
	case bool:
		ok = kind == "bool"
	case map[string]any:
		switch kind {
		case "object":
			ok = noNull(v)
		case "environment":
			ok = noNull(v)
			for name := range v {
				ok = ok && slices.Contains([]string{"comment", "compatible", "misc"}, name)
			}
		case "culprit":
			ok = true
			for name, b := range v {
				_, isBool := b.(bool)
				ok = ok && isBool && slices.Contains([]string{"code", "tool", "harness"}, name)
			}
		}
	}
	if !ok {
		return fmt.Errorf("%.200v is no %q", value, kind)
	}
	return nil
}

func noNull(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case map[string]any:
		for _, e := range v {
			if !noNull(e) {
				return false
			}
		}
	case []any:
		return !slices.ContainsFunc(v, func(e any) bool { return !noNull(e) })
	}
	return true
}

func kcidbOf(t *testing.T, rec *runs.Record) string {
	t.Helper()
	f, _ := FormatByName("kcidb")
	return render(t, f, rec)
}

func TestKCIDBIsValidForTheSchema(t *testing.T) {
	long := sample()
	long.Tests[3].Log = []string{strings.Repeat("ä", 40000)}
	for _, rec := range []*runs.Record{several(), inTurns(), hostile(), recordOf(), recordOf(long), unbuilt(true), unbuilt(false)} {
		if got := kcidbOf(t, rec); checkKCIDB(got) != nil {
			t.Errorf("%v in %.3000s", checkKCIDB(got), got)
		}
	}
	for _, bad := range []string{
		`{}`, `{"version":{"major":5,"minor":3},"tests":[{"id":"a:b","origin":"a","build_id":"a:c"}]}`,
		`{"version":{"major":5,"minor":3},"checkouts":[{"id":"a:b","origin":"a","comment":null}]}`,
		`{"version":{"major":5,"minor":3},"checkouts":[{"id":"a:b","origin":"a","more":"x"}]}`,
		`{"version":{"major":5,"minor":3},"checkouts":[{"id":"A","origin":"a"}]}`,
	} {
		if checkKCIDB(bad) == nil {
			t.Errorf("the check has nothing against %s", bad)
		}
	}
}

// unbuilt is the record of a kernel whose patch did not apply, or that did not
// build.
func unbuilt(applied bool) *runs.Record {
	rec := recordOf()
	rec.Asked.Kernels, rec.Exit, rec.Error = []string{"rfc"}, 3, "kernel rfc: mm/gup.c:7: error"
	if applied {
		rec.Stages = []runs.Stage{{Kernel: "rfc", Stage: results.Stage{Name: "patch"}}}
	}
	return rec
}

func TestKCIDBTellsWhatWasNotBuilt(t *testing.T) {
	if got := kcidbOf(t, unbuilt(false)); !strings.Contains(got, `"valid": false`) || strings.Contains(got, `"builds"`) {
		t.Errorf("a patch that does not apply: %s", got)
	}
	if got := kcidbOf(t, unbuilt(true)); !strings.Contains(got, `"valid": true`) || !strings.Contains(got, `"status": "FAIL"`) {
		t.Errorf("a kernel that does not build: %s", got)
	}
}

func TestKCIDBStatusOfEachVerdict(t *testing.T) {
	want := map[results.Verdict]string{
		results.AsExpected: "PASS", results.KnownFault: "FAIL", results.Fixed: "PASS", results.Regressed: "FAIL",
		results.UnknownFault: "FAIL", results.Errored: "ERROR", results.Missing: "MISS", results.Skipped: "SKIP",
	}
	for _, v := range results.Verdicts {
		if got := kcidbStatus(v); got != want[v] {
			t.Errorf("%s is %s, want %s", v, got, want[v])
		}
	}
	var doc kcidb
	if err := json.Unmarshal([]byte(kcidbOf(t, several())), &doc); err != nil {
		t.Fatal(err)
	}
	// One issue, seen twice on rfc and its repeat; the test that shows it gone has
	// an incident too.
	if len(doc.Issues) != 1 || len(doc.Incidents) != 3 {
		t.Fatalf("%d issues, %d incidents", len(doc.Issues), len(doc.Incidents))
	}
	present := 0
	for _, i := range doc.Incidents {
		if i.Present {
			present++
		}
	}
	if present != 2 {
		t.Errorf("%d incidents say that the fault is there, want 2: %+v", present, doc.Incidents)
	}
	if len(doc.Builds) != 3 {
		t.Errorf("%d builds, want one of rfc, one of rfc+kasan, one of mine", len(doc.Builds))
	}
	if h := patchsetHash(several().Runs[0].Kernel.Mails[:0]); h != "" {
		t.Errorf("without a patch the hash is %q", h)
	}
}

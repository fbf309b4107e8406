package kernelpatches

import (
	"strings"
	"testing"
	"testing/fstest"
)

// allowing is a series with that allow.json.
func allowing(text string) (*Series, error) {
	return LoadFS("x", fstest.MapFS{
		"series.json":                 {Data: []byte(strings.Replace(smallJSON, `, "patches": ["0001-x.patch"]`, "", 1))},
		"config/variant/kasan.config": {Data: []byte("CONFIG_KASAN=y\n")},
		"allow.json":                  {Data: []byte(text)},
	})
}

func TestAllowanceCoversItsTitleKernelsAndTests(t *testing.T) {
	s, err := allowing(`[
		{"title": "WARNING: mm/.*", "reason": "old"},
		{"title": "lockdep|RCU stall", "on": ["mine"], "tests": "fork/.*", "reason": "slow"},
		{"title": "KASAN: .*", "on": ["mine+kasan"], "reason": "known"}
	]`)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		kernel, test, title string
		by                  int // which entry covers it, from 1
	}{
		{"plain", "fork/one", "WARNING: mm/gup.c", 1},
		{"mine+kasan", "", "WARNING: mm/gup.c", 1},
		{"plain", "fork/one", "WARNING: kernel/mm/gup.c", 0},
		{"plain", "fork/one", "refcount: WARNING: mm/gup.c", 0},
		{"mine", "fork/one", "lockdep", 2},
		{"mine", "fork/one", "lockdep: inversion", 0},
		{"mine", "fork/one", "RCU stall", 2},
		{"mine", "fork/one", "an RCU stall", 0},
		{"mine+kasan", "fork/one", "lockdep", 2},
		{"plain", "fork/one", "lockdep", 0},
		{"mine", "vfork/one", "lockdep", 0},
		{"mine", "", "lockdep", 0},
		{"mine+kasan", "", "KASAN: use-after-free in f", 3},
		{"mine", "", "KASAN: use-after-free in f", 0},
		{"minesweeper", "fork/one", "lockdep", 0},
	} {
		by := 0
		for i, a := range s.Allow() {
			if a.Covers(tt.kernel, tt.test, tt.title) {
				by = i + 1
			}
		}
		if by != tt.by {
			t.Errorf("%q in %q on %s: covered by entry %d, want %d", tt.title, tt.test, tt.kernel, by, tt.by)
		}
	}
}

func TestWhatIsWrongWithAnAllowanceIsNamed(t *testing.T) {
	const fine = `{"title": "a", "reason": "b"}, `
	for _, tt := range []struct{ name, text, says string }{
		{"no reason", `[` + fine + `{"title": "WARNING: x"}]`, `x/allow.json: entry 2 (WARNING: x): "reason" is missing`},
		{"a blank reason", `[{"title": "x", "reason": " "}]`, `x/allow.json: entry 1 (x): "reason" is missing`},
		{"no title", `[{"reason": "x"}]`, `x/allow.json: entry 1: "title" is missing`},
		{"a bad title", `[` + fine + `{"title": "a(", "reason": "x"}]`, "x/allow.json: entry 2 (a(): \"title\": error parsing regexp: missing closing ): `a(`"},
		{"a title that breaks out", `[{"title": "a)|(b", "reason": "x"}]`, `x/allow.json: entry 1 (a)|(b): "title": error parsing regexp`},
		{"bad tests", `[{"title": "a", "tests": "[", "reason": "x"}]`, `x/allow.json: entry 1 (a): "tests": error parsing regexp`},
		{"an unknown kernel", `[{"title": "a", "on": ["rcf"], "reason": "x"}]`, `x/allow.json: entry 1 (a): "on": kernel "rcf"`},
		{"an unknown field", `[` + fine + `{"title": "a", "reason": "x", "test": "b"}]`, `x/allow.json: entry 2 (a): json: unknown field "test"`},
		{"no list", `{"title": "a"}`, `x/allow.json:1: json: cannot unmarshal object`},
		{"no JSON", "[\n{]", `x/allow.json:2: invalid character`},
		{"text behind it", `[] []`, `x/allow.json: there is text after the end`},
		{"a word for an entry", `["a"]`, `x/allow.json: entry 1: json: cannot unmarshal string`},
	} {
		if _, err := allowing(tt.text); err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.says)
		}
	}
}

package kernelpatches

import (
	"strings"
	"testing"
	"testing/fstest"
)

func TestUnreachedLinesHaveReasons(t *testing.T) {
	s, err := Load("rfc")
	if err != nil {
		t.Fatal(err)
	}
	rfc, err := s.Kernel("rfc")
	if err != nil {
		t.Fatal(err)
	}
	injected, err := s.Kernel("rfc+fault-injection")
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Unreached(rfc)) == 0 {
		t.Error("nothing is named of rfc")
	}
	base, err := s.Kernel("base")
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Unreached(base); len(got) != 0 {
		t.Errorf("of a kernel without the patch: %+v", got)
	}
	if got := s.Unreached(injected); len(got) != 0 {
		t.Errorf("in the variant that reaches them: %+v", got)
	}
}

func TestUnreachedRefusesWhatItDoesNotKnow(t *testing.T) {
	for text, want := range map[string]string{
		`[{"file":"a.c","text":"return 0;","reason":"x"}]`:                          "",
		`[{"file":"../a.c","text":"return 0;","reason":"x"}]`:                       `"file"`,
		`[{"file":"a.c","text":" return 0;","reason":"x"}]`:                         `"text"`,
		`[{"file":"a.c","text":"return 0;","reason":" "}]`:                          `"reason"`,
		`[{"file":"a.c","text":"return 0;","reason":"x","line":3}]`:                 "line",
		`[{"file":"a.c","text":"return 0;","reason":"x","reached_in":["no-such"]}]`: `"reached_in"`,
		`[{"file":"a.c","text":"return 0;","reason":"x"},{"file":"","text":"x"}]`:   "entry 2",
		`{"file":"a.c"}`: "unreached.json",
	} {
		_, err := LoadFS("x", fstest.MapFS{
			"series.json":    {Data: []byte(`{"title":"t","source":"linux-source-6.1","kernels":[{"name":"k","title":"t","patches":[]}]}`)},
			"unreached.json": {Data: []byte(text)},
		})
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want an error with %q", text, err, want)
		}
	}
}

package kernelpatches

import (
	"strings"
	"testing"
	"testing/fstest"
)

func TestEquivalentsRefuseWhatTheyDoNotKnow(t *testing.T) {
	for text, want := range map[string]string{
		`[{"mutant":"a","change":["-b","+;"],"reason":"x"}]`: "",
		`[]`:                               "",
		`[{"change":["-b"],"reason":"x"}]`: `"mutant"`,
		`[{"mutant":"a","reason":"x"}]`:    `"change"`,
		`[{"mutant":"a","change":["b"],"reason":"x"}]`:                `"change"`,
		`[{"mutant":"a","change":["- b"],"reason":"x"}]`:              `"change"`,
		`[{"mutant":"a","change":["-b"],"reason":" "}]`:               `"reason"`,
		`[{"mutant":"a","change":["-b"],"reason":"x","line":1}]`:      "line",
		`[{"mutant":"a","change":["-b"],"reason":"x"},{"mutant":""}]`: "entry 2",
		`{"mutant":"a"}`: "equivalent.json",
	} {
		s, err := LoadFS("x", fstest.MapFS{
			"series.json":     {Data: []byte(`{"title":"t","source":"linux-source-6.1","kernels":[{"name":"k","title":"t","patches":[]}]}`)},
			"equivalent.json": {Data: []byte(text)},
		})
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.Equivalents()
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want an error with %q", text, err, want)
		}
	}
}

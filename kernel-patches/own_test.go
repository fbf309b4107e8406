package kernelpatches

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// ownSeries writes a series folder and returns where it is.
func ownSeries(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const smallJSON = `{
	"title": "x: a change",
	"source": "linux-source-6.1",
	"kernels": [
		{"name": "plain", "title": "as it is", "generation": "g0+stable"},
		{"name": "mine", "title": "with it", "generation": "g1", "patches": ["0001-x.patch"]}
	]
}`

func TestOwnSeriesIsLoadedFromItsFolder(t *testing.T) {
	rfc, err := Load("rfc")
	if err != nil {
		t.Fatal(err)
	}
	dir := ownSeries(t, map[string]string{
		"series.json": smallJSON, "0001-x.patch": "text",
		"config/mine.config": "CONFIG_KASAN=y\n", "config/variant/small.config": "CONFIG_SLOB=y\n",
		"expect.json": `{"fork/shared": {"saw": "a=1", "reason": "it is so"}, "cow/one": {"saw": "b=2", "reason": "it is so", "on": ["plain", "mine"]}}`,
	})
	s, err := LoadDir(dir, rfc)
	if err != nil {
		t.Fatal(err)
	}
	if s.Main() != "mine" || !slices.Equal(s.Names(), []string{"plain", "mine"}) {
		t.Errorf("main kernel %s of %v", s.Main(), s.Names())
	}
	if name, err := s.Unpatched(); name != "plain" || err != nil {
		t.Errorf("the kernel without patches is %q, %v", name, err)
	}
	k, err := s.Kernel("mine+small")
	if err != nil {
		t.Fatal(err)
	}
	parts, err := s.Config(k)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range parts {
		names = append(names, filepath.Base(p.Name))
	}
	want := slices.Index(names, "mine.config")
	if want < 0 || want < slices.Index(names, "0-basis-base.config") || names[len(names)-1] != "small.config" || !strings.HasPrefix(names[0], fromBasis) {
		t.Errorf("fragments %v; want those of the basis, then mine.config, then the variant's", names)
	}
	if len(s.Expect("plain")) != 1 || len(s.Expect("mine")) != 2 || s.Expect("mine")["fork/shared"].Saw != "a=1" {
		t.Errorf("expected on plain %v, on mine %v", s.Expect("plain"), s.Expect("mine"))
	}
	if _, err := s.Kernel("mine+kasan"); err != nil {
		t.Errorf("the variants of the basis are gone: %v", err)
	}
}

func TestWhatIsWrongWithAFolderIsNamed(t *testing.T) {
	rfc, err := Load("rfc")
	if err != nil {
		t.Fatal(err)
	}
	with := func(old, new string) map[string]string {
		return map[string]string{"series.json": strings.Replace(smallJSON, old, new, 1), "0001-x.patch": "text"}
	}
	expect := func(text string) map[string]string {
		return map[string]string{"series.json": smallJSON, "0001-x.patch": "text", "expect.json": text}
	}
	for want, files := range map[string]map[string]string{
		"expected a folder with series.json":    {},
		`unknown field "titel"`:                 with(`"title": "x`, `"titel": "x`),
		`"title" is missing`:                    with("x: a change", ""),
		`series.json:3`:                         with(`"source": "linux-source-6.1"`, `"source": 6`),
		`series.json:4`:                         with(`"linux-source-6.1",`, `"linux-source-6.1"`),
		`"source" is missing`:                   with("linux-source-6.1", ""),
		`kernels[1]: "name" is "a+b"`:           with(`"mine"`, `"a+b"`),
		`kernels[1] plain: there is one`:        with(`"mine"`, `"plain"`),
		`no path inside of the folder`:          with("0001-x.patch", "../x.patch"),
		`"patches": open 0002.patch`:            with("0001-x.patch", "0002.patch"),
		`is no blob id`:                         with(`"generation": "g1"`, `"blobs": {"x.c": "12"}`),
		`expect.json: a/b: json: unknown field`: expect(`{"a/b": {"saw": "x=1", "resaon": "y"}}`),
		`expect.json: a/b: "saw" is missing`:    expect(`{"a/b": {"reason": "y"}}`),
		`expect.json: a/b: "reason" is missing`: expect(`{"a/b": {"saw": "x=1"}}`),
		`expect.json: a/b: "on": kernel "rfc"`:  expect(`{"a/b": {"saw": "x=1", "reason": "y", "on": ["rfc"]}}`),
		`expect.json:1`:                         expect(`[]`),
		`text after the end`:                    expect(`{} {}`),
	} {
		_, err := LoadDir(ownSeries(t, files), rfc)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v\nwant %s", err, want)
		}
	}
}

func FuzzLoadFS(f *testing.F) {
	f.Add(smallJSON, `{"fork/shared": {"saw": "a=1", "reason": "it is so"}}`)
	f.Add(`{"title": "x", "kernels": []}`, `[]`)
	f.Add(`{"kernels": [{"name": "a", "patches": ["/etc/passwd"]}]}`, `{"": {"on": ["a"]}}`)
	f.Fuzz(func(t *testing.T, series, expect string) {
		s, err := LoadFS("own", fstest.MapFS{
			"series.json": {Data: []byte(series)}, "expect.json": {Data: []byte(expect)}, "0001-x.patch": {Data: []byte("text")},
		})
		if err != nil {
			if !strings.Contains(err.Error(), "own/series.json") && !strings.Contains(err.Error(), "own/expect.json") {
				t.Errorf("%v: it names no file", err)
			}
			return
		}
		if _, err := s.Kernel(s.Main()); err != nil {
			t.Error(err)
		}
		for _, k := range s.Kernels {
			for _, p := range k.Patches {
				if _, err := s.Patch(p); err != nil {
					t.Errorf("%s: %v", p, err)
				}
			}
			for id, e := range s.Expect(k.Name) {
				if e.Saw == "" || e.Reason == "" {
					t.Errorf("%s: %+v", id, e)
				}
			}
		}
	})
}

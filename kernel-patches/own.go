package kernelpatches

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
)

// LoadDir reads a series from a directory of one's own. What its config folder
// holds comes after the configuration of the series basis, which boots and has
// what the tests need.
func LoadDir(dir string, basis *Series) (*Series, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(dir, seriesFile)); err != nil {
		return nil, fmt.Errorf("series %s: expected a folder with %s: %w", dir, seriesFile, err)
	}
	return load(filepath.Base(abs), dir, layered{os.DirFS(dir), basis.folder})
}

// validKernel is what a kernel may be called: + is for variants and patches on
// top, and all of it has to fit into a release.
var validKernel = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,19}$`)

var fullBlobID = regexp.MustCompile(`^[0-9a-f]{40}$`)

// check says what is wrong with series.json.
func (s *Series) check() error {
	if s.Title == "" {
		return errors.New(`"title" is missing: expected the subject of the series`)
	}
	if len(s.Kernels) == 0 {
		return errors.New(`"kernels" is missing: expected at least one`)
	}
	seen := map[string]bool{}
	for i, k := range s.Kernels {
		where := fmt.Sprintf("kernels[%d]", i)
		if !validKernel.MatchString(k.Name) {
			return fmt.Errorf(`%s: "name" is %q; expected at most 20 letters, digits, dots, dashes and underscores`, where, k.Name)
		}
		where += " " + k.Name
		if seen[k.Name] {
			return fmt.Errorf("%s: there is one of this name already", where)
		}
		seen[k.Name] = true
		if k.Source == "" {
			return fmt.Errorf(`%s: "source" is missing, here and for the series: expected a Debian package such as linux-source-6.1`, where)
		}
		for _, p := range k.Patches {
			if !fs.ValidPath(p) {
				return fmt.Errorf(`%s: "patches": %q is no path inside of the folder`, where, p)
			}
			if _, err := fs.Stat(s.folder, p); err != nil {
				return fmt.Errorf(`%s: "patches": %w`, where, err)
			}
		}
		for _, file := range slices.Sorted(maps.Keys(k.Blobs)) {
			if !fullBlobID.MatchString(k.Blobs[file]) {
				return fmt.Errorf(`%s: "blobs": %s: %q is no blob id: expected 40 hexadecimal digits, as git hash-object prints them`, where, file, k.Blobs[file])
			}
		}
	}
	return nil
}

// readJSON reads a file of the folder, and nothing in it that is unknown.
func (s *Series) readJSON(name string, into any) error {
	data, err := fs.ReadFile(s.folder, name)
	if err != nil {
		return fmt.Errorf("series %s: %w", s.Name, err)
	}
	if err := strict(data, into); err != nil {
		return fmt.Errorf("%s%s: %w", s.Path(name), lineOf(data, err), err)
	}
	return nil
}

// strict reads one JSON value and nothing in it that is unknown.
func strict(data []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return err
	}
	if dec.More() {
		return errors.New("there is text after the end of the object")
	}
	return nil
}

// lineOf says at which line an error of the JSON decoder is, if it tells.
func lineOf(data []byte, err error) string {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	at := int64(-1)
	switch {
	case errors.As(err, &syntax):
		at = syntax.Offset
	case errors.As(err, &kind):
		at = kind.Offset
	}
	if at < 0 || at > int64(len(data)) {
		return ""
	}
	return fmt.Sprintf(":%d", 1+bytes.Count(data[:at], []byte("\n")))
}

// Main returns the name of the kernel that the series is about: the one with
// the most patches, the first of several.
func (s *Series) Main() string {
	best := s.Kernels[0]
	for _, k := range s.Kernels {
		if len(k.Patches) > len(best.Patches) {
			best = k
		}
	}
	return best.Name
}

// Names returns the names of its kernels, in order.
func (s *Series) Names() []string {
	var names []string
	for _, k := range s.Kernels {
		names = append(names, k.Name)
	}
	return names
}

// Unpatched returns the name of the kernel without patches: the distribution's
// source as it is.
func (s *Series) Unpatched() (string, error) {
	for _, k := range s.Kernels {
		if len(k.Patches) == 0 && k.Source == s.Kernels[0].Source {
			return k.Name, nil
		}
	}
	return "", fmt.Errorf("kernel without patches in series %s: %w", s.Name, ErrUnknown)
}

// WithTree returns the series with one kernel more, of that name: a tree as it
// is, of which nothing is known.
func (s *Series) WithTree(name string) *Series {
	with := *s
	with.Kernels = append(slices.Clone(s.Kernels), Kernel{Name: name, Title: "the tree as it is", Source: s.Kernels[0].Source})
	return &with
}

// Expected is what a series expects of one test in place of the catalogue.
type Expected struct {
	Saw    string   `json:"saw"`    // what the test is to see, in the catalogue's form
	Fault  string   `json:"fault"`  // the known fault that this is an instance of, or ""
	Reason string   `json:"reason"` // why the series expects it
	On     []string `json:"on"`     // kernels of the series; Series.Main if it names none
}

// expectFile is the file of a series folder with what it expects otherwise than
// the catalogue.
const expectFile = "expect.json"

// Expect returns what the series expects of tests on one of its kernels, by the
// test's id, where that is not what the catalogue has.
func (s *Series) Expect(kernel string) map[string]Expected { return s.expect[kernel] }

// ExpectPath is what errors call the file that Expect comes from.
func (s *Series) ExpectPath() string { return s.Path(expectFile) }

func (s *Series) readExpect() error {
	if _, err := fs.Stat(s.folder, expectFile); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	tests := map[string]json.RawMessage{}
	if err := s.readJSON(expectFile, &tests); err != nil {
		return err
	}
	s.expect = map[string]map[string]Expected{}
	for _, id := range slices.Sorted(maps.Keys(tests)) {
		var e Expected
		bad := func(format string, args ...any) error {
			return fmt.Errorf("%s: %s: %s", s.ExpectPath(), id, fmt.Sprintf(format, args...))
		}
		if err := strict(tests[id], &e); err != nil {
			return bad("%v", err)
		}
		if e.Saw == "" {
			return bad(`"saw" is missing: expected what the test sees, "key=value key=value"`)
		}
		if e.Reason == "" {
			return bad(`"reason" is missing: expected why the series shows this`)
		}
		if len(e.On) == 0 {
			e.On = []string{s.Main()}
		}
		for _, name := range e.On {
			if !slices.Contains(s.Names(), name) {
				return bad(`"on": kernel %q: %v; expected one of %v`, name, ErrUnknown, s.Names())
			}
			if s.expect[name] == nil {
				s.expect[name] = map[string]Expected{}
			}
			s.expect[name][id] = e
		}
	}
	return nil
}

package mutation

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"uetest/internal/blame"
	"uetest/internal/patch"
)

// Mutant is a patch that breaks one promise of the kernel it is put on.
type Mutant struct {
	Name       string // the file's name without its ending
	Breaks     string // the first line of the patch: what is broken
	Equivalent string // why it breaks nothing, if it says so of itself
	Text       []byte
	Operator   string // how uetest made it; empty: somebody wrote it

	change []string // what it changes, without where
}

// diff is the text without what stands above the diff.
func (m *Mutant) diff() string {
	if at := diffBegins.FindIndex(m.Text); at != nil {
		return string(m.Text[at[0]:])
	}
	return string(m.Text)
}

// endings are the files of a folder that are mutants.
var endings = []string{".patch", ".diff"}

// Read reads the named patches and those in the named folders, sorted within
// each. Two of one name are refused: outcomes are told by the name.
func Read(paths []string) ([]Mutant, error) {
	var mutants []Mutant
	from := map[string]string{}
	for _, path := range paths {
		files, err := patches(path)
		if err != nil {
			return nil, blame.On(blame.Usage, err)
		}
		for _, file := range files {
			m, err := readFile(file)
			if err != nil {
				return nil, err
			}
			if other, twice := from[m.Name]; twice {
				return nil, blame.On(blame.Usage, fmt.Errorf("%s and %s: two mutants of one name; rename one", other, file))
			}
			from[m.Name] = file
			mutants = append(mutants, m)
		}
	}
	return mutants, nil
}

// patches returns the files that a path of the command line stands for.
func patches(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, err
	}
	var files []string
	for _, e := range entries {
		if !e.IsDir() && slices.Contains(endings, filepath.Ext(e.Name())) {
			files = append(files, filepath.Join(path, e.Name()))
		}
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s: no file in it ends in %s", path, strings.Join(endings, " or "))
	}
	return files, nil
}

func readFile(file string) (Mutant, error) {
	info, err := os.Stat(file)
	if err == nil && info.Size() > patch.MaxPatch {
		err = fmt.Errorf("%s: %w: the limit is %d MiB", file, patch.ErrTooBig, patch.MaxPatch>>20)
	}
	var text []byte
	if err == nil {
		text, err = os.ReadFile(file)
	}
	if err != nil {
		return Mutant{}, blame.On(blame.Usage, err)
	}
	m, err := Parse(strings.TrimSuffix(filepath.Base(file), filepath.Ext(file)), text)
	if err != nil {
		var perr *fs.PathError
		if !errors.As(err, &perr) {
			err = fmt.Errorf("%s: %w", file, err)
		}
	}
	return m, err
}

var (
	subject    = regexp.MustCompile(`(?m)^Subject: (?:\[[^\]]*\] )?(.*(?:\n[ \t].*)*)`)
	equivalent = regexp.MustCompile(`(?m)^Equivalent: (.*(?:\n[ \t].*)*)`)
	diffBegins = regexp.MustCompile(`(?m)^(---|diff --git |\+\+\+ )`)
)

// Parse reads what a patch says of itself: the Subject of its mail, or the
// first line above the diff, and a line "Equivalent: REASON" there, which may
// go on in indented lines. A text without a diff is an error.
func Parse(name string, text []byte) (Mutant, error) {
	if _, err := patch.Read(name, text); err != nil {
		return Mutant{}, blame.On(blame.Patch, err)
	}
	m := Mutant{Name: name, Text: text}
	head := strings.ReplaceAll(string(text), "\r\n", "\n")
	if at := diffBegins.FindStringIndex(head); at != nil {
		head = head[:at[0]]
	}
	if s := subject.FindStringSubmatch(head); s != nil {
		m.Breaks = oneLine(s[1])
	} else {
		m.Breaks, _, _ = strings.Cut(strings.TrimSpace(head), "\n")
	}
	if s := equivalent.FindStringSubmatch(head); s != nil {
		m.Equivalent = oneLine(s[1])
	}
	return m, nil
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

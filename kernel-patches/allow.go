package kernelpatches

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
)

// An Allowance names a report of the kernel that is not what the series is
// tested for: a test during which the kernel makes it is judged by what it saw.
type Allowance struct {
	Title   string   `json:"title"`  // regular expression that the report's whole title matches
	Kernels []string `json:"on"`     // of the series, in any variant; all if it names none
	Tests   string   `json:"tests"`  // regular expression that the test's whole id matches; empty: any, and outside of tests
	Reason  string   `json:"reason"` // why it is nobody's concern here; people get to read it

	Place string `json:"-"` // of the entry, for people: kernel-patches/rfc/allow.json: entry 2

	title, tests *regexp.Regexp
}

// allowFile is the file of a series folder that holds its allowances. It is one
// of its own, and not a part of series.json, because it is read and reviewed for
// itself: each entry of it is something that is not looked at.
const allowFile = "allow.json"

// Allow returns the allowances of the series.
func (s *Series) Allow() []Allowance { return s.allow }

// Covers tells whether a report of a kernel with that title is allowed in a test;
// the id is empty outside of tests.
func (a *Allowance) Covers(kernel, test, title string) bool {
	return a.On(kernel) && (a.tests == nil || a.tests.MatchString(test)) && a.title.MatchString(title)
}

// On tells whether the allowance is one for that kernel, in any variant and with
// any patches on top.
func (a *Allowance) On(kernel string) bool {
	plain, _, _ := strings.Cut(kernel, "+")
	return len(a.Kernels) == 0 || slices.Contains(a.Kernels, kernel) || slices.Contains(a.Kernels, plain)
}

func (s *Series) readAllow() error {
	if _, err := fs.Stat(s.folder, allowFile); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var entries []json.RawMessage
	if err := s.readJSON(allowFile, &entries); err != nil {
		return err
	}
	for i, entry := range entries {
		a := Allowance{Place: fmt.Sprintf("%s: entry %d", s.Path(allowFile), i+1)}
		if err := a.read(s, entry); err != nil {
			name := ""
			if a.Title != "" {
				name = fmt.Sprintf(" (%s)", a.Title)
			}
			return fmt.Errorf("%s%s: %w", a.Place, name, err)
		}
		s.allow = append(s.allow, a)
	}
	return nil
}

func (a *Allowance) read(s *Series, entry []byte) (err error) {
	if err := strict(entry, a); err != nil {
		return err
	}
	if a.Title == "" {
		return errors.New(`"title" is missing: expected a regular expression over the report's whole title`)
	}
	if strings.TrimSpace(a.Reason) == "" {
		return errors.New(`"reason" is missing: expected why the report is nobody's concern`)
	}
	if a.title, err = whole(a.Title); err != nil {
		return fmt.Errorf(`"title": %w`, err)
	}
	if a.Tests != "" {
		if a.tests, err = whole(a.Tests); err != nil {
			return fmt.Errorf(`"tests": %w`, err)
		}
	}
	for _, name := range a.Kernels {
		if _, err := s.Kernel(name); err != nil {
			return fmt.Errorf(`"on": %w`, err)
		}
	}
	return nil
}

// whole compiles an expression that has to match all of a text.
func whole(expression string) (*regexp.Regexp, error) {
	if _, err := regexp.Compile(expression); err != nil { // says it without what is put around
		return nil, err
	}
	return regexp.Compile("^(?:" + expression + ")$")
}

package patch

import (
	"regexp"
	"slices"
	"strings"

	"uetest/internal/blame"
)

// Input is a file to read patches from.
type Input struct {
	Name string // for errors
	Data []byte
	// Group is the same for files that belong together: a directory's. Empty:
	// the file stands for itself.
	Group string
}

// Series is patches in the order in which they apply.
type Series struct {
	Patches []*Patch // a mail each
	Covers  []Cover  // the mails that introduce them, [PATCH 0/m]
	Left    []Left   // mails that are no patch
	Notes   []string // what the one who asked should know, a line each

	// What git format-patch --base wrote: the commit that the patches were
	// made on, and the ids of patches that come before them.
	BaseCommit    string
	Prerequisites []string
}

// Cover is a mail that introduces a series.
type Cover struct {
	Title string
	Of    int
	Text  string
}

// Left is a mail that was left out.
type Left struct {
	Name    string // of the file
	Line    int    // of its subject, one-based
	Subject string
	Why     string
}

// ReadSeries reads patches from files and puts them in order: the mails of a
// series by their [n/m], wherever they are, series and single patches in the
// order of the files.
//
// A mail that is missing, is there twice or is of another version than the
// others is an *Error that names it and wraps ErrMissing, ErrDouble or
// ErrMixed, unless partial is set. One mail of a series alone is taken for what
// was meant; Notes says so. The other errors are those of Read.
func ReadSeries(inputs []Input, partial bool) (*Series, error) {
	s, err := readSeries(inputs, partial)
	return s, blame.On(blame.Patch, err)
}

func readSeries(inputs []Input, partial bool) (*Series, error) {
	s := &Series{}
	var files []*mailbox
	for _, in := range inputs {
		l, err := open(in.Name, in.Data)
		if err != nil {
			return nil, err
		}
		if in.Group != "" {
			l.group = in.Group
		}
		files = append(files, l)
		s.Left = append(s.Left, l.left...)
	}
	mails, err := arrange(files, partial, s)
	if err != nil {
		return nil, err
	}
	for _, m := range mails {
		s.Patches = append(s.Patches, &Patch{
			Name: m.change.place(m.file.name), Form: m.file.form, Changes: []Change{*m.change},
			Masked: m.change.masked(), data: []byte(m.change.raw),
		})
		s.readBase(m.change)
	}
	for _, l := range files {
		for _, c := range l.covers {
			s.Covers = append(s.Covers, Cover{Title: c.Title, Of: c.Of, Text: strings.Join(c.text, "\n") + "\n"})
			s.readBase(c)
		}
	}
	return s, nil
}

var (
	baseCommit   = regexp.MustCompile(`^base-commit: ([0-9a-f]{7,64})\s*$`)
	prerequisite = regexp.MustCompile(`^prerequisite-patch-id: ([0-9a-f]{7,64})\s*$`)
)

// readBase looks for the trailers of git format-patch --base. They stand below
// the diff, or in the cover letter.
func (s *Series) readBase(c *Change) {
	for _, l := range c.text {
		if m := baseCommit.FindStringSubmatch(l); m != nil && s.BaseCommit == "" {
			s.BaseCommit = m[1]
		}
		if m := prerequisite.FindStringSubmatch(l); m != nil && !slices.Contains(s.Prerequisites, m[1]) {
			s.Prerequisites = append(s.Prerequisites, m[1])
		}
	}
}

package kernelpatches

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
)

// Unreached names an added line of the series that no test can have executed.
type Unreached struct {
	File      string   `json:"file"`       // path in the tree
	Text      string   `json:"text"`       // of the line, without the blanks around it
	After     string   `json:"after"`      // of the line before it that is not empty; where text alone does not tell
	ReachedIn []string `json:"reached_in"` // variants in which a test has it executed
	Reason    string   `json:"reason"`     // why it can't be

	Place string `json:"-"` // of the entry, for people: kernel-patches/rfc/unreached.json: entry 2
}

// unreachedFile is the file of a series folder that holds them.
const unreachedFile = "unreached.json"

// Unreached returns what is to be said of a kernel of the series: nothing of one
// below the one that the series is about, whose lines it does not have, and nothing
// of a line that its variant can reach.
func (s *Series) Unreached(k Kernel) []Unreached {
	for _, main := range s.Kernels {
		if main.Name == s.Main() && len(k.Patches) < len(main.Patches) {
			return nil
		}
	}
	var list []Unreached
	for _, u := range s.unreached {
		reached := false
		for _, variant := range u.ReachedIn {
			reached = reached || k.In(variant)
		}
		if !reached {
			list = append(list, u)
		}
	}
	return list
}

// mutantsFile is the file of a series folder that holds what a pass of "uetest
// mutate" made of broken versions of its patches, as --out json=FILE has it.
const mutantsFile = "mutants.json"

// Mutants returns the text of that file and its path, for errors; nil if the
// series has none.
func (s *Series) Mutants() (text []byte, place string, err error) {
	text, err = fs.ReadFile(s.folder, mutantsFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, "", nil
	}
	return text, s.Path(mutantsFile), err
}

func (s *Series) readUnreached() error {
	if _, err := fs.Stat(s.folder, unreachedFile); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var entries []json.RawMessage
	if err := s.readJSON(unreachedFile, &entries); err != nil {
		return err
	}
	for i, entry := range entries {
		u := Unreached{Place: fmt.Sprintf("%s: entry %d", s.Path(unreachedFile), i+1)}
		if err := u.read(s, entry); err != nil {
			return fmt.Errorf("%s: %w", u.Place, err)
		}
		s.unreached = append(s.unreached, u)
	}
	return nil
}

func (u *Unreached) read(s *Series, entry []byte) error {
	if err := strict(entry, u); err != nil {
		return err
	}
	switch {
	case u.File == "" || !fs.ValidPath(u.File):
		return fmt.Errorf(`"file" is %q: expected the path of a file in the kernel's tree`, u.File)
	case strings.TrimSpace(u.Text) != u.Text || u.Text == "":
		return fmt.Errorf(`"text" is %q: expected the line's text without the blanks around it`, u.Text)
	case strings.TrimSpace(u.Reason) == "":
		return errors.New(`"reason" is missing: expected why no test can have the line executed`)
	}
	for _, name := range u.ReachedIn {
		if _, err := s.variant(name); err != nil {
			return fmt.Errorf(`"reached_in": %w`, err)
		}
	}
	return nil
}

package kernelpatches

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
)

// Equivalent says of a mutant that "uetest mutate" makes of the series why no test
// can tell it from the series.
type Equivalent struct {
	Mutant string   `json:"mutant"` // its id
	Change []string `json:"change"` // the lines that it takes away and puts in: "-" or "+", and the text without the blanks around it
	Reason string   `json:"reason"`

	Place string `json:"-"` // of the entry, for people: kernel-patches/rfc/equivalent.json: entry 2
}

// equivalentFile is the file of a series folder that holds them.
const equivalentFile = "equivalent.json"

// Equivalents returns them, none if the series has no such file.
func (s *Series) Equivalents() ([]Equivalent, error) {
	if _, err := fs.Stat(s.folder, equivalentFile); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var entries []json.RawMessage
	if err := s.readJSON(equivalentFile, &entries); err != nil {
		return nil, err
	}
	var list []Equivalent
	for i, entry := range entries {
		e := Equivalent{Place: fmt.Sprintf("%s: entry %d", s.Path(equivalentFile), i+1)}
		if err := e.read(entry); err != nil {
			return nil, fmt.Errorf("%s: %w", e.Place, err)
		}
		list = append(list, e)
	}
	return list, nil
}

func (e *Equivalent) read(entry []byte) error {
	if err := strict(entry, e); err != nil {
		return err
	}
	switch {
	case e.Mutant == "":
		return errors.New(`"mutant" is missing: expected an id that 'uetest mutate --list' has`)
	case len(e.Change) == 0:
		return errors.New(`"change" is missing: expected the lines that the mutant takes away and puts in, as 'uetest mutate --list -v' has them`)
	case strings.TrimSpace(e.Reason) == "":
		return errors.New(`"reason" is missing: expected why no test can tell`)
	}
	for _, l := range e.Change {
		if len(l) < 2 || l[0] != '-' && l[0] != '+' || strings.TrimSpace(l[1:]) != l[1:] {
			return fmt.Errorf(`"change": %q: expected - or + and a line without the blanks around it`, l)
		}
	}
	return nil
}

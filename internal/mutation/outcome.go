package mutation

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"uetest/internal/results"
)

// Class says what became of a mutant.
type Class string

// The classes. Good tells which of them leave the exit code at 0.
const (
	Caught        Class = "caught"        // a test noticed
	Survived      Class = "SURVIVED"      // none did
	Equivalent    Class = "equivalent"    // none did, and the patch says why none can
	Contradiction Class = "CONTRADICTION" // it says that none can, and one did
	Unbuilt       Class = "NOT BUILT"     // it does not apply, or not compile
	Stillborn     Class = "stillborn"     // it does not compile, and uetest made it: it says nothing of the tests
	Untried       Class = "NOT TRIED"     // the harness let it down, twice
)

// Good reports whether c is as it should be.
func (c Class) Good() bool { return c == Caught || c == Equivalent || c == Stillborn }

// Outcome is what the suite said of one mutant.
type Outcome struct {
	Name       string        `json:"name"`
	Breaks     string        `json:"breaks,omitempty"`
	Operator   string        `json:"operator,omitempty"`   // how uetest made it; empty: somebody wrote it
	Equivalent string        `json:"equivalent,omitempty"` // the reason that the patch gives, or the series, or that it compiles to the same
	Class      Class         `json:"class"`
	On         string        `json:"on,omitempty"`      // the variant that told, if it took one
	By         []Notice      `json:"by,omitempty"`      // the tests that noticed
	Outside    []string      `json:"outside,omitempty"` // what was noticed by none: a kernel that does not boot, a splat between tests
	Unsure     []Notice      `json:"unsure,omitempty"`  // tests that noticed once, and not when they were asked again
	Ran        int           `json:"ran"`               // tests with a result
	Cut        bool          `json:"cut,omitempty"`     // the run ended before all tests had their turn
	Error      string        `json:"error,omitempty"`   // why it was not built, or not tried
	Took       time.Duration `json:"took_ns"`           // without the build
	Digest     string        `json:"digest"`            // of the patch and of the kernel that it is put on
	Runs       []string      `json:"runs,omitempty"`    // folders of the saved pass with its runs, if somebody has to look at it

	Lines     []results.MutantLine `json:"lines,omitempty"`     // what it changes, in the kernel without it
	Diff      string               `json:"diff,omitempty"`      // of one that uetest made
	Covering  []string             `json:"covering,omitempty"`  // of one that survived: the tests that execute what it changes
	Uncovered bool                 `json:"uncovered,omitempty"` // no test executes it
}

// Notice is a test that did not see on the mutant what it sees without it.
type Notice struct {
	ID      string          `json:"id"`
	Verdict results.Verdict `json:"verdict"`
	Detail  string          `json:"detail,omitempty"`
}

// Schema is the version of the JSON form of a Table.
const Schema = 1

// Table is a pass over a set of mutants.
type Table struct {
	Schema   int           `json:"schema"`
	Start    time.Time     `json:"start,omitzero"`
	Command  []string      `json:"command,omitempty"` // arguments of uetest, the verb first
	On       string        `json:"on"`                // the kernel that the mutants are put on
	Files    []File        `json:"files,omitempty"`   // what the patches under test leave
	Suite    string        `json:"suite,omitempty"`   // key of the guest image with the tests
	Select   string        `json:"select"`            // the tests that ran, as --run has it
	First    bool          `json:"first"`             // each run ended at the first test that noticed
	Of       int           `json:"of,omitempty"`      // how many there are to try
	Took     time.Duration `json:"took_ns,omitempty"` // of the whole pass, with the builds
	Noise    []Notice      `json:"noise,omitempty"`
	Outcomes []Outcome     `json:"outcomes"`
}

// File is a file of the kernel's tree as the patches under test leave it.
type File struct {
	Path string `json:"path"`
	Blob string `json:"blob"` // git's id of it
}

// Count returns how many mutants are of class c.
func (t *Table) Count(c Class) int {
	n := 0
	for i := range t.Outcomes {
		if t.Outcomes[i].Class == c {
			n++
		}
	}
	return n
}

// Score returns how many of the mutants that can be noticed were, and how many those
// are. A mutant that is said to be equivalent and was noticed can be.
func (t *Table) Score() (caught, of int) {
	caught = t.Count(Caught) + t.Count(Contradiction)
	return caught, caught + t.Count(Survived)
}

// Left is how many mutants there are that have no outcome.
func (t *Table) Left() int { return max(0, t.Of-len(t.Outcomes)) }

// WriteJSON writes the table; docs/formats.md describes the fields.
func (t *Table) WriteJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", " ")
	enc.SetEscapeHTML(false)
	return enc.Encode(t)
}

// ReadJSON reads what WriteJSON wrote.
func ReadJSON(r io.Reader) (*Table, error) {
	var t Table
	if err := json.NewDecoder(r).Decode(&t); err != nil {
		return nil, fmt.Errorf("not a saved table of mutants: %w", err)
	}
	if t.Schema != Schema {
		return nil, fmt.Errorf("the table of mutants has schema %d, this uetest reads schema %d", t.Schema, Schema)
	}
	return &t, nil
}

// digest is what an outcome is found by in an earlier table.
func digest(on string, text []byte) string {
	h := sha256.New()
	_, _ = fmt.Fprintf(h, "%d:%s", len(on), on)
	_, _ = h.Write(text)
	return hex.EncodeToString(h.Sum(nil))[:16]
}

// Package runs keeps what a command of uetest did: which kernels it was asked to
// test, what each of them is, and what each test saw.
//
// A Record is the one value that every report is made from, while the command
// runs and any time later. On the disk it is a file of JSON lines that grows as
// things happen, so a command that is killed leaves a record that goes up to
// there; a reader says that it is not whole. docs/formats.md has the fields.
//
//	RUN/record.jsonl       the record
//	RUN/KERNEL/run.json    what one kernel showed, once it is through
//	RUN/KERNEL/console-N.log, stream-N.jsonl, dump-N.txt   of its guests
package runs

import (
	"strings"
	"time"

	"uetest/internal/results"
)

// Version is the version of the form that is written. Older ones are read: 1 is
// a lone run.json, of the time before there were records.
const Version = 2

// FileName is the file of a run's directory that holds its record.
const FileName = "record.jsonl"

// Asked is what a command was asked for.
type Asked struct {
	Command   []string        `json:"command,omitempty"` // its arguments, the verb first
	Uetest    string          `json:"uetest,omitempty"`  // revision of the program
	Series    string          `json:"series,omitempty"`
	Title     string          `json:"title,omitempty"`   // of the series
	Kernels   []string        `json:"kernels,omitempty"` // names, in order
	Source    string          `json:"source,omitempty"`  // the user's tree in place of a source package
	Select    string          `json:"select,omitempty"`  // regular expression of the ids; empty: all
	Accel     string          `json:"accel,omitempty"`
	Jobs      int             `json:"jobs,omitempty"`
	Isolate   string          `json:"isolate,omitempty"`
	Timeout   time.Duration   `json:"timeout_ns,omitempty"` // of a test, in place of the catalogue's
	Unproven  bool            `json:"unproven,omitempty"`   // go on with what is not the blob that was expected
	Machine   results.Machine `json:"machine,omitzero"`
	Count     int             `json:"count,omitempty"`      // passes over the kernels
	UntilFail bool            `json:"until_fail,omitempty"` // as many until something is not as expected, Count at most if it is not 0
	Shuffle   uint64          `json:"shuffle,omitempty"`    // what the order of the tests is made of; 0: that of the catalogue
	Table     bool            `json:"table,omitempty"`      // many kernels: a text report ends with a line each
	Tester    string          `json:"tester,omitempty"`     // NAME <ADDRESS> for a Tested-by line; empty: none was asked for
}

// Pattern is a regular expression as its author wrote it: Select has it made to match
// whole ids.
func Pattern(re string) string { return strings.TrimSuffix(strings.TrimPrefix(re, "^(?:"), ")$") }

// Patch is a patch's text, kept once however many kernels have it.
type Patch struct {
	File   string `json:"file"`
	SHA256 string `json:"sha256"`
	Text   string `json:"text,omitempty"` // empty if it is larger than MaxPatch
}

// Config is what a kernel was configured with, kept once however many kernels have
// it.
type Config struct {
	SHA256 string `json:"sha256"`         // of the whole .config
	Text   string `json:"text,omitempty"` // the options that are set, a line each; empty if it is larger than MaxConfig
}

// Record is a command and what came of it.
type Record struct {
	Version int
	ID      string // name of its directory
	Asked   Asked
	Start   time.Time
	End     time.Time // zero if it was cut short

	Patches []Patch
	Configs []Config
	Stages  []Stage // as they ended, of all kernels and of what serves them all
	Runs    []*results.Run
	Mutants []*results.Mutants // of an earlier pass, if somebody asked for them

	Exit  int    // exit code; tells nothing if End is zero
	Error string // what kept the rest from running
	Cut   string // how it is known that the record is not whole; empty: it is

	Lines []byte // the record as it is on the disk, without a last line that is not whole
}

// Stage is a stage of the pipeline that ended.
type Stage struct {
	Kernel string `json:"kernel,omitempty"` // empty: it served all kernels
	results.Stage
}

// Fault returns what is known of a fault by its id: from the run that names it,
// since a catalogue changes.
func (r *Record) Fault(id string) (results.FaultNote, bool) {
	for _, run := range r.Runs {
		for _, f := range run.Faults {
			if f.ID == id {
				return f, true
			}
		}
	}
	return results.FaultNote{}, false
}

// Patch returns a patch by the hash of its text.
func (r *Record) Patch(sha256 string) (Patch, bool) {
	for _, p := range r.Patches {
		if p.SHA256 == sha256 {
			return p, true
		}
	}
	return Patch{}, false
}

// Config returns a configuration by the hash of the whole of it.
func (r *Record) Config(sha256 string) (Config, bool) {
	for _, c := range r.Configs {
		if c.SHA256 == sha256 {
			return c, true
		}
	}
	return Config{}, false
}

// Names are what reports call the kernels, one a run: Label, and where the same
// kernel was tested again the number of the repeat behind it, so that no two are
// equal. They are the same each time the same is asked for.
func (r *Record) Names() []string {
	seen, taken := map[string]int{}, map[string]bool{}
	for _, run := range r.Runs {
		taken[run.Label()] = true
	}
	names := make([]string, len(r.Runs))
	for i, run := range r.Runs {
		label := run.Label()
		names[i] = label
		for seen[label]++; seen[label] > 1; seen[label]++ {
			if names[i] = repeated(label, seen[label]); !taken[names[i]] {
				taken[names[i]] = true
				break
			}
		}
	}
	return names
}

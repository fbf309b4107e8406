// Package results turns what a guest said into verdicts.
//
// There are three layers. A test says what it saw, in the guest. The catalogue
// says what the kernel's generation should show. The verdict compares the two,
// here, on the host. Nothing a guest sends is a verdict, so a broken kernel or
// a dead agent cannot pass by saying so, and a test that never reported is
// Missing, not skipped.
package results

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"uetest/internal/blame"
	"uetest/internal/console"
	"uetest/internal/coverage"
	"uetest/internal/wire"
	"uetest/selftests/catalog"
)

// Schema is the version of the JSON form of Run. A reader refuses a version
// it does not know, by name.
const Schema = 1

// Verdict is what a test's observations mean on the kernel it ran on.
type Verdict string

// The verdicts. Good tells which of them leave the exit code at 0.
const (
	AsExpected   Verdict = "as expected"   // saw what the ABI promises
	KnownFault   Verdict = "known fault"   // deviates from the promise, in the way the catalogue names
	Fixed        Verdict = "fixed"         // a catalogued fault no longer shows
	Regressed    Verdict = "regressed"     // saw neither the expectation nor the promise
	UnknownFault Verdict = "unknown fault" // the kernel splatted or died during the test
	Errored      Verdict = "error"         // the test could not do its work
	Missing      Verdict = "missing"       // it was to run and never reported
	Skipped      Verdict = "skipped"       // the kernel may lack what the test needs, and does
)

// Verdicts lists all verdicts, those that need attention first.
var Verdicts = []Verdict{UnknownFault, Regressed, Fixed, Errored, Missing, Skipped, KnownFault, AsExpected}

// Good reports whether v needs nobody's attention.
func (v Verdict) Good() bool { return v == AsExpected || v == KnownFault || v == Skipped }

// Test is the result of one test on one kernel.
type Test struct {
	ID       string        `json:"id"`
	Purpose  string        `json:"purpose"`
	Verdict  Verdict       `json:"verdict"`
	Saw      string        `json:"saw"`                // "key=value key=value", in the order seen
	Expected string        `json:"expected,omitempty"` // what the catalogue has for this generation
	Promise  string        `json:"promise,omitempty"`  // what the fault's absence would show
	Fault    string        `json:"fault,omitempty"`    // id of the catalogued fault
	Detail   string        `json:"detail,omitempty"`   // why, for everything but as expected
	Log      []string      `json:"log,omitempty"`      // the test's own lines and output
	Kmsg     []string      `json:"kmsg,omitempty"`     // kernel log between start and end
	Boot     int           `json:"boot"`               // which boot of the run it ran in, from 1
	Took     time.Duration `json:"took_ns"`            // in the guest

	Splats []console.Splat `json:"splats,omitempty"`

	Samples []Sample `json:"samples,omitempty"` // what it measured; they change from run to run and count for nothing
}

// Sample is Y, in Unit, of what was measured at X of Per.
type Sample struct {
	Of   string  `json:"of"`
	X    float64 `json:"x"`
	Per  string  `json:"per"`
	Y    float64 `json:"y"`
	Unit string  `json:"unit"`
}

// Stage is how long one stage of the pipeline took.
type Stage struct {
	Name string        `json:"name"`
	Took time.Duration `json:"took_ns"`
	Note string        `json:"note,omitempty"` // "cached", "2 boots"
}

// Kernel says which kernel was tested and how it is known to be that one.
type Kernel struct {
	Name     string   `json:"name"`             // stable, base, rfc, or a file's name
	Arch     string   `json:"arch,omitempty"`   // what it is built for: x86_64, arm64, riscv64
	Source   string   `json:"source,omitempty"` // package and version, or directory
	Patches  []string `json:"patches,omitempty"`
	Blobs    []Blob   `json:"blobs,omitempty"`
	Proven   bool     `json:"proven"`             // every blob is the one the series names
	Unproven []string `json:"unproven,omitempty"` // why not, a line a file
	Declared string   `json:"declared,omitempty"` // the generation the series declares
	Key      string   `json:"key,omitempty"`      // image cache key
	Image    string   `json:"image"`              // path of what was booted

	// What it was built of and with, as far as it is known: of a prebuilt image
	// nobody can say.
	Variant    string `json:"variant,omitempty"`     // of its configuration: kasan
	Commit     string `json:"commit,omitempty"`      // HEAD of the user's tree, in full
	Describe   string `json:"describe,omitempty"`    // the tag that it comes after
	Compiler   string `json:"compiler,omitempty"`    // its first line of --version
	ConfigHash string `json:"config_hash,omitempty"` // sha256 of the whole .config

	// Mails are the patches that were applied, in order, and how to reply to them.
	Mails []Mail `json:"mails,omitempty"`

	// Top are the patches that somebody put on the kernel of the series, in
	// order. Blobs is about the kernel below them.
	Top []TopPatch `json:"top,omitempty"`
	// Expects are the tests of which the series expects something else than the
	// catalogue, by id, with its reason.
	Expects map[string]string `json:"expects,omitempty"`

	// Form is what a prebuilt image is: "bzImage, xz".
	Form string `json:"form,omitempty"`
	// Config is where it was read what the kernel was configured with, if that is
	// not the series' own configuration; Lacks is what that lacks.
	Config string `json:"config,omitempty"`
	Lacks  []Lack `json:"lacks,omitempty"`
}

// Lack is an option that a kernel's configuration lacks, of those that a guest or
// a test needs.
type Lack struct {
	Option string `json:"option"`          // without CONFIG_
	Got    string `json:"got"`             // "n", "m"; empty if it is only known not to be built in
	Why    string `json:"why"`             // what it would be for
	Tests  int    `json:"tests,omitempty"` // that are skipped for it
	Fatal  bool   `json:"fatal,omitempty"` // nothing can be tested without it
}

func (l Lack) String() string {
	state := "is not set"
	switch l.Got {
	case "m":
		state = "is a module, and the guest loads none"
	case "":
		state = "is not built in"
	}
	return fmt.Sprintf("CONFIG_%s %s: %s", l.Option, state, l.Why)
}

// Mail is a patch as it was posted.
type Mail struct {
	File    string `json:"file"`
	SHA256  string `json:"sha256"` // of its text
	Subject string `json:"subject,omitempty"`
	From    string `json:"from,omitempty"`
	Date    string `json:"date,omitempty"`
	ID      string `json:"id,omitempty"` // Message-ID without its brackets
}

// TopPatch is a patch on top of a kernel of the series.
type TopPatch struct {
	File     string    `json:"file"`
	Subject  string    `json:"subject,omitempty"`
	Restored string    `json:"restored,omitempty"` // "proven" or "unproven" if it had lost its whitespace
	Files    []TopFile `json:"files"`
}

// TopFile is a file that such a patch changes. Blob ids are as the patch's
// index line has them, which may be abbreviated or none, and in full as they
// are.
type TopFile struct {
	Path       string   `json:"path"`
	Action     string   `json:"action"` // modify, create, delete, rename, copy
	WantBefore string   `json:"want_before,omitempty"`
	Before     string   `json:"before,omitempty"`
	WantAfter  string   `json:"want_after,omitempty"`
	After      string   `json:"after,omitempty"`
	Proven     bool     `json:"proven"`          // the result is the one that the patch names
	Moved      []string `json:"moved,omitempty"` // hunks that stand elsewhere than their header says
}

// Base says on what a file's change was applied, in the words of its proof.
func (f *TopFile) Base() string {
	switch {
	case f.Proven && f.Action == "delete":
		return fmt.Sprintf("deleted, blob %.12s was the one in the index line", f.Before)
	case f.Proven:
		return fmt.Sprintf("blob %.12s is the one in the index line", f.After)
	case f.WantAfter == "" && f.WantBefore == "":
		return "the patch has no index line to prove it by"
	case f.WantBefore != "" && f.Before != "" && !strings.HasPrefix(f.Before, f.WantBefore):
		return fmt.Sprintf("applied at another base: blob %.12s, written for %.12s", f.Before, f.WantBefore)
	}
	return fmt.Sprintf("blob %.12s, the index line has %.12s", f.After, f.WantAfter)
}

// Blob is a file of the kernel tree that the series names a git blob for.
type Blob struct {
	Path string `json:"path"`
	Want string `json:"want"`
	Got  string `json:"got"`
}

// Machine is what is asked of every guest of a run beside what its tests need.
type Machine struct {
	Append []string `json:"append,omitempty"` // kernel parameters
	Memory int      `json:"memory,omitempty"` // MiB
	CPUs   int      `json:"cpus,omitempty"`
	Model  string   `json:"model,omitempty"` // of the CPUs, as QEMU calls it
}

// Run is everything one kernel showed.
type Run struct {
	Schema     int             `json:"schema"`
	Kernel     Kernel          `json:"kernel"`
	Prefix     *Prefix         `json:"prefix,omitempty"` // of a series that was gone through patch by patch
	Pass       int             `json:"pass,omitempty"`   // over the kernels, if there were several, from 1
	Guest      wire.Guest      `json:"guest"`
	Generation string          `json:"generation"` // whose expectations were used
	Accel      string          `json:"accel"`
	AccelWhy   string          `json:"accel_why,omitempty"` // how it was chosen
	Select     string          `json:"select,omitempty"`    // regular expression of the ids that were to run; empty: all
	Machine    Machine         `json:"machine,omitzero"`    // what the guests had in place of the usual
	Boots      int             `json:"boots"`
	Restored   int             `json:"restored,omitempty"`    // guests that were restored from a snapshot
	Retries    []string        `json:"retries,omitempty"`     // why a guest had to be tried again
	NoSnapshot string          `json:"no_snapshot,omitempty"` // why there was none to restore from
	OneCPU     string          `json:"one_cpu,omitempty"`     // why no guest had two CPUs, so that tests that take two were skipped
	Start      time.Time       `json:"start"`
	Shuffle    uint64          `json:"shuffle,omitempty"` // what the order of the tests was made of; 0: that of the catalogue
	Order      []string        `json:"order,omitempty"`   // of a shuffled run: ids of the tests, as they began in guests
	Tests      []Test          `json:"tests"`
	Splats     []console.Splat `json:"splats,omitempty"`            // outside of any test
	Problems   []string        `json:"problems,omitempty"`          // of the run as a whole
	Unused     []string        `json:"unused_allowances,omitempty"` // of the series, if the run was one of the whole catalogue
	Fatal      blame.Party     `json:"fatal,omitempty"`             // who ended the run early, 0 if nobody
	Stages     []Stage         `json:"stages"`
	Dir        string          `json:"dir"` // console logs and this run as JSON

	// Coverage says what was executed of the patch, if somebody asked.
	Coverage *coverage.Report `json:"coverage,omitempty"`

	QEMU   string      `json:"qemu,omitempty"`   // first line of --version
	Repeat string      `json:"repeat,omitempty"` // flags of "uetest run" that ask for this kernel again, for a shell
	Faults []FaultNote `json:"faults,omitempty"` // what the catalogue said of the faults that the tests name
}

// Prefix says how many patches of a series a run's kernel has.
type Prefix struct {
	Number  int    `json:"number"`            // of the last patch that it has, 0 without any
	Of      int    `json:"of"`                // patches of the series
	File    string `json:"file,omitempty"`    // the last patch that it has
	Subject string `json:"subject,omitempty"` // its subject
}

// Came reports whether the run's kernel was built and booted.
func (r *Run) Came() bool { return r.Guest.Release != "" }

// Built tells whether there was a kernel at all.
func (r *Run) Built() bool { return r.Fatal != blame.Patch }

// WholeID is what the result of a kernel as a whole is called.
const WholeID = "boot/kernel"

// Whole is the result of a kernel as a whole, of what belongs to no test: a boot
// that failed and a splat between tests must not get lost.
func (r *Run) Whole() Test {
	t := Test{ID: WholeID, Verdict: AsExpected, Log: r.Problems, Splats: r.Splats}
	switch charged := Charged(r.Splats); {
	case len(charged) > 0:
		t.Verdict, t.Detail = UnknownFault, charged[0].Title
	case len(r.Problems) > 0:
		t.Verdict, t.Detail = Errored, "see the lines below"
	case r.Fatal != 0:
		t.Verdict, t.Detail = Errored, r.Fatal.Ended()
	}
	return t
}

// FaultNote is a catalogued fault, so that a run can be read without the
// catalogue that it was judged by.
type FaultNote struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	Claim int    `json:"claim,omitempty"`
}

// Label is what tells the kernel of a run from others of the same command: its
// name, which holds variant and patches, and the architecture if it is not that
// of most.
func (r *Run) Label() string {
	arch := r.Kernel.Arch
	if arch == "" {
		arch = r.Guest.Machine
	}
	if arch == "" || arch == usualArch || strings.Contains(r.Kernel.Name, arch) {
		return r.Kernel.Name
	}
	return r.Kernel.Name + "@" + arch
}

// usualArch is the architecture that a label does not mention.
const usualArch = "x86_64"

// Note has the run say what the catalogue knows of the faults that its tests
// name.
func (r *Run) Note() {
	r.Faults = nil
	for i := range r.Tests {
		f, ok := catalog.FaultByID(r.Tests[i].Fault)
		if ok && !slices.ContainsFunc(r.Faults, func(n FaultNote) bool { return n.ID == f.ID }) {
			r.Faults = append(r.Faults, FaultNote{f.ID, f.Title, f.Claim})
		}
	}
}

// Count returns how many tests got verdict v.
func (r *Run) Count(v Verdict) int {
	n := 0
	for i := range r.Tests {
		if r.Tests[i].Verdict == v {
			n++
		}
	}
	return n
}

// Exit returns the exit code of uetest for this run: 0 if all is as expected,
// else the code of the party that has to act.
func (r *Run) Exit() int {
	if r.Fatal != 0 {
		return int(r.Fatal)
	}
	if len(r.Tests) == 0 || r.Count(Missing)+r.Count(Skipped) == len(r.Tests) {
		return int(blame.Nothing)
	}
	for i := range r.Tests {
		if !r.Tests[i].Verdict.Good() {
			return int(blame.Test)
		}
	}
	if len(r.Problems)+len(Charged(r.Splats)) > 0 {
		return int(blame.Test)
	}
	return 0
}

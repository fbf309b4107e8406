package runs

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"uetest/internal/blame"
	"uetest/internal/cache"
	"uetest/internal/results"
)

// Recorder writes the record of a command as it goes. It is safe for concurrent
// use. That it cannot write is told by Close: the tests go on.
type Recorder struct {
	dir string

	mu      sync.Mutex
	file    *os.File
	written int64
	err     error
	tees    []io.Writer
	fold    *folder
	last    map[string][]byte // what is recorded of a test, by kernel and id
	patches map[string]bool   // by hash
	configs map[string]bool   // by hash
	folders map[string]int    // how many there are of a name
	ended   bool
	begun   bool // there is more in it than what was asked for, and how it ended
}

// Create makes the directory of a run in the cache, and begins its record. keep
// has the directory stay until somebody removes it.
func Create(dir string, asked Asked, keep bool) (*Recorder, error) {
	c, err := cache.Open(dir)
	if err != nil {
		return nil, err
	}
	now := time.Now().UTC()
	home, err := c.Namespace(cache.Runs).Add(now.Format("20060102-150405.000-") + FolderName(strings.Join(asked.Kernels, "-")) + "-")
	if err != nil {
		return nil, err
	}
	if keep {
		if err := cache.Keep(home); err != nil {
			return nil, err
		}
	}
	return create(home, asked, now)
}

// CreateIn begins the record of a run that is a part of something larger: in a
// folder of its own in dir, which somebody else holds. The folders are numbers, for
// guests' sockets are below them.
func CreateIn(dir string, asked Asked) (*Recorder, error) {
	for n := 1; ; n++ {
		home := filepath.Join(dir, strconv.Itoa(n))
		switch err := os.Mkdir(home, 0o777); {
		case err == nil:
			return create(home, asked, time.Now().UTC())
		case !errors.Is(err, os.ErrExist):
			return nil, cache.Fault(err)
		}
	}
}

func create(home string, asked Asked, now time.Time) (*Recorder, error) {
	file, err := os.OpenFile(filepath.Join(home, FileName), os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, cache.Fault(err)
	}
	r := &Recorder{dir: home, file: file, fold: newFolder(), last: map[string][]byte{}, patches: map[string]bool{}, configs: map[string]bool{}, folders: map[string]int{}}
	r.write(&Event{Action: Run, Time: now, Version: Version, ID: filepath.Base(home), Asked: &asked})
	return r, nil
}

// Dir is the run's directory.
func (r *Recorder) Dir() string { return r.dir }

// Tee has w get all lines, those that are written already too. An error of w's
// is for w to remember.
func (r *Recorder) Tee(w io.Writer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if data, err := os.ReadFile(r.file.Name()); err == nil {
		_, _ = w.Write(data)
	}
	r.tees = append(r.tees, w)
}

// write appends an event. The mutex is held, or nobody else has r.
func (r *Recorder) write(e *Event) {
	if e.Time.IsZero() {
		e.Time = time.Now().UTC()
	}
	line, err := e.line()
	if err == nil {
		err = r.fold.add(e)
	}
	if err == nil && r.err == nil {
		var n int
		n, err = r.file.Write(line)
		r.written += int64(n)
	}
	if err != nil && r.err == nil {
		r.err = err
	}
	for _, w := range r.tees {
		_, _ = w.Write(line)
	}
	switch e.Action {
	case Run, Broken, End: // told by who was asked, before and after
	default:
		r.begun = true
	}
}

// Full reports whether the record is so large that who could go on for ever should
// not.
func (r *Recorder) Full() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.written > MaxPasses
}

// Event records a line of the caller's.
func (r *Recorder) event(e *Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.write(e)
}

var notInFolder = regexp.MustCompile(`[^A-Za-z0-9._+-]+`)

// maxFolder keeps the paths of a guest's sockets short enough.
const maxFolder = 40

// FolderName is a kernel's name as that of its folder in a run's; Folder gives the
// later ones of several of one name another.
func FolderName(name string) string {
	name = strings.Trim(notInFolder.ReplaceAllString(name, "-"), ".-")
	if len(name) > maxFolder {
		name = name[:maxFolder]
	}
	if name == "" {
		return "run"
	}
	return name
}

// Folder makes the directory for what a kernel leaves. Its name is what the other
// methods call the kernel by.
func (r *Recorder) Folder(name string) (key, dir string, err error) {
	name = FolderName(name)
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		key = name
		if r.folders[name]++; r.folders[name] > 1 {
			key = repeated(name, r.folders[name])
		}
		dir = filepath.Join(r.dir, key)
		if err = os.Mkdir(dir, 0o777); !errors.Is(err, os.ErrExist) {
			return key, dir, cache.Fault(err)
		}
	}
}

// Patch records the text of a patch, once.
func (r *Recorder) Patch(file string, text []byte) {
	sum := Digest(text)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.patches[sum] {
		return
	}
	r.patches[sum] = true
	p := &Patch{File: file, SHA256: sum}
	if len(text) <= MaxPatch {
		p.Text = string(text)
	}
	r.write(&Event{Action: Text, Patch: p})
}

// Config records the configuration of a kernel, once.
func (r *Recorder) Config(text []byte) {
	sum := Digest(text)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.configs[sum] {
		return
	}
	r.configs[sum] = true
	c := &Config{SHA256: sum}
	var set strings.Builder
	for l := range bytes.Lines(text) {
		if bytes.HasPrefix(l, []byte("CONFIG_")) {
			set.Write(l)
		}
	}
	if set.Len() <= MaxConfig {
		c.Text = set.String()
	}
	r.write(&Event{Action: Configured, Config: c})
}

// Mutants records what an earlier pass of broken patches showed.
func (r *Recorder) Mutants(m *results.Mutants) { r.event(&Event{Action: Broken, Mutants: m}) }

// Digest is the sha256 of a text, hexadecimal.
func Digest(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// Stage records that a stage has ended; kernel is its name, or empty.
func (r *Recorder) Stage(kernel string, s results.Stage) {
	r.event(&Event{Action: Staged, Kernel: kernel, Stage: &s})
}

// Kernel records what a kernel is that is about to be tested.
func (r *Recorder) Kernel(key string, run *results.Run) {
	r.event(&Event{Action: Kernel, Kernel: key, Run: boundRun(run)})
}

// Plan records which tests are to run on it.
func (r *Recorder) Plan(key string, ids []string) {
	r.event(&Event{Action: Plan, Kernel: key, Tests: ids})
}

// Start records that a test begins.
func (r *Recorder) Start(key, id string) {
	r.event(&Event{Action: Start, Kernel: key, Test: id})
}

// Result records a test's result, if it is another one than is recorded.
func (r *Recorder) Result(key string, t *results.Test) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.result(key, t)
}

func (r *Recorder) result(key string, t *results.Test) {
	b := bounded(*t, r.written)
	data, err := json.Marshal(b)
	place := key + "\x00" + t.ID
	if err == nil && bytes.Equal(data, r.last[place]) {
		return
	}
	r.last[place] = data
	r.write(&Event{Action: Result, Kernel: key, Test: t.ID, Result: &b})
}

// Done records what a kernel showed in the end, and saves it by itself.
func (r *Recorder) Done(key string, run *results.Run) error {
	r.mu.Lock()
	ids := make([]string, len(run.Tests))
	for i := range run.Tests {
		ids[i] = run.Tests[i].ID
		r.result(key, &run.Tests[i])
	}
	r.write(&Event{Action: Done, Kernel: key, Run: boundRun(run), Tests: ids})
	r.mu.Unlock()
	return run.Save()
}

// Close ends the record with how the command ended; why may be nil. It returns
// the first error there was in writing it. A second call does nothing.
func (r *Recorder) Close(exit int, why error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended {
		return nil
	}
	r.ended = true
	e := &Event{Action: End, Exit: &exit}
	if why != nil {
		e.Error = why.Error()
	}
	r.write(e)
	err := errors.Join(r.err, r.file.Close())
	cache.Release(r.dir)
	if err != nil {
		return cache.Fault(blame.On(blame.Host, err))
	}
	return nil
}

// Refused removes what was recorded of a command that began nothing, for what it was
// asked for cannot be: in a list of runs it is none. It keeps any other. Close comes
// before.
func (r *Recorder) Refused() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.begun || !r.ended {
		return nil
	}
	return cache.Fault(os.RemoveAll(r.dir))
}

// Record is the record as it was written, or as much of it as is known if it
// could not be.
func (r *Recorder) Record() *Record {
	if rec, err := Open(r.dir); err == nil {
		return rec
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.fold.record()
}

package pipeline

import (
	"strings"
	"sync"
	"time"

	"uetest/internal/results"
)

// Event tells what the pipeline is doing, for people who wait.
type Event struct {
	Kernel string // name of the kernel, empty for what serves all of them
	Stage  string // "patch", "kernel", "initramfs", "accel", "boot", "tests"
	Text   string // what is going on, or the note of a finished stage

	Done, Total int           // progress within the stage; Total 0 if unknown
	Finished    bool          // the stage is over
	Took        time.Duration // of a finished stage

	Notice bool // Text is worth a line of its own: an entry of the cache was damaged
}

// stages times the stages of one run and reports them. It is safe for
// concurrent use.
type stages struct {
	kernel string
	notify func(Event)

	mu   sync.Mutex
	done []results.Stage
}

// begin starts a stage. The returned function ends it with a note, of which
// what stands before a colon goes into the line of stage times.
func (s *stages) begin(name, text string) func(note string) {
	start := time.Now()
	s.notify(Event{Kernel: s.kernel, Stage: name, Text: text})
	return func(note string) {
		took := time.Since(start)
		s.mu.Lock()
		short, _, _ := strings.Cut(note, ": ")
		s.done = append(s.done, results.Stage{Name: name, Took: took, Note: short})
		s.mu.Unlock()
		s.notify(Event{Kernel: s.kernel, Stage: name, Text: note, Finished: true, Took: took})
	}
}

// serialize makes notify safe to call from several goroutines, and from one
// that has nobody to notify.
func serialize(notify func(Event)) func(Event) {
	if notify == nil {
		return func(Event) {}
	}
	var mu sync.Mutex
	return func(e Event) {
		mu.Lock()
		defer mu.Unlock()
		notify(e)
	}
}

package pipeline

import (
	"errors"
	"fmt"
	"os"

	"uetest/internal/blame"
	"uetest/internal/coverage"
	"uetest/internal/symbols"
	"uetest/internal/vm"
)

// tracing finds lines by what QEMU says that it translates, and the line table of
// a kernel that nothing was put into. Each test then has a guest of its own: one
// that ran another test has code that is not translated again.
type tracing struct {
	code []symbols.Instruction // of the files that the patch changes
	text []vm.CodeRange        // the functions that it is in
}

// newTracing also returns the lines that have code.
func newTracing(b *built, accel vm.Accel) (*tracing, map[coverage.Place]bool, error) {
	if accel != vm.TCG {
		return nil, nil, blame.On(blame.Usage, fmt.Errorf("--coverage=%s reads which code the emulator met, and %s does not emulate: say --accel tcg", CoverageTrace, accel))
	}
	image, err := symbols.Open(b.symbols)
	if err != nil {
		if errors.Is(err, symbols.ErrNoDWARF) || errors.Is(err, symbols.ErrNoSymbols) {
			return nil, nil, blame.On(blame.Usage, fmt.Errorf("--coverage=%s takes line numbers: %w", CoverageTrace, err))
		}
		return nil, nil, blame.On(blame.Host, err)
	}
	defer func() { _ = image.Close() }() // only read
	t := &tracing{}
	var paths []string
	for _, f := range b.changed {
		paths = append(paths, f.Path)
	}
	var functions []symbols.Range
	t.code, functions = image.Code(paths)
	for _, r := range functions {
		t.text = append(t.text, vm.CodeRange(r))
	}
	return t, t.lines(func(uint64) bool { return true }), nil
}

// lines returns the lines of the instructions that were executed.
func (t *tracing) lines(executed func(addr uint64) bool) map[coverage.Place]bool {
	places := map[coverage.Place]bool{}
	for _, i := range t.code {
		if executed(i.Addr) {
			for _, l := range i.Lines {
				places[coverage.Place{File: l.File, Line: l.Line}] = true
			}
		}
	}
	return places
}

// traced is the trace of a guest; nil if there is to be none.
func (d *driver) traced(number int) *vm.Trace {
	if d.cover == nil || d.cover.trace == nil || len(d.cover.trace.text) == 0 {
		return nil
	}
	return &vm.Trace{File: d.file("trace-%d.log", number), Code: d.cover.trace.text}
}

// read reads a trace and removes it: with the text of each instruction they are a
// hundred times what is kept of them.
func (t *tracing) read(trace *vm.Trace) (map[coverage.Place]bool, error) {
	if trace == nil { // nothing was compiled from the patch
		return nil, nil
	}
	f, err := os.Open(trace.File)
	if err != nil {
		return nil, err
	}
	defer func() {
		_ = f.Close()
		_ = os.Remove(trace.File)
	}()
	executed, err := coverage.ReadTrace(f)
	return t.lines(func(addr uint64) bool { return executed[addr] }), err
}

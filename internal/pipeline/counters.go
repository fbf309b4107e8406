package pipeline

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path"
	"strings"
	"time"

	"uetest/internal/blame"
	"uetest/internal/coverage"
	"uetest/internal/symbols"
)

// counters finds lines by the counters that the compiler put into the files that
// the patch changes. They are variables of the kernel, read from outside: the
// guest takes no part in it, and a kernel that is stuck has them too.
type counters struct {
	files      []countedFile
	start, end uint64 // the memory that they are in
	order      binary.ByteOrder
}

// countedFile is a file with its counters, by function.
type countedFile struct {
	notes *coverage.Notes
	at    map[string]symbols.Object
}

// counterName is how gcc calls the counters of a function (gcc/coverage.cc,
// build_var); behind it is the function's own name.
const counterName = "__gcov0."

// maxCounters bounds the memory that is read after each test: 64 KiB are the
// counters of a file of 20,000 lines.
const maxCounters = 16 << 20

// newCounters also returns the lines that have code.
func newCounters(b *built) (*counters, map[coverage.Place]bool, error) {
	objects, err := symbols.Objects(b.symbols, counterName)
	if err != nil {
		return nil, nil, blame.On(blame.Host, err)
	}
	c := &counters{start: math.MaxUint64, order: binary.LittleEndian}
	code := map[coverage.Place]bool{}
	for _, f := range b.changed {
		if path.Ext(f.Path) != ".c" {
			continue
		}
		text, err := os.ReadFile(b.notes(f.Path))
		if errors.Is(err, fs.ErrNotExist) {
			continue // the kernel keeps counters out of it
		}
		var notes *coverage.Notes
		if err == nil {
			notes, err = coverage.ReadNotes(f.Path, text)
		}
		if err != nil {
			return nil, nil, blame.On(blame.Host, err)
		}
		one := countedFile{notes, map[string]symbols.Object{}}
		functions := notes.Functions()
		for _, o := range objects {
			name := strings.TrimPrefix(o.Name, counterName)
			if _, known := functions[name]; !known || o.File != path.Base(f.Path) {
				continue
			}
			one.at[name] = o
			c.start, c.end = min(c.start, o.Addr), max(c.end, o.Addr+o.Size)
		}
		for at := range notes.Code(func(function string) bool { return one.at[function].Size > 0 }) {
			code[at] = true
		}
		c.files = append(c.files, one)
	}
	if c.end > c.start && c.end-c.start > maxCounters {
		return nil, nil, blame.On(blame.Host, fmt.Errorf("the counters of the patch's files lie %d bytes apart; at most %d are read", c.end-c.start, maxCounters))
	}
	return c, code, nil
}

// counterLimit is how long QEMU may take to hand out memory; a millisecond on an
// idle machine.
const counterLimit = 10 * time.Second

// since returns the lines that a guest executed since it was last asked, or since
// its kernel booted.
func (c *counters) since(ctx context.Context, s *session) (map[coverage.Place]bool, error) {
	if c.end <= c.start { // nothing was compiled from the patch
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, counterLimit)
	defer cancel()
	file := s.d.file("counters-%d", s.number)
	defer func() { _ = os.Remove(file) }()
	if err := s.vm.Monitor().SaveMemory(ctx, c.start, c.end-c.start, file); err != nil {
		return nil, fmt.Errorf("its counters can't be read: %w", err)
	}
	now, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	if uint64(len(now)) != c.end-c.start {
		return nil, fmt.Errorf("%d bytes of its counters were read, expected %d", len(now), c.end-c.start)
	}
	before := s.counted
	s.counted = now
	places := map[coverage.Place]bool{}
	for _, f := range c.files {
		counts := map[string][]uint64{}
		for name, o := range f.at {
			at := o.Addr - c.start
			list := make([]uint64, o.Size/8)
			for i := range list {
				list[i] = c.order.Uint64(now[at+uint64(i)*8:])
				if before != nil {
					list[i] -= c.order.Uint64(before[at+uint64(i)*8:])
				}
			}
			counts[name] = list
		}
		executed, err := f.notes.Executed(counts)
		if err != nil {
			return nil, err
		}
		for at := range executed {
			places[at] = true
		}
	}
	return places, nil
}

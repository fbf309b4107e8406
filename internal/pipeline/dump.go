package pipeline

import (
	"cmp"
	"context"
	"debug/elf"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"time"

	"uetest/internal/vm"
	"uetest/internal/wire"
)

// holdLimit is how long the guest leaves a test as it is after its time is up,
// unscaled, so that it can be looked at: a dump of an idle guest takes 0.8 to
// 1.2 s under emulation, of which the host's load is the larger part.
const holdLimit = time.Second

// A look is what was found out about a guest that is late.
type look struct {
	vm.Dump
	text string // a line, with the file that has the rest
}

// look makes a dump of the guest, which goes on, and keeps it beside the log of
// its console.
func (s *session) look(ctx context.Context) *look {
	d := s.vm.Dump(ctx)
	name := s.d.functions()
	l := &look{Dump: d, text: d.Summary(name)}
	file := s.d.file("dump-%d.txt", s.number)
	if err := os.WriteFile(file, []byte(d.Text(name)), 0o644); err != nil {
		l.text += "; not kept: " + err.Error()
	} else {
		l.text += "; see " + filepath.Base(file)
	}
	return l
}

// A watch looks at a guest when a test's time is up.
type watch struct {
	cancel func()
	seen   chan *look // closed when there is nothing more to come
}

// whenLate looks at the guest after limit, unless it is stopped before, and puts
// a line about it into the log of test id.
func (s *session) whenLate(ctx context.Context, id string, limit time.Duration) *watch {
	ctx, cancel := context.WithCancel(ctx)
	w := &watch{cancel: cancel, seen: make(chan *look, 1)}
	go func() {
		defer close(w.seen)
		select {
		case <-ctx.Done():
		case <-s.vm.Done():
		case <-time.After(limit):
			// The dump has a limit of its own and is wanted whole.
			l := s.look(context.WithoutCancel(ctx))
			// A test that has not started has no log.
			_, _ = s.heard.Add(wire.Message{Kind: wire.Log, ID: id, Text: "when its time was up: " + l.text})
			w.seen <- l
			if l.Stopped {
				_ = s.vm.Close() // nothing will come of waiting
			}
		}
	}()
	return w
}

// stop ends the watch and returns what was seen, or nil.
func (w *watch) stop() *look {
	w.cancel()
	return <-w.seen
}

// functions returns what names an address of the kernel's code as
// function+offset; "" for what is none. nil: this kernel has no symbols.
func (d *driver) functions() func(uint64) string {
	f, err := elf.Open(cmp.Or(d.kernel.symbols, d.kernel.vmlinux))
	if err != nil {
		return nil
	}
	defer func() { _ = f.Close() }()
	all, err := f.Symbols()
	if err != nil {
		return nil
	}
	funcs := slices.DeleteFunc(all, func(s elf.Symbol) bool {
		return elf.ST_TYPE(s.Info) != elf.STT_FUNC || s.Size == 0
	})
	slices.SortFunc(funcs, func(a, b elf.Symbol) int { return cmp.Compare(a.Value, b.Value) })
	return func(addr uint64) string {
		i := sort.Search(len(funcs), func(i int) bool { return funcs[i].Value > addr }) - 1
		if i < 0 || addr-funcs[i].Value >= funcs[i].Size {
			return ""
		}
		return fmt.Sprintf("%s+%#x/%#x", funcs[i].Name, addr-funcs[i].Value, funcs[i].Size)
	}
}

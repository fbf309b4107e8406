package model

import (
	"cmp"
	"fmt"
	"slices"
)

// Generation names a behaviour of the ABI, as selftests/catalog does.
type Generation string

// The generations that there is a model of.
const (
	G0       Generation = "g0"
	G0Stable Generation = "g0+stable"
	G1       Generation = "g1"
	G3       Generation = "g3"
)

// Generations is all of them.
var Generations = []Generation{G0, G0Stable, G1, G3}

// words reports whether g tells programs by words of their own.
func (g Generation) words() bool { return g == G1 || g == G3 }

// Model is the state of a kernel and of the processes of a program.
type Model struct {
	gen     Generation
	promise []Promise

	procs  [Processes]*process // nil: has not been there yet
	files  [Files]*file
	events [Events]event
	memfd  *frame
	ids    int // of mappings
	clock  int // operations done

	toggling bool // a source is being switched
}

type process struct {
	ended bool // exited
	other bool // runs another image
	fds   [Files]fd
	mm    *mm
}

type fd struct{ held, keep bool }

// file is an open user_events_data.
type file struct {
	holders int
	refs    []int // events, by write index
	known   [Events]bool
}

type event struct {
	top, trigger, instance, perf bool
	enablers                     []*enabler // g0, g1; on g3 the address spaces have them
}

// ftrace and on tell whether a probe of ftrace, or any, is registered with the
// tracepoint. A trigger enables the event's file softly, which is the same
// registration as its enable file's (__ftrace_event_enable_disable).
func (e *event) ftrace() bool { return e.top || e.trigger || e.instance }
func (e *event) on() bool     { return e.ftrace() || e.perf }

// New returns the model of a generation with one process, p0. It keeps the
// given promises instead of deviating from them.
func New(g Generation, promise ...Promise) *Model {
	m := &Model{gen: g, promise: promise, memfd: &frame{}}
	m.procs[0] = &process{mm: &mm{}}
	return m
}

func (m *Model) keeps(p Promise) bool { return slices.Contains(m.promise, p) }

// runs reports whether a process is there and can do something.
func (m *Model) runs(p int) bool {
	q := m.procs[p]
	return q != nil && !q.ended && !q.other
}

func (m *Model) holds(p, file int) bool { return m.runs(p) && m.procs[p].fds[file].held }

// Can reports whether an operation can be carried out in the present state.
func (m *Model) Can(o Op) bool {
	switch o.Verb {
	case Open:
		return m.runs(o.Proc) && m.files[o.File] == nil
	case Close, Unregister, Write:
		return m.holds(o.Proc, o.File) && (o.Verb != Unregister || m.gen == G3)
	case Register:
		// g0 has neither a place nor bits that mean nothing.
		return m.holds(o.Proc, o.File) && (m.gen.words() || !o.Place.Null && !o.Reserved)
	case Pass:
		return m.holds(o.Proc, o.File) && o.To != o.Proc && m.runs(o.To) && !m.procs[o.To].fds[o.File].held
	case Enable:
		e := &m.events[o.Event]
		return (o.Source != Perf || !e.perf) && (o.Source != Trigger || !e.trigger)
	case Disable:
		e := &m.events[o.Event]
		return (o.Source != Perf || e.perf) && (o.Source != Trigger || e.trigger)
	case Map:
		return m.runs(o.Proc)
	case Unmap, Protect, Discard:
		return m.runs(o.Proc) && m.procs[o.Proc].mm.pages[o.Place.Page] != nil
	case Load, Store, Exec:
		return m.runs(o.Proc)
	case Fork:
		return m.runs(o.Proc) && m.procs[o.To] == nil
	case Exit:
		q := m.procs[o.Proc]
		return q != nil && !q.ended
	}
	return false
}

// Do carries an operation out, which has to be possible, and returns what it
// shows.
func (m *Model) Do(o Op) Observation {
	result, lines := m.step(o)
	return Observation{Result: result, Lines: lines, State: m.state()}
}

// step is Do without a look at everything, which takes longer than the rest.
func (m *Model) step(o Op) (result string, lines int) {
	m.clock++
	return m.do(o)
}

const ok = "ok"

func (m *Model) do(o Op) (result string, lines int) {
	switch o.Verb {
	case Open:
		m.files[o.File] = &file{holders: 1}
		m.procs[o.Proc].fds[o.File] = fd{held: true, keep: o.Keep}
	case Close:
		m.release(o.Proc, o.File)
	case Pass:
		m.files[o.File].holders++
		m.procs[o.To].fds[o.File] = fd{held: true}
	case Register:
		return m.register(o)
	case Unregister:
		return m.unregister(o), 0
	case Write:
		return m.write(o), 0
	case Enable, Disable:
		return ok, m.toggle(o)
	case Map:
		m.mmap(o)
	case Unmap:
		m.procs[o.Proc].mm.pages[o.Place.Page] = nil
	case Protect:
		m.procs[o.Proc].mm.pages[o.Place.Page].protect(o.Prot)
	case Discard:
		m.procs[o.Proc].mm.pages[o.Place.Page].discard()
	case Load:
		p := m.procs[o.Proc].mm.at(o.Place)
		if !p.readFault() {
			return "EFAULT", 0
		}
		return fmt.Sprintf("%08x", p.frame.words[o.Place.Word]), 0
	case Store:
		p := m.procs[o.Proc].mm.at(o.Place)
		if !p.writeFault() {
			return "EFAULT", 0
		}
		p.frame.words[o.Place.Word] = o.Value
	case Fork:
		m.fork(o)
	case Exec:
		q := m.procs[o.Proc]
		q.other = true
		m.drop(q)
		for f := range q.fds {
			if !q.fds[f].keep {
				m.release(o.Proc, f)
			}
		}
	case Exit:
		q := m.procs[o.Proc]
		q.ended, q.mm.exited = true, true
		m.drop(q)
		for f := range q.fds {
			m.release(o.Proc, f)
		}
	}
	return ok, 0
}

// drop ends an address space: exit_mm, exec_mmap. On g3 its enablers go with
// it (user_event_mm_remove), on g1 they stay.
func (m *Model) drop(p *process) {
	p.mm.gone = true
	p.mm.enablers = nil
}

func (m *Model) mmap(o Op) {
	m.ids++
	p := &page{id: m.ids, kind: o.Kind, prot: ProtWrite}
	switch o.Kind {
	case Shared:
		p.object = &frame{}
	case Memfd, MemfdPrivate:
		p.object = m.memfd
	}
	m.procs[o.Proc].mm.pages[o.Place.Page] = p
}

func (m *Model) fork(o Op) {
	q := *m.procs[o.Proc]
	q.mm = q.mm.fork(m.clock)
	for f, d := range q.fds {
		if d.held {
			m.files[f].holders++
		}
	}
	// user_event_mm_dup
	q.mm.attached = m.procs[o.Proc].mm.attached
	for _, e := range m.procs[o.Proc].mm.enablers {
		dup := *e
		dup.mm = q.mm
		q.mm.enablers = append(q.mm.enablers, &dup)
	}
	m.procs[o.To] = &q
}

// state is what a look at everything shows.
func (m *Model) state() []string {
	var s []string
	for n, q := range m.procs {
		if q == nil || q.mm.gone {
			continue
		}
		for i, p := range q.mm.pages {
			if p != nil && p.frame != nil {
				s = append(s, PageState(n, i, p.frame.words))
			}
		}
	}
	for n := range m.events {
		e := &m.events[n]
		switch {
		case e.ftrace() && e.perf:
			s = append(s, EventState(n, "ftrace perf"))
		case e.ftrace():
			s = append(s, EventState(n, "ftrace"))
		case e.perf:
			s = append(s, EventState(n, "perf"))
		}
		if e.on() && !m.gen.words() {
			s = append(s, BitState(n))
		}
	}
	slices.SortFunc(s, cmp.Compare)
	return s
}

// Predict returns what each operation of a program shows. It stops at the
// first that cannot be carried out, and says which.
func Predict(g Generation, p Program, promise ...Promise) ([]Observation, error) {
	m := New(g, promise...)
	var seen []Observation
	for i, o := range p {
		if !m.Can(o) {
			return seen, fmt.Errorf("operation %d, %s, cannot be carried out there on generation %s", i+1, o, g)
		}
		seen = append(seen, m.Do(o))
	}
	return seen, nil
}

// Possible returns the operations of a program that can be carried out, each
// after those before it: what is left when some were taken out.
func Possible(g Generation, p Program) Program {
	m := New(g)
	var q Program
	for _, o := range p {
		if m.Can(o) {
			m.step(o)
			q = append(q, o)
		}
	}
	return q
}

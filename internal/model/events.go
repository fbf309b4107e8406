package model

import (
	"slices"
	"strconv"
)

// register is DIAG_IOCSREG.
func (m *Model) register(o Op) (result string, lines int) {
	f, space := m.files[o.File], m.procs[o.Proc].mm
	if m.gen == G3 {
		switch {
		case o.Reserved:
			return "EINVAL", 0 // user_reg_get: flags
		case slices.ContainsFunc(space.enablers, func(e *enabler) bool { return e.place == o.Place && e.bit == o.Bit }):
			return "EADDRINUSE", 0
		}
	}
	switch {
	case o.Reserved && m.keeps(ReservedIgnored):
		return "EINVAL", 0
	case o.Place.Null && m.keeps(Unwritable):
		return "EFAULT", 0
	case m.keeps(WithoutEnd) && slices.ContainsFunc(m.events[o.Event].enablers, func(e *enabler) bool {
		return e.mm == space && e.place == o.Place && e.bit == o.Bit
	}):
		return "EADDRINUSE", 0
	}
	index := slices.Index(f.refs, o.Event)
	if index < 0 {
		index = len(f.refs)
		f.refs = append(f.refs, o.Event)
	}
	if m.gen.words() {
		e := &enabler{event: o.Event, file: o.File, mm: space, place: o.Place, bit: o.Bit, at: m.clock}
		if p := space.at(o.Place); p != nil {
			e.mapping = p.id
		}
		if m.gen == G1 {
			// user_event_enabler_create tracks the enabler, whatever the write does.
			ev := &m.events[o.Event]
			ev.enablers = append(ev.enablers, e)
			lines = m.tell(e)
		} else {
			space.attached = true
			if m.tell(e) > 0 {
				// user_event_mm_fault_in fails, and the enabler is freed; what
				// it tells the caller then is user_events_ioctl_reg's ENOMEM.
				if m.keeps(ErrorHidden) {
					return "EFAULT", 0
				}
				return "ENOMEM", 0
			}
			space.enablers = append(space.enablers, e)
		}
	}
	switch {
	case o.ReadOnly && m.keeps(ResultNotStored):
		return "EFAULT", lines
	case o.ReadOnly:
		return "unstored", lines // put_user is not looked at
	}
	f.known[o.Event] = true
	return strconv.Itoa(index), lines
}

// unregister is DIAG_IOCSUNREG, on g3.
func (m *Model) unregister(o Op) string {
	space := m.procs[o.Proc].mm
	i := slices.IndexFunc(space.enablers, func(e *enabler) bool { return e.place == o.Place && e.bit == o.Bit })
	if i < 0 {
		return "ENOENT"
	}
	space.enablers = slices.Delete(space.enablers, i, i+1)
	// user_event_mm_clear_bit: without an event, faulting the page in.
	p := space.at(o.Place)
	if !p.writeFault() {
		return "EFAULT"
	}
	p.frame.words[o.Place.Word] &^= 1 << o.Bit
	return ok
}

// release closes a process's descriptor of a file, if it has one. The last one
// ends the file, and on g1 its enablers (user_events_release).
func (m *Model) release(proc, n int) {
	d := &m.procs[proc].fds[n]
	if !d.held {
		return
	}
	*d = fd{}
	f := m.files[n]
	if f.holders--; f.holders > 0 {
		return
	}
	for i := range m.events {
		ev := &m.events[i]
		var gone []*enabler
		ev.enablers = without(ev.enablers, func(e *enabler) bool {
			if e.file == n {
				gone = append(gone, e)
			}
			return e.file == n
		})
		for _, e := range gone {
			if p := e.mm.at(e.place); m.keeps(StaleAfterClose) && ev.on() && p != nil && p.writable && !m.shared(e) {
				p.frame.words[e.place.Word] &^= e.mask()
			}
		}
	}
}

// write writes a record: index, and four bytes unless the event has no fields.
func (m *Model) write(o Op) string {
	f, ev := m.files[o.File], &m.events[o.Event]
	if !f.known[o.Event] {
		return "ENOENT" // the program knows no index, and takes one that is none
	}
	size := 8
	if o.Event == EmptyEvent {
		size = 4
	}
	switch {
	case !ev.on() && (m.gen == G0Stable || m.gen == G3):
		return "EBADF"
	case o.Event == EmptyEvent && (ev.top || ev.instance) && m.gen != G3 && !m.keeps(EmptyRefused):
		// user_event_ftrace takes copying nothing for a fault. An event that a
		// trigger or perf alone enabled does not get there.
		return "EFAULT"
	}
	return strconv.Itoa(size)
}

// toggle switches a source of an event, or of all events, and returns how many
// lines are logged.
func (m *Model) toggle(o Op) (lines int) {
	m.toggling = true
	defer func() { m.toggling = false }()
	// A system's enable file goes through the events from the newest to the
	// oldest (trace_create_new_event, __ftrace_set_clr_event_nolock).
	for i := len(m.events) - 1; i >= 0; i-- {
		if i != o.Event && o.Source != System {
			continue
		}
		ev := &m.events[i]
		before := [...]bool{ev.top || ev.trigger, ev.instance, ev.perf}
		on := o.Verb == Enable
		switch o.Source {
		case EnableFile, SetEvent, System:
			ev.top = on
		case Trigger:
			ev.trigger = on
		case Instance:
			ev.instance = on
		case Perf:
			ev.perf = on
		}
		if before != [...]bool{ev.top || ev.trigger, ev.instance, ev.perf} {
			lines += m.update(i)
		}
	}
	return lines
}

// update is update_enable_bit_for: a probe came or went, and every enabler is
// told, whether that changed anything or not.
func (m *Model) update(n int) (lines int) {
	for _, e := range m.events[n].enablers {
		lines += m.tell(e)
	}
	for _, q := range m.procs {
		if q == nil {
			continue
		}
		for _, e := range q.mm.enablers {
			if e.event == n {
				lines += m.tell(e)
			}
		}
	}
	return lines
}

// tell is user_event_enabler_write: the event's state goes to the enabler's
// bit. It returns 1, and changes nothing, where the page can't be written.
//
// pin_user_pages_remote with FOLL_NOFAULT takes what the page table lets
// through and no more. g3 then faults the page in; here that is all one, in
// the kernel a worker does it after a while unless it is a registration.
func (m *Model) tell(e *enabler) (lines int) {
	on := m.events[e.event].on()
	p := e.mm.at(e.place)
	switch {
	case e.mm.exited && m.keeps(ChildrenKept):
		return 0
	case p == nil || p.prot != ProtWrite:
		if m.toggling && !e.mm.gone && m.keeps(BadPlacesCost) {
			return 0
		}
		return 1
	case e.mapping != 0 && p.id != e.mapping && m.keeps(ReusedMemory):
		return 0 // what it was registered for is not there
	}
	if !on && m.keeps(SharedBitCleared) && m.shared(e) {
		return 0
	}
	inPlace := false // the write goes through the protection
	if !p.writable {
		switch {
		case m.gen == G3:
		case p.forked() && on && m.keeps(ParentMissed):
		case p.forked() && !on && m.keeps(StaleAfterFork) && e.told:
			inPlace = true
		case !p.forked() && m.keeps(NotFaultedIn):
		default:
			return 1
		}
		if !inPlace {
			p.writeFault()
		}
	}
	e.set(p.frame, on)
	e.told = on
	if m.keeps(ChildMissed) {
		for _, q := range m.procs {
			if q == nil || !q.mm.descends(e.mm) {
				continue
			}
			if c := q.mm.at(e.place); c != nil && c.id == p.id && c.inherited && c.forkedAt > e.at {
				e.set(c.frame, on)
			}
		}
	}
	return 0
}

func (e *enabler) set(f *frame, on bool) {
	if on {
		f.words[e.place.Word] |= e.mask()
	} else {
		f.words[e.place.Word] &^= e.mask()
	}
}

// shared reports whether another event that is enabled is told by the very
// bit, wherever it was registered.
func (m *Model) shared(e *enabler) bool {
	here := e.mm.at(e.place)
	same := func(other *enabler) bool {
		p := other.mm.at(other.place)
		return other.event != e.event && m.events[other.event].on() &&
			here != nil && here.frame != nil && p != nil && p.frame == here.frame &&
			other.place.Word == e.place.Word && other.bit == e.bit
	}
	for i := range m.events {
		if slices.ContainsFunc(m.events[i].enablers, same) {
			return true
		}
	}
	return slices.ContainsFunc(m.procs[:], func(q *process) bool { return q != nil && slices.ContainsFunc(q.mm.enablers, same) })
}

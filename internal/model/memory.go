package model

import "slices"

// frame is a page of memory that any number of page tables may point to.
type frame struct {
	words [Words]uint32
	anon  bool // anonymous memory: copied on write when it is not exclusive
}

// zero is the zero page. Nobody writes it.
var zero = &frame{}

// page is a mapping of one page and its page table entry.
type page struct {
	id     int // of the mapping; a fork's copy is the same mapping
	kind   Kind
	prot   Prot
	object *frame // Shared, Memfd, MemfdPrivate: what is mapped
	copies bool   // has had memory of its own (vma->anon_vma)

	// The page table entry.
	frame     *frame // nil: none
	writable  bool
	exclusive bool // of anonymous memory (PageAnonExclusive): nobody else has it
	inherited bool // it came with a fork and was not written since
	forkedAt  int  // when that was
}

func (p *page) private() bool { return p.kind == Private || p.kind == MemfdPrivate }

// forked reports whether the page is anonymous memory that a fork has
// protected.
func (p *page) forked() bool { return p.frame != nil && p.frame.anon && !p.exclusive }

// mm is an address space, or none: an enabler of g1 keeps an mm_struct whose
// last process has gone.
type mm struct {
	pages    [Pages]*page
	parent   *mm        // whose fork it is
	enablers []*enabler // g3
	attached bool       // g3: has a user_event_mm
	gone     bool
	exited   bool // by the process's exit, no exec
}

// at returns the mapping at a place, or nil.
func (m *mm) at(p Place) *page {
	if p.Null || m.gone {
		return nil
	}
	return m.pages[p.Page]
}

// descends reports whether m is a fork of ancestor, or a fork's fork.
func (m *mm) descends(ancestor *mm) bool {
	for p := m.parent; p != nil; p = p.parent {
		if p == ancestor {
			return true
		}
	}
	return false
}

// readFault brings the page in for reading: handle_mm_fault without
// FAULT_FLAG_WRITE. False is a fault that can't be handled.
func (p *page) readFault() bool {
	switch {
	case p == nil || p.prot == ProtNone:
		return false
	case p.frame != nil:
	case p.kind == Private:
		p.frame = zero // do_anonymous_page
	case p.kind == MemfdPrivate:
		p.frame = p.object // do_read_fault; not writable
	default:
		// vm_page_prot of a shared mapping of memory without write back lets
		// writes through (vma_wants_writenotify), so a read is enough.
		p.frame, p.writable = p.object, p.prot == ProtWrite
	}
	return true
}

// writeFault brings the page in for writing, a copy of its own where it must
// have one. False is a fault that can't be handled.
func (p *page) writeFault() bool {
	switch {
	case p == nil || p.prot != ProtWrite:
		return false
	case p.frame != nil && p.writable:
	case !p.private():
		p.frame, p.writable = p.object, true
	case p.frame != nil && p.frame.anon && p.exclusive:
		p.writable = true // wp_page_reuse
	default:
		// do_anonymous_page, do_cow_fault, wp_page_copy. Whether the copy of a
		// frame that nobody else has any more is avoided can't be seen.
		f := &frame{anon: true}
		switch {
		case p.frame != nil:
			f.words = p.frame.words
		case p.object != nil:
			f.words = p.object.words
		}
		p.frame, p.writable, p.exclusive, p.copies = f, true, true, true
	}
	p.inherited = false
	return true
}

// protect is mprotect(2).
func (p *page) protect(prot Prot) {
	if p.prot == prot {
		return // mprotect_fixup returns early
	}
	p.prot = prot
	switch {
	case p.frame == nil || prot != ProtWrite:
		p.writable = false
	case p.private():
		p.writable = p.frame.anon && p.exclusive // can_change_pte_writable
	default:
		p.writable = true
	}
}

// discard is madvise(2) with MADV_DONTNEED.
func (p *page) discard() {
	p.frame, p.writable, p.exclusive, p.inherited = nil, false, false, false
}

// fork copies an address space as dup_mmap does: the page table only of
// mappings with memory of their own (vma_needs_copy), and that protected from
// both (copy_present_pte).
func (m *mm) fork(now int) *mm {
	c := &mm{parent: m}
	for i, p := range m.pages {
		if p == nil {
			continue
		}
		q := *p
		c.pages[i] = &q
		if !p.copies {
			q.discard()
			continue
		}
		if p.frame != nil && p.frame.anon {
			p.writable, p.exclusive = false, false
			q.writable, q.exclusive, q.inherited, q.forkedAt = false, false, true, now
		}
	}
	return c
}

// enabler is where a process wants to be told of an event.
type enabler struct {
	event   int
	file    int // g1: the file it was registered on, whose end is its own
	mm      *mm
	place   Place
	bit     int
	at      int  // when it was registered
	told    bool // that the event is on
	mapping int  // id of the page's mapping at the registration, 0 if there was none
}

func (e *enabler) mask() uint32 { return 1 << e.bit }

func without[T any](s []T, drop func(T) bool) []T {
	return slices.DeleteFunc(slices.Clone(s), drop)
}

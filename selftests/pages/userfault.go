package main

import (
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"uetest/internal/uapi"
	"uetest/selftests/kit"
)

// A page under userfaultfd(2) comes when the program's own thread brings it. So
// it can be seen who waits for it, and who waits for those.

// For how long a fault is held back from a caller that may wait for it. One
// that does wait always uses it up. One that does not is only slow, on a busy
// host.
const (
	fromReg    = 20 * time.Millisecond
	fromToggle = 2 * time.Second
)

// flag tells another thread whether a call is still under way.
type flag struct{ busy atomic.Bool }

func (f *flag) during(call func()) {
	f.busy.Store(true)
	call()
	f.busy.Store(false)
}

func (f *flag) still() bool { return f.busy.Load() }

func userfaultWriteProtected(t *kit.T) {
	m := t.Anonymous(1).Touch()
	var on flag
	p := register(t, m.Word(at))
	u := m.Userfault(kit.WriteProtected, fromToggle, on.still)
	on.during(func() { p.set(true) })
	p.settle(func() bool { return p.w.Load() == 1 })
	t.Saw("on", int(p.w.Load()))
	p.reportLines("on")
	t.Saw("faults", u.Faults())
	t.Saw("waited", u.Waited())
}

// userfaultMissingReg registers a word in a page that has to be fetched first.
func userfaultMissingReg(t *kit.T) {
	m := t.Anonymous(1)
	var busy flag
	p := start(t, m.Word(at))
	u := m.Userfault(kit.Missing, fromReg, busy.still)
	busy.during(p.reg)
	t.Saw("faults", u.Faults())
	t.Saw("waited", u.Waited())
}

// userfaultMissingOn enables an event whose word is in such a page.
func userfaultMissingOn(t *kit.T) {
	m := t.Anonymous(1).Touch()
	var busy flag
	p := register(t, m.Word(at))
	m.Advise(unix.MADV_DONTNEED)
	u := m.Userfault(kit.Missing, fromToggle, busy.still)
	busy.during(func() { p.set(true) })
	t.Saw("waited", u.Waited())
	// A look at the word before the page is there would be a fault too.
	p.settle(func() bool { return u.Faults() > 0 && p.w.Page().Present && p.w.Load() == 1 })
	t.Saw("faults", u.Faults())
	p.reportLines("on")
	t.Saw("on", int(p.w.Load()))
}

// userfaultHoldsNoOther does, while a page is awaited, what takes event_mutex.
func userfaultHoldsNoOther(t *kit.T) {
	m := t.Anonymous(1).Touch()
	var busy flag
	p := register(t, m.Word(at))
	m.Advise(unix.MADV_DONTNEED)
	u := m.Userfault(kit.Missing, fromToggle, busy.still)
	other := t.Event("u32 count")
	busy.during(func() {
		p.set(true)
		if p.Family() == uapi.G3 {
			t.Until("the kernel has asked for the page", func() bool { return u.Faults() > 0 })
		}
		r := p.d.Register(other, t.Word().Bit(0))
		other.On()
		t.Saw("other-event", r.Enabled())
		t.Saw("same-event", p.other.Enabled())
		p.set(false)
		t.Saw("same-event-off", p.other.Enabled())
	})
	t.Saw("waited", u.Waited())
	p.settle(func() bool { return p.w.Page().Present })
	t.Saw("off", int(p.w.Load()))
}

// A hugetlb page is faulted in by the call that holds event_mutex. Does it wait
// for the page's owner to bring it?
func userfaultHugetlb(t *kit.T) {
	m := t.HugeTLB()
	var busy flag
	p := start(t, m.Word(at))
	u := m.Userfault(kit.Missing, fromReg, busy.still)
	busy.during(p.reg)
	t.Saw("faults", u.Faults())
	t.Saw("waited", u.Waited())
}

package kit

import "time"

// From g3 on the kernel does some things later, in work items and after a
// grace period of RCU: it faults a page in and writes the bit, it frees an
// enabler, it deletes an event whose last reference is gone. Before that
// everything is done when the system call returns, so nothing is waited for.

// laterLimit is how long the kernel may take for what it does later. It takes
// some milliseconds; a busy host has been seen to stretch that tenfold.
const laterLimit = 3 * time.Second

// Await asks until the answer is yes, where the kernel does things later, and
// returns the last answer. Elsewhere it asks once.
func (t *T) Await(holds func() bool) bool {
	if !t.PlacesOutliveFiles() {
		return holds()
	}
	for deadline := time.Now().Add(laterLimit); ; time.Sleep(time.Millisecond) {
		if holds() {
			return true
		}
		if time.Now().After(deadline) {
			return false
		}
	}
}

// Becomes is Enabled once that is want, or what it is if it does not become so.
func (r *Registration) Becomes(want int) int {
	r.t.Await(func() bool { return r.Enabled() == want })
	return r.Enabled()
}

// Becomes is Enabled once that is want, or what it is if it does not become so.
func (c *Child) Becomes(r *Registration, want int) int {
	c.t.Await(func() bool { return c.Enabled(r) == want })
	return c.Enabled(r)
}

// Becomes is Load once that is want, or what it is if it does not become so.
func (w Word) Becomes(want uint32) uint32 {
	w.m.t.Await(func() bool { return w.Load() == want })
	return w.Load()
}

// Goes reports whether the event is deleted without anybody asking for it.
func (ev *Event) Goes() bool { return ev.t.Await(func() bool { return !ev.Exists() }) }

// Settle waits until the kernel has done what it had to do later for the steps
// before: an event that loses its last reference now is deleted behind those
// that lost it before.
func (t *T) Settle() {
	if !t.PlacesOutliveFiles() {
		return
	}
	ev, d, w := t.Event(""), t.Open(), t.Word()
	d.Register(ev, w.Bit(0))
	t.Check(d.UnregAt(w.Addr(), 0))
	d.Close()
	if !ev.Goes() {
		t.Fatalf("an event without references was not deleted within %v", laterLimit)
	}
}

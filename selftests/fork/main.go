// Fork is the area of two processes: what a child of fork(2) and its parent
// are told when the event is enabled, by whom the page was written and how it
// was mapped.
package main

import "uetest/selftests/kit"

func main() {
	kit.Main(kit.Tests{
		"fork/younger-thread": youngerThread,

		"fork/private-nobody-wrote":             privateNobodyWrote,
		"fork/private-parent-wrote":             privateParentWrote,
		"fork/private-child-wrote":              privateChildWrote,
		"fork/private-both-wrote":               privateBothWrote,
		"fork/private-child-gone":               privateChildGone,
		"fork/private-child-gone-then-write":    privateChildGoneThenWrite,
		"fork/private-on-then-off":              privateOnThenOff,
		"fork/private-on-parent-wrote":          privateOnParentWrote,
		"fork/shared-anonymous":                 sharedAnonymous,
		"fork/shared-on-then-off":               sharedOnThenOff,
		"fork/shared-memfd":                     sharedMemfd,
		"fork/shared-child-registers-untouched": sharedChildRegistersUntouched,
		"fork/shared-registrar-gone":            sharedRegistrarGone,

		"fork/child-registers-inherited-fd":  childRegistersInherited,
		"fork/child-registers-untouched":     childRegistersUntouched,
		"fork/child-registers-own-fd":        childRegistersOwnFD,
		"fork/child-registers-while-on":      childRegistersWhileOn,
		"fork/child-closes-inherited-fd":     childClosesInherited,
		"fork/child-keeps-the-file-open":     childKeepsFileOpen,
		"fork/child-exits-with-own-fd":       childExitsWithOwnFD,
		"fork/child-exits-with-inherited-fd": childExitsWithInherited,
		"fork/child-writes-events":           childWritesEvents,
		"fork/index-of-own-descriptor":       indexOfOwnDescriptor,
	})
}

// family is an event, registered by the parent, and a child.
type family struct {
	*kit.T
	d     *kit.Data
	ev    *kit.Event
	word  kit.Word
	r     *kit.Registration
	child *kit.Child
	log   *kit.KernelLog
}

// start registers a word and forks.
func start(t *kit.T, w kit.Word) *family {
	f := &family{T: t, d: t.Open(), ev: t.Event("u32 count"), word: w}
	f.r = f.d.Register(f.ev, w.Bit(0))
	f.log = t.KernelLog()
	f.child = t.Fork()
	return f
}

// both reports what parent and child are told after a toggle, and what was
// logged for it since the last time. Where the kernel writes later, it is given
// the time to tell both.
func (f *family) both(toggled int) {
	f.Saw("parent", f.r.Becomes(toggled))
	f.Saw("child", f.child.Becomes(f.r, toggled))
	f.Saw("lines", f.log.Failures())
}

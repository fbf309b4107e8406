package main

import (
	"uetest/internal/uapi"
	"uetest/selftests/kit"
)

// The page is write-protected after a fork, so the kernel has to bring in the
// parent's copy to clear the bit.
func afterFork(t *kit.T) {
	d, ev, r := registered(t)
	ev.On()
	t.Fork()
	t.Saw("unreg", d.Unreg(r))
	t.Saw("then", r.Enabled())
}

// childKeepsParent takes the child's place back: its own copy is cleared and
// gets no updates, the parent's goes on.
func childKeepsParent(t *kit.T) {
	d, ev, r := registered(t)
	ev.On()
	c := t.Fork()
	t.Saw("unreg", c.Unreg(d.FD, r.At))
	t.Saw("child", c.Enabled(r))
	t.Saw("parent", r.Enabled())
	ev.Off()
	t.Saw("parent-off", r.Becomes(0))
	ev.On()
	t.Saw("parent-on", r.Becomes(1))
	t.Settle()
	t.Saw("child-on", c.Enabled(r))
}

func parentKeepsChild(t *kit.T) {
	d, ev, r := registered(t)
	c := t.Fork()
	t.Check(d.Unreg(r))
	ev.On()
	t.Saw("child", c.Becomes(r, 1))
	t.Settle()
	t.Saw("parent", r.Enabled())
}

// A sibling that is forked later inherits from the parent, which still has the
// place that the first child took back.
func laterSibling(t *kit.T) {
	d, ev, r := registered(t)
	first := t.Fork()
	t.Check(first.Unreg(d.FD, r.At))
	second := t.Fork()
	ev.On()
	t.Saw("second", second.Becomes(r, 1))
	t.Settle()
	t.Saw("first", first.Enabled(r))
	t.Saw("parent", r.Enabled())
}

// A place taken back before the fork is none of the child's.
func notInherited(t *kit.T) {
	d, ev, r := registered(t)
	t.Check(d.Unreg(r))
	c := t.Fork()
	c.Store(r.At.Word.Next(1), 1)
	ev.On()
	t.Settle()
	t.Saw("child", c.Load(r.At.Word))
	t.Saw("unreg", c.Unreg(d.FD, r.At))
}

// upperHalf takes bit 63 of a word of eight bytes back.
func upperHalf(t *kit.T) {
	d, ev, w := t.Open(), t.Event("u32 count"), t.Word()
	_, err := d.Reg(ev.Desc, uapi.Reg{EnableAddr: w.Addr(), EnableBit: 63, EnableSize: 8})
	t.Check(err)
	w.Store(^uint32(0))
	w.Next(1).Store(^uint32(0))
	t.Saw("unreg", d.UnregAt(w.Addr(), 63))
	t.Saw("low", w.Load())
	t.Saw("high", w.Next(1).Load())
}

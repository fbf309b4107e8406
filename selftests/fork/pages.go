package main

import (
	"golang.org/x/sys/unix"

	"uetest/selftests/kit"
)

// A fork write-protects the private pages of both, so that whoever writes
// first gets a copy. The kernel's write of the bit does not fault (g1), so it
// fails until the program itself has written.

func privateNobodyWrote(t *kit.T) {
	f := start(t, t.Word())
	f.ev.On()
	f.both(1)
}

func privateParentWrote(t *kit.T) {
	f := start(t, t.Word())
	f.word.Next(1).Store(1)
	f.ev.On()
	f.both(1)
}

func privateChildWrote(t *kit.T) {
	f := start(t, t.Word())
	f.child.Store(f.word.Next(1), 1)
	f.ev.On()
	f.both(1)
}

func privateBothWrote(t *kit.T) {
	f := start(t, t.Word())
	f.child.Store(f.word.Next(1), 1)
	f.word.Next(1).Store(1)
	f.ev.On()
	f.both(1)
}

// The page is the parent's alone again, but still write-protected.
func privateChildGone(t *kit.T) {
	f := start(t, t.Word())
	f.child.Exit()
	f.ev.On()
	t.Saw("on", f.r.Becomes(1))
	f.ev.Off()
	t.Saw("off", f.r.Becomes(0))
	t.Saw("lines", f.log.Failures())
}

// One write by the program to the page ends it, from the next toggle on.
func privateChildGoneThenWrite(t *kit.T) {
	f := start(t, t.Word())
	f.child.Exit()
	f.ev.On()
	t.Saw("missed", f.r.Becomes(1))
	f.word.Next(1).Store(1)
	t.Saw("written", f.r.Enabled())
	f.ev.Off()
	f.ev.On()
	t.Saw("next-toggle", f.r.Enabled())
	t.Saw("lines", f.log.Failures())
}

func privateOnThenOff(t *kit.T) {
	d, ev, w := t.Open(), t.Event("u32 count"), t.Word()
	r := d.Register(ev, w.Bit(0))
	ev.On()
	f := &family{T: t, d: d, ev: ev, word: w, r: r, log: t.KernelLog(), child: t.Fork()}
	ev.Off()
	f.both(0)
}

// The parent follows once it has written, the child keeps what it inherited.
func privateOnParentWrote(t *kit.T) {
	d, ev, w := t.Open(), t.Event("u32 count"), t.Word()
	r := d.Register(ev, w.Bit(0))
	ev.On()
	f := &family{T: t, d: d, ev: ev, word: w, r: r, log: t.KernelLog(), child: t.Fork()}
	w.Next(1).Store(1)
	ev.Off()
	f.both(0)
}

func sharedAnonymous(t *kit.T) {
	f := start(t, t.SharedAnonymous(1).Touch().Word(256))
	f.ev.On()
	f.both(1)
}

func sharedOnThenOff(t *kit.T) {
	f := start(t, t.SharedAnonymous(1).Touch().Word(256))
	f.ev.On()
	f.child.Store(f.word.Next(1), 1) // no copy is made of a shared page
	f.ev.Off()
	f.both(0)
}

func sharedMemfd(t *kit.T) {
	mem := t.Map(t.Memfd(1), 1, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	f := start(t, mem.Touch().Word(256))
	f.ev.On()
	f.both(1)
}

// A fork does not copy the page table of shared memory: what the parent has
// touched is untouched in the child.
func sharedChildRegistersUntouched(t *kit.T) {
	d, ev, w := t.Open(), t.Event("u32 count"), t.SharedAnonymous(1).Touch().Word(256)
	log, c := t.KernelLog(), t.Fork()
	r := c.Register(d.FD, ev, w.Bit(0))
	ev.On()
	t.Saw("parent", r.Becomes(1))
	t.Saw("lines", log.Failures())
	t.Saw("child", c.Enabled(r)) // reads, and so touches
	ev.Off()
	ev.On()
	t.Saw("child-touched", c.Enabled(r))
	t.Saw("parent-too", r.Enabled())
}

// The child registers a shared word on the inherited file and is gone: its
// address space holds the enabler, but nothing is mapped there any more.
func sharedRegistrarGone(t *kit.T) {
	d, ev, w := t.Open(), t.Event("u32 count"), t.SharedAnonymous(1).Touch().Word(256)
	log, c := t.KernelLog(), t.Fork()
	t.Open().Register(ev, t.Word().Bit(0)) // holds the event whoever goes
	c.Store(w.Next(1), 1)                  // brings the page into the child's page table
	r := c.Register(d.FD, ev, w.Bit(0))
	ev.On()
	t.Saw("registrar-there", r.Enabled())
	ev.Off()
	c.Exit()
	ev.On()
	t.Saw("registrar-gone", r.Enabled())
	t.Saw("on-lines", log.Failures())
	ev.Off()
	t.Saw("off-lines", log.Failures())
	d.Close()
	ev.On()
	t.Saw("closed-lines", log.Failures())
}

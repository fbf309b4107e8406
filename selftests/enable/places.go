package main

import (
	"golang.org/x/sys/unix"

	"uetest/selftests/kit"
)

// manyPlaces registers one event at more places than any small number that a
// kernel might stop at.
func manyPlaces(t *kit.T) {
	const places, stride = 300, 8
	d, ev, page := t.Open(), t.Event("u32 count"), t.Anonymous(1).Touch()
	set := func() (n int) {
		for i := range places {
			n += int(page.Word(stride*i).Load() >> (i % 32) & 1)
		}
		return n
	}
	for i := range places {
		d.Register(ev, page.Word(stride*i).Bit(i%32))
	}
	ev.On()
	t.Saw("on", set())
	ev.Off()
	t.Saw("off", set())
}

// unwritableAmongOthers has a place that can't be written between two that
// can, whichever end the kernel begins at, and makes it writable again: it is
// still registered.
func unwritableAmongOthers(t *kit.T) {
	d, ev, log := t.Open(), t.Event("u32 count"), t.KernelLog()
	mem := t.Anonymous(1).Touch()
	first, bad, last := t.Word(), mem.Word(64), t.Word()
	for _, w := range []kit.Word{first, bad, last} {
		d.Register(ev, w.Bit(3))
	}
	mem.Protect(unix.PROT_READ)
	ev.On()
	t.Saw("first", first.Load())
	t.Saw("unwritable", bad.Load())
	t.Saw("last", last.Load())
	t.Saw("lines", log.Failures())
	t.WorkersFinish() // g3 leaves a place alone that a worker of its is at
	mem.Protect(unix.PROT_READ | unix.PROT_WRITE)
	ev.Off()
	ev.On()
	t.Saw("writable", bad.Load())
	t.Saw("no-more-lines", log.Failures())
}

// perfJoins counts the kernel's attempts to write by those that fail: one for
// each who begins or ends to use the event, whether or not that changes the
// bit.
func perfJoins(t *kit.T) {
	d, ev, log := t.Open(), t.Event("u32 count"), t.KernelLog()
	d.Register(ev, t.BadWord().Bit(0))
	t.Saw("register", log.Failures())
	ev.On()
	t.Saw("ftrace", log.Failures())
	p := t.PerfOpen(ev)
	t.Saw("perf-too", log.Failures())
	p.Close()
	t.Saw("perf-left", log.Failures())
	ev.Off()
	t.Saw("off", log.Failures())
}

// failureLine is the very line that a write that fails costs, and its level: a
// warning (printk's 4), which a console of any usual loglevel shows.
func failureLine(t *kit.T) {
	ev, log := t.Event("u32 count"), t.KernelLog()
	t.Open().Register(ev, t.BadWord().Bit(0))
	t.Saw("register", log.Levels(kit.FailLine))
	ev.On()
	t.Saw("on", log.Levels(kit.FailLine))
}

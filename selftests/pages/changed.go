package main

import (
	"os"

	"golang.org/x/sys/unix"

	"uetest/selftests/kit"
)

// readOnlyForAWhile makes the page writable again before the program looks.
func readOnlyForAWhile(t *kit.T) {
	m := t.Anonymous(1).Touch()
	p := register(t, m.Word(at))
	m.Protect(unix.PROT_READ)
	p.step("on", true)
	m.Protect(rw)
	t.Saw("writable", int(p.w.Load()))
	p.step("off", false)
	p.step("again", true)
}

// noAccessForAWhile drops no page: it is there again with its bit.
func noAccessForAWhile(t *kit.T) {
	m := t.Anonymous(1).Touch()
	p := register(t, m.Word(at))
	p.step("on", true)
	m.Protect(unix.PROT_NONE)
	p.blind("hidden", false)
	m.Protect(rw)
	t.Saw("back", int(p.w.Load()))
	p.step("again", true)
	p.step("off", false)
}

// reusedMemory unmaps the word and maps something else at its address, as a
// library that is unloaded and another that is loaded do.
func reusedMemory(t *kit.T) {
	m := t.Anonymous(1).Touch()
	p := register(t, m.Word(at))
	m.Replace(-1, rw, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	p.w.Store(0xaaaa_aaaa)
	p.set(true)
	t.Saw("written", p.w.Load())
	p.reportLines("on")
	p.w.Store(0x5555_5555)
	p.set(false)
	t.Saw("cleared", p.w.Load())
	p.reportLines("off")
}

// reusedUnregistered is what a program has to do.
func reusedUnregistered(t *kit.T) {
	m := t.Anonymous(1).Touch()
	p := register(t, m.Word(at))
	t.Saw("unreg", p.d.UnregAt(p.w.Addr(), 0))
	m.Replace(-1, rw, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	p.w.Store(0xaaaa_aaaa)
	p.set(true)
	t.Settle()
	p.reportLines("on")
	t.Saw("written", p.w.Load())
}

// moved moves the page while the event is on: the word is somewhere else now,
// the registration is not.
func moved(t *kit.T) {
	m, to := t.Anonymous(1).Touch(), t.Anonymous(1)
	p := register(t, m.Word(at))
	p.step("on", true)
	m.MoveTo(to)
	t.Saw("moved", int(to.Word(at).Load()))
	p.blind("off", false)
	t.Saw("stays", int(to.Word(at).Load()))
	p.blind("again", true)
}

// droppedWhileOn gives the page back to the kernel, which gives out a new one
// at the next access: zero, although the event is on.
func droppedWhileOn(t *kit.T) {
	m := t.Anonymous(1).Touch()
	p := register(t, m.Word(at))
	p.step("on", true)
	m.Advise(unix.MADV_DONTNEED)
	p.unread("off", false)
	t.Saw("read", int(p.w.Load()))
	p.step("again", true)
	p.w.Next(1).Store(1)
	p.step("written-off", false)
	p.step("written-on", true)
}

// droppedShared drops the program's view of a page that stays where it is.
func droppedShared(t *kit.T) {
	m := t.SharedAnonymous(1).Touch()
	p := register(t, m.Word(at))
	p.step("on", true)
	m.Advise(unix.MADV_DONTNEED)
	p.unread("dropped", false)
	t.Saw("off", int(p.w.Load()))
	p.step("touched", true)
	p.step("touched-off", false)
}

// fileTruncated cuts the file off below the word and makes it long again.
func fileTruncated(t *kit.T) {
	fd := t.Memfd(1)
	p := register(t, t.Map(fd, 1, rw, unix.MAP_SHARED).Touch().Word(at))
	t.Check(unix.Ftruncate(fd, 0))
	p.blind("cut", true)
	t.Check(unix.Ftruncate(fd, int64(os.Getpagesize())))
	t.Saw("long", int(p.w.Load()))
	p.step("off", false)
	p.step("on", true)
}

// freedLazily marks two pages as ones that the kernel may take if they are not
// written again, and has it take them. The kernel's own write counts as one.
func freedLazily(t *kit.T) {
	// What is not on the list of pages yet, but in a processor's own batch, is
	// not marked.
	var first unix.CPUSet
	first.Set(0)
	t.Check(unix.SchedSetaffinity(0, &first))
	m := t.Anonymous(2)
	clean := m.Word(os.Getpagesize() + at)
	p := start(t, m.Word(at))
	m.Touch()
	clean.Store(7)
	p.reg()
	m.Advise(unix.MADV_FREE)
	p.set(true)
	p.reportLines("on")
	t.Until("the clean page is taken", func() bool {
		m.Advise(unix.MADV_PAGEOUT)
		return !clean.Page().Present
	})
	t.Saw("on", int(p.w.Load()))
	p.step("off", false)
}

// freedLazilyWhileOn does the same with a page whose bit is set and is then
// cleared: that write keeps the page too, with whatever else is in it.
func freedLazilyWhileOn(t *kit.T) {
	var first unix.CPUSet
	first.Set(0)
	t.Check(unix.SchedSetaffinity(0, &first)) // see freedLazily
	m := t.Anonymous(2)
	clean := m.Word(os.Getpagesize() + at)
	p := start(t, m.Word(at))
	m.Touch()
	clean.Store(7)
	p.w.Next(1).Store(0x600d)
	p.reg()
	p.set(true)
	t.Saw("on", int(p.w.Load()))
	m.Advise(unix.MADV_FREE)
	p.set(false)
	p.reportLines("off")
	t.Until("the clean page is taken", func() bool {
		m.Advise(unix.MADV_PAGEOUT)
		return !clean.Page().Present
	})
	t.Saw("off", int(p.w.Load()))
	t.Saw("beside", p.w.Next(1).Load())
}

// unmappedWhileOn leaves the enabler behind with nothing under it.
func unmappedWhileOn(t *kit.T) {
	m := t.Anonymous(1).Touch()
	p := register(t, m.Word(at))
	p.step("on", true)
	m.Unmap()
	p.blind("off", false)
	p.blind("again", true)
	t.Saw("other", p.other.Enabled())
}

// wipedOnFork has the child start with a zero page. Since the page is not
// copied it is not write-protected either, and the parent goes on being told.
func wipedOnFork(t *kit.T) {
	m := t.Anonymous(1).Touch()
	m.Advise(unix.MADV_WIPEONFORK)
	p := register(t, m.Word(at))
	p.step("on", true)
	c := t.Fork()
	t.Saw("child", int(c.Load(p.w)))
	p.step("off", false)
	p.step("again", true)
	p.settle(func() bool { return c.Load(p.w) == 1 })
	t.Saw("child-again", int(c.Load(p.w)))
}

// notForked is a page that the child does not have at all.
func notForked(t *kit.T) {
	m := t.Anonymous(1).Touch()
	m.Advise(unix.MADV_DONTFORK)
	p := register(t, m.Word(at))
	t.Fork()
	p.set(true)
	t.Saw("on", int(p.w.Load()))
	p.settle(func() bool { return false })
	p.reportLines("on")
	p.set(false)
	t.Saw("off", int(p.w.Load()))
	p.settle(func() bool { return false })
	p.reportLines("off")
}

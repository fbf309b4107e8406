package main

import (
	"os"

	"golang.org/x/sys/unix"

	"uetest/selftests/kit"
)

// follows registers a word and has the event go on and off.
func follows(t *kit.T, w kit.Word) { register(t, w).follow() }

// zeroes are a program's variables that it has not given a value: pages of the
// kernel's making behind the file's. One whole page of them is nobody else's.
var zeroes [3 * 4096]byte

func bss(t *kit.T) {
	m := t.Wrap(zeroes[:])
	w := m.Word(int(-m.Addr(0)&4095) + at)
	w.Store(0)
	follows(t, w)
}

// The lowest page of the main thread's stack, which no frame has reached.
func stack(t *kit.T) {
	from, _ := t.Mapping("[stack]")
	w := t.At(from, 1).Word(at)
	w.Store(0)
	follows(t, w)
}

// pageStarts has nothing mapped on either side of the pages, and the words at
// the very start of the first and the last one.
func pageStarts(t *kit.T) {
	size := os.Getpagesize()
	all := t.Map(-1, 4, unix.PROT_NONE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	t.Check(unix.Mprotect(all.Bytes()[size:3*size], rw))
	first, last := all.Word(size), all.Word(2*size)
	first.Store(1 << 31)
	last.Store(1 << 31)
	p := start(t, first)
	p.d.Register(p.ev, last.Bit(1))
	p.reg()
	p.set(true)
	t.Saw("first", first.Load())
	t.Saw("last", last.Load())
	p.set(false)
	t.Saw("first-off", first.Load())
	t.Saw("last-off", last.Load())
	p.reportLines("all")
}

// executable is where a compiler at run time might keep the word: beside the
// code that looks at it.
func executable(t *kit.T) {
	follows(t, t.Map(-1, 1, rw|unix.PROT_EXEC, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS).Touch().Word(at))
}

// populated is memory that the program has never touched, but that it had the
// kernel bring in.
func populated(bringIn func(*kit.Mem)) func(*kit.T) {
	return func(t *kit.T) {
		m := t.Anonymous(1)
		bringIn(m)
		follows(t, m.Word(at))
	}
}

func mapPopulate(m *kit.Mem) {
	m.Replace(-1, rw, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_POPULATE)
}

func populateWrite(m *kit.Mem) { m.Advise(unix.MADV_POPULATE_WRITE) }

// It brings in the zero page.
func populateRead(m *kit.Mem) { m.Advise(unix.MADV_POPULATE_READ) }

// The kernel writes a word in the middle of a huge page and does not split it.
func huge(t *kit.T) {
	w := t.Huge()
	w.Store(0)
	t.Saw("huge", w.IsHuge())
	follows(t, w)
	t.Saw("still-huge", w.IsHuge())
}

// A read brings in the huge zero page.
func hugeRead(t *kit.T) {
	w := t.Huge()
	t.Logf("the word is %d", w.Load())
	follows(t, w)
}

// hugetlb pages are faulted in although FOLL_NOFAULT is asked for
// (follow_hugetlb_page of 6.1 looks at it nowhere): under event_mutex.
func hugetlbUntouched(t *kit.T) {
	m := t.HugeTLB()
	before := t.FreeHugeTLB()
	p := register(t, m.Word(at))
	t.Saw("faulted-in", before-t.FreeHugeTLB())
	p.follow()
}

// A merged page is read-only and shared with one that is nobody's business.
func ksmMerged(t *kit.T) {
	m := t.Anonymous(2).Touch()
	w := m.Word(at)
	m.Merge(w)
	follows(t, w)
	t.Saw("other-page", m.Word(os.Getpagesize()+at).Load())
}

func swappedOut(t *kit.T) {
	t.Swap()
	m := t.Anonymous(1).Touch()
	w := m.Word(at)
	w.Store(0x100)
	m.SwapOut(w)
	p := register(t, w)
	t.Saw("swapped", w.Page().Swapped)
	p.follow()
}

// Who tracks which pages are written, CRIU for one, write-protects them all.
func softDirtyCleared(t *kit.T) {
	w := t.Word()
	p := start(t, w)
	t.ClearSoftDirty() // at last: a new mapping that joins this one is dirty
	p.other.At.Word.Next(1).Store(1)
	p.reg()
	p.set(true)
	p.settle(func() bool { return w.Load() == 1 })
	t.Saw("on", int(w.Load()))
	t.Saw("soft-dirty", w.Page().SoftDirty)
	p.reportLines("on")
	w.Next(1).Store(1)
	p.step("off", false)
}

// The kernel has no mapping of such a page, so it must not be pinned.
func secretMemory(t *kit.T) {
	w := t.SecretMemory().Touch().Word(at)
	p := register(t, w)
	p.set(true)
	t.Saw("on", int(w.Load()))
	p.reportLines("on")
	t.Saw("other", p.other.Enabled())
}

// Cow is the area of pages that are not the program's own yet: never touched,
// read only once, private copies of a file, or copied after a fork.
package main

import (
	"os"

	"golang.org/x/sys/unix"

	"uetest/selftests/kit"
)

func main() {
	kit.Main(kit.Tests{
		"cow/anonymous-untouched":      anonymousUntouched,
		"cow/anonymous-read":           anonymousRead,
		"cow/anonymous-written-later":  anonymousWrittenLater,
		"cow/shared-untouched":         sharedUntouched,
		"cow/shared-read":              sharedRead,
		"cow/file-untouched":           fileUntouched,
		"cow/file-private-read":        filePrivateRead,
		"cow/file-private-written":     filePrivateWritten,
		"cow/file-shared-reaches-file": fileSharedReachesFile,
		"cow/child-copy-is-left-alone": childCopyIsLeftAlone,
		"cow/child-copy-registered":    childCopyRegistered,
		"cow/parent-write-after-miss":  parentWriteAfterMiss,
		"cow/second-fork":              secondFork,
		"cow/neighbour-page-written":   neighbourPageWritten,
	})
}

const rw = unix.PROT_READ | unix.PROT_WRITE

// toggle registers a word, enables and disables the event, and reports the
// bit and the log lines of each step.
func toggle(t *kit.T, w kit.Word) {
	ev, log := t.Event("u32 count"), t.KernelLog()
	r, err := t.Open().TryRegister(ev, w.Bit(0))
	t.Saw("reg", err)
	t.Saw("reg-lines", log.Failures())
	ev.On()
	t.Saw("on", r.Enabled())
	t.Saw("on-lines", log.Failures())
	ev.Off()
	t.Saw("off", r.Enabled())
}

// The word is not read while the event is on: a read would bring in the zero
// page, and the next step would find another reason to fail.
func anonymousUntouched(t *kit.T) {
	w := t.Anonymous(1).Word(256)
	ev, log := t.Event("u32 count"), t.KernelLog()
	r, err := t.Open().TryRegister(ev, w.Bit(0))
	t.Saw("reg", err)
	t.Saw("reg-lines", log.Failures())
	ev.On()
	ev.Off()
	ev.On()
	t.Saw("toggle-lines", log.Failures())
	t.Saw("on", r.Enabled())
}

// A page that was only read is the zero page, which nobody may write.
func anonymousRead(t *kit.T) {
	w := t.Anonymous(1).Word(256)
	t.Logf("the word is %d", w.Load())
	toggle(t, w)
}

func anonymousWrittenLater(t *kit.T) {
	w := t.Anonymous(1).Word(256)
	ev := t.Event("u32 count")
	t.Open().Register(ev, w.Bit(0))
	w.Store(1 << 8)
	ev.On()
	t.Saw("on", w.Load())
	ev.Off()
	t.Saw("off", w.Load())
}

func sharedUntouched(t *kit.T) { toggle(t, t.SharedAnonymous(1).Word(256)) }

// A shared page needs no copy, so it may be written once it is there.
func sharedRead(t *kit.T) {
	w := t.SharedAnonymous(1).Word(256)
	t.Logf("the word is %d", w.Load())
	toggle(t, w)
}

// The page exists, touched through another mapping, but not in this one.
func fileUntouched(t *kit.T) {
	fd := t.Memfd(1)
	t.Map(fd, 1, rw, unix.MAP_SHARED).Touch()
	toggle(t, t.Map(fd, 1, rw, unix.MAP_SHARED).Word(256))
}

func filePrivateRead(t *kit.T) {
	w := t.Map(t.Memfd(1), 1, rw, unix.MAP_PRIVATE).Word(256)
	t.Logf("the word is %d", w.Load())
	toggle(t, w)
}

// The copy gets the bit and the file does not.
func filePrivateWritten(t *kit.T) {
	fd := t.Memfd(1)
	file := t.Map(fd, 1, rw, unix.MAP_SHARED).Word(256)
	w := t.Map(fd, 1, rw, unix.MAP_PRIVATE).Touch().Word(256)
	ev := t.Event("u32 count")
	t.Open().Register(ev, w.Bit(0))
	ev.On()
	t.Saw("copy", w.Load())
	t.Saw("file", file.Load())
}

func fileSharedReachesFile(t *kit.T) {
	fd := t.Memfd(1)
	other := t.Map(fd, 1, rw, unix.MAP_SHARED).Word(256)
	w := t.Map(fd, 1, rw, unix.MAP_SHARED).Touch().Word(256)
	ev := t.Event("u32 count")
	t.Open().Register(ev, w.Bit(0))
	ev.On()
	t.Saw("here", w.Load())
	t.Saw("other-mapping", other.Load())
	b := make([]byte, 1)
	_, err := unix.Pread(fd, b, 256)
	t.Check(err)
	t.Saw("file", int(b[0]))
}

// childCopyIsLeftAlone has parent and child both on copies of their own: the
// enabler is the parent's.
func childCopyIsLeftAlone(t *kit.T) {
	ev, w := t.Event("u32 count"), t.Word()
	t.Open().Register(ev, w.Bit(0))
	c := t.Fork()
	c.Store(w, 0x100)
	w.Store(0x200)
	ev.On()
	t.Saw("parent", w.Load())
	t.Saw("child", c.Load(w))
	ev.Off()
	t.Saw("parent-off", w.Load())
	t.Saw("child-off", c.Load(w))
}

// The child's copy gets updates from the registration on, and the parent's
// goes on getting its own.
func childCopyRegistered(t *kit.T) {
	ev, w := t.Event("u32 count"), t.Word()
	t.Open().Register(ev, w.Bit(0))
	c := t.Fork()
	c.Store(w, 0x100)
	w.Store(0x200)
	ev.On()
	t.Saw("before", c.Load(w))
	c.Register(c.Open(), ev, w.Bit(4))
	t.Saw("registered", c.Load(w))
	ev.Off()
	ev.On()
	t.Saw("child", c.Load(w))
	t.Saw("parent", w.Load())
}

func parentWriteAfterMiss(t *kit.T) {
	ev, w := t.Event("u32 count"), t.Word()
	t.Open().Register(ev, w.Bit(0))
	t.Fork()
	log := t.KernelLog()
	ev.On()
	t.Saw("missed", w.Becomes(1))
	w.Store(0x200)
	ev.Off()
	ev.On()
	t.Saw("written", w.Load())
	t.Saw("lines", log.Failures())
}

// A second fork protects the page again that the first one's copy had freed.
func secondFork(t *kit.T) {
	ev, w := t.Event("u32 count"), t.Word()
	t.Open().Register(ev, w.Bit(0))
	log := t.KernelLog()
	t.Fork()
	w.Next(1).Store(1)
	ev.On()
	t.Saw("first", w.Load())
	t.Fork()
	ev.Off()
	t.Saw("second", w.Becomes(0))
	t.Saw("lines", log.Failures())
}

// It is the word's own page that has to be written, its neighbour is no help.
func neighbourPageWritten(t *kit.T) {
	pages := t.Anonymous(2)
	pages.Word(os.Getpagesize()).Store(1)
	toggle(t, pages.Word(256))
}

package main

import (
	"time"

	"uetest/internal/uapi"
	"uetest/selftests/kit"
)

// place is a word under test, registered for bit 0 of an event, and another
// word of the same event in ordinary memory.
//
// The other one is registered first, in shared memory, which a fork does not
// write-protect. It keeps the event alive where the word
// under test is refused (g3), and shows that one bad place does not cost
// another one its update.
type place struct {
	*kit.T
	ev    *kit.Event
	d     *kit.Data
	w     kit.Word
	other *kit.Registration
	log   *kit.KernelLog
	lines int // not reported yet
	err   error
}

// register registers the word and reports the result and the lines logged.
func register(t *kit.T, w kit.Word) *place {
	p := start(t, w)
	p.reg()
	return p
}

// start is a place whose word is not registered yet.
func start(t *kit.T, w kit.Word) *place {
	p := &place{T: t, ev: t.Event("u32 count"), d: t.Open(), w: w}
	p.other = p.d.Register(p.ev, t.SharedAnonymous(1).Touch().Word(at).Bit(0))
	p.log = t.KernelLog()
	return p
}

func (p *place) reg() {
	_, p.err = p.d.TryRegister(p.ev, p.w.Bit(0))
	p.Saw("reg", p.err)
	p.reportLines("reg")
}

// faultLine is what g3 logs when a page could not be faulted in, behind the
// system call (user_event_enabler_fault_fixup).
const faultLine = "user_events: Fault for mm"

func (p *place) count() int {
	line := kit.FailLine
	if p.Family() == uapi.G3 {
		line = faultLine
	}
	p.lines += p.log.Count(line)
	return p.lines
}

func (p *place) reportLines(step string) {
	p.Saw(step+"-lines", p.count())
	p.lines = 0
}

// laterLimit is how long a write that g3 does later, and that never comes, is
// waited for where no line says that it failed.
const laterLimit = 300 * time.Millisecond

// settle waits until done, where the kernel does things later (g3): the write,
// or a line for its failure.
func (p *place) settle(done func() bool) {
	if p.Family() != uapi.G3 || p.err != nil {
		return
	}
	for deadline := time.Now().Add(laterLimit); !done() && p.count() == 0 && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	if p.lines > 0 {
		// The worker logs first and takes the next write afterwards: until then
		// a toggle passes the place over.
		p.WorkersFinish()
	}
}

func (p *place) set(on bool) {
	p.Check(p.ev.SetEnable(on))
}

// step switches the event and reports the word's bit and the lines logged.
// The bit is reported as the word itself, so that a write beside it shows.
func (p *place) step(name string, on bool) {
	p.set(on)
	want := uint32(0)
	if on {
		want = 1
	}
	p.settle(func() bool { return p.w.Load()&1 == want })
	p.Saw(name, int(p.w.Load()))
	p.reportLines(name)
}

// blind is step for a word that can't be read.
func (p *place) blind(name string, on bool) {
	p.set(on)
	p.settle(func() bool { return false })
	p.reportLines(name)
}

// unread is step for a word that must not be read, because a read brings a page
// in as well, another one than a write.
func (p *place) unread(name string, on bool) {
	p.set(on)
	p.settle(func() bool { return p.w.Page().Present })
	p.reportLines(name)
}

// follow reports on and off.
func (p *place) follow() {
	p.step("on", true)
	p.step("off", false)
}

package main

import (
	"golang.org/x/sys/unix"

	"uetest/selftests/kit"
)

// perf connects to the tracepoint when its event is opened and lets go when the
// last one is freed, whatever it counts in between.

// perfDisabled is open from the start and counts for a while.
func perfDisabled(t *kit.T) {
	ev, d, r := registered(t)
	p := t.PerfOpenOn(ev, kit.PerfTarget{CPU: -1, Disabled: true})
	step := func(name string) {
		write(t, d, r, 1)
		t.Saw(name, r.Enabled())
		t.Saw(name+"-count", p.Count())
	}
	step("disabled")
	p.Enable()
	step("enabled")
	p.Disable()
	step("disabled-again")
	p.Close()
	t.Saw("off", r.Enabled())
}

// perfOfAProcessor watches whoever runs on a processor, beside one that watches
// the test alone.
func perfOfAProcessor(t *kit.T) {
	ev, _, r := registered(t)
	cpu := t.PerfOpenOn(ev, kit.PerfTarget{PID: -1, CPU: 0})
	t.Saw("processor", r.Enabled())
	task := t.PerfOpen(ev)
	cpu.Close()
	t.Saw("task", r.Enabled())
	cpu = t.PerfOpenOn(ev, kit.PerfTarget{PID: -1, CPU: 0})
	task.Close()
	t.Saw("processor-again", r.Enabled())
	cpu.Close()
	t.Saw("none", r.Enabled())
}

// perfOfAChild watches a child. Everybody who has the event registered is told,
// but only what the child writes counts.
func perfOfAChild(t *kit.T) {
	ev, d, r := registered(t)
	c := t.Fork()
	p := t.PerfOpenOn(ev, kit.PerfTarget{PID: c.PID(), CPU: -1})
	t.Saw("told", r.Enabled())
	write(t, d, r, 1)
	t.Saw("own", p.Count())
	_, err := c.Write(d.FD, r.Index, make([]byte, 4))
	t.Check(err)
	t.Saw("childs", p.Count())
	p.Close()
	t.Saw("off", r.Enabled())
}

// perfOfADeadChild goes on being open when whom it watches has died.
func perfOfADeadChild(t *kit.T) {
	ev, _, r := registered(t)
	c := t.Fork()
	p := t.PerfOpenOn(ev, kit.PerfTarget{PID: c.PID(), CPU: -1})
	c.Exit()
	t.Saw("dead", r.Enabled())
	p.Close()
	t.Saw("off", r.Enabled())
}

// perfInherited is a descriptor that a child holds too.
func perfInherited(t *kit.T) {
	ev, _, r := registered(t)
	p := t.PerfOpen(ev)
	fd := p.FD()
	c := t.Fork()
	p.Close()
	t.Saw("child-holds", r.Enabled())
	c.Close(fd)
	t.Saw("off", r.Enabled())
}

// perfMapping closes the descriptor and keeps the buffer.
func perfMapping(t *kit.T) {
	ev, _, r := registered(t)
	p := t.PerfOpen(ev)
	ring := t.Map(p.FD(), 2, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	p.Close()
	t.Saw("mapped", r.Enabled())
	ring.Unmap()
	t.Saw("off", r.Enabled())
}

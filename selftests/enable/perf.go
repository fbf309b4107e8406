package main

import "uetest/selftests/kit"

func perf(t *kit.T) {
	ev, r := registered(t)
	var p *kit.PerfEvent
	follow(t, r, func() { p = t.PerfOpen(ev) }, func() { p.Close() })
}

func perfAndFtrace(t *kit.T) {
	ev, r := registered(t)
	p := t.PerfOpen(ev)
	ev.On()
	t.Saw("both", r.Enabled())
	ev.Off()
	t.Saw("perf", r.Enabled())
	ev.On()
	p.Close()
	t.Saw("ftrace", r.Enabled())
	ev.Off()
	t.Saw("none", r.Enabled())
}

// perf registers with the event once, whatever the number of perf events.
func twoPerfEvents(t *kit.T) {
	ev, r := registered(t)
	p, q := t.PerfOpen(ev), t.PerfOpen(ev)
	p.Close()
	t.Saw("one", r.Enabled())
	q.Close()
	t.Saw("none", r.Enabled())
}

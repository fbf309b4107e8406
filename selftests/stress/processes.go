package main

import (
	"time"

	"uetest/selftests/kit"
)

// besideToggles does work on the test's own thread, which alone may fork, while
// another one toggles the event, and leaves it enabled.
func besideToggles(t *kit.T, ev *kit.Event, work func()) {
	toggles, err := beside([]worker{{work: func() error {
		if err := ev.SetEnable(true); err != nil {
			return err
		}
		return ev.SetEnable(false)
	}}}, work, nil)
	t.Check(err)
	t.Logf("%d toggles", toggles)
	ev.On()
}

// forkWhileToggling forks while the kernel writes to a shared and to a private
// page. The shared page is told in the end. The private one is a copy that is
// told once its owner has written to it, and until then keeps what it had.
func forkWhileToggling(t *kit.T) {
	const children = 5
	d, ev, private, shared := t.Open(), t.Event("u32 count"), t.Word(), t.SharedAnonymous(1).Touch().Word(0)
	p, s := d.Register(ev, private.Bit(3)), d.Register(ev, shared.Bit(9))
	var alive []*kit.Child
	besideToggles(t, ev, func() {
		for range children {
			alive = append(alive, t.Fork())
		}
	})
	t.Saw("shared", s.Enabled())
	told := 0
	for _, c := range alive {
		told += c.Enabled(s)
	}
	t.Saw("shared-in-children", told)
	private.Next(1).Store(1)
	ev.Off()
	ev.On()
	t.Saw("private", p.Enabled())
	for _, c := range alive {
		c.Exit()
	}
	ev.Off()
	t.Saw("off", s.Enabled()+p.Enabled())
}

// exitWhileToggling has children register on descriptors of their own and exit,
// or be killed, while the kernel writes to their memory. Nothing of them is
// left.
func exitWhileToggling(t *kit.T) {
	const children = 5
	d, ev, w := t.Open(), t.Event("u32 count"), t.SharedAnonymous(1).Touch().Word(0)
	r := d.Register(ev, w.Bit(0))
	own := t.Anonymous(1)
	before := t.Slab("mm_struct")
	besideToggles(t, ev, func() {
		for i := range children {
			c := t.Fork()
			c.Store(own.Word(128), 0)
			c.Register(c.Open(), ev, own.Word(128).Bit(0))
			if i%2 == 0 {
				c.Exit()
			} else {
				c.Kill()
			}
		}
	})
	t.Saw("on", r.Enabled())
	const lazy = 1 // an idle processor may keep the last one that it used
	kept := t.Slab("mm_struct") - before
	for deadline := time.Now().Add(time.Second); kept > lazy && time.Now().Before(deadline); kept = t.Slab("mm_struct") - before {
		time.Sleep(5 * time.Millisecond)
	}
	t.Saw("kept", kept > lazy)
	log := t.KernelLog()
	ev.Off()
	t.Saw("lines", log.Failures())
	t.Saw("off", r.Enabled())
}

// manyEventsInProcesses registers each of many events in each of many
// processes, enables them all at once, and looks at every bit of everybody;
// then once more when half of the processes are gone.
func manyEventsInProcesses(t *kit.T) {
	const events, processes = 10, 4
	d, page, shared := t.Open(), t.Anonymous(1), t.SharedAnonymous(1).Touch()
	var all []*kit.Event
	for i := range events {
		ev := t.Event("u32 count")
		d.Register(ev, shared.Word(8*i).Bit(0))
		all = append(all, ev)
	}
	var children []*kit.Child
	var places [][]*kit.Registration
	for range processes {
		c := t.Fork()
		c.Store(page.Word(0), 0)
		fd := c.Open()
		var own []*kit.Registration
		for i, ev := range all {
			own = append(own, c.Register(fd, ev, page.Word(128*(i/5)).Bit(5*(i%5))))
		}
		children, places = append(children, c), append(places, own)
	}
	told := func(from int) (n int) {
		for i := from; i < processes; i++ {
			for _, r := range places[i] {
				n += children[i].Enabled(r)
			}
		}
		return n
	}
	toggle := func(on string) {
		for _, ev := range all {
			t.WriteFile(ev.Path("enable"), on)
		}
	}
	toggle("1")
	t.Saw("on", told(0))
	toggle("0")
	t.Saw("off", told(0))
	for _, c := range children[:processes/2] {
		c.Exit()
	}
	log := t.KernelLog()
	toggle("1")
	t.Saw("half-on", told(processes/2))
	t.Saw("lines", log.Failures())
	toggle("0")
	t.Saw("half-off", told(processes/2))
}

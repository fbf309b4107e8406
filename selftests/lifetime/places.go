package main

import (
	"golang.org/x/sys/unix"

	"uetest/selftests/kit"
)

// samePlaceOnTwoDescriptors registers one place of one event on two
// descriptors: each holds it, whichever is closed.
func samePlaceOnTwoDescriptors(t *kit.T) {
	ev, w := t.Event("u32 count"), t.Word()
	first, second, third := t.Open(), t.Open(), t.Open()
	for _, d := range []*kit.Data{first, second, third} {
		d.Register(ev, w.Bit(6))
	}
	first.Close()
	ev.On()
	t.Saw("first-closed", w.Load())
	ev.Off()
	third.Close()
	ev.On()
	t.Saw("last-closed", w.Load())
	ev.Off()
	t.Saw("off", w.Load())
	second.Close()
	ev.On()
	t.Saw("all-closed", w.Load())
}

// closedByAnother passes the last close of a descriptor to a child: what goes
// is what the file registered, in whatever memory, and nothing of the one who
// closes it.
func closedByAnother(t *kit.T) {
	d, ev := t.Open(), t.Event("u32 count")
	mine := t.SharedAnonymous(1).Touch()
	theirs := t.SharedAnonymous(1).Touch()
	d.Register(ev, mine.Word(64).Bit(0))
	c := t.Fork()
	c.Store(theirs.Word(64), 0) // shared memory is not there in a child at first
	fd := c.Open()
	c.Register(fd, ev, theirs.Word(64).Bit(1))
	inherited := d.FD
	d.Close()
	c.Close(inherited)
	ev.On()
	t.Saw("closed", mine.Word(64).Load())
	t.Saw("open", theirs.Word(64).Load())
}

// everyEventReleased has one descriptor hold three events, each by two places,
// and lets go of all of them with one close.
func everyEventReleased(t *kit.T) {
	d := t.Open()
	var events []*kit.Event
	var places []*kit.Registration
	for range 3 {
		ev := t.Event("u32 count")
		places = append(places, d.Register(ev, t.Word().Bit(0)), d.Register(ev, t.Word().Bit(1)))
		events = append(events, ev)
	}
	d.LetGo(places...)
	e, refused := t.Open(), 0
	for _, ev := range events {
		err := e.DeleteWhenFree(ev.Name)
		if gone := err == nil || err == unix.ENOENT && t.PlacesOutliveFiles(); !gone {
			refused++
		}
	}
	t.Saw("not-deleted", refused)
}

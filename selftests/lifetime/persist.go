package main

import (
	"errors"

	"golang.org/x/sys/unix"

	"uetest/internal/uapi"
	"uetest/selftests/kit"
)

// registerWith registers an event with flags of g3 at a place of its own.
func registerWith(t *kit.T, d *kit.Data, ev *kit.Event, flags uint16) func() {
	w := t.Word()
	_, err := d.Reg(ev.Desc, uapi.Reg{EnableAddr: w.Addr(), EnableSize: 4, Flags: flags})
	t.Check(err)
	return func() { t.Check(t.Open().UnregAt(w.Addr(), 0)) }
}

// persistStays has an event that persists lose its last reference: it behaves
// as every event did before g3.
func persistStays(t *kit.T) {
	d, ev := t.Open(), t.Event("u32 count")
	drop := registerWith(t, d, ev, uapi.RegPersist)
	t.Saw("held", t.Open().Delete(ev.Name))
	drop()
	d.Close()
	t.Settle()
	t.Saw("listed", ev.Exists())
	t.Saw("delete", t.Open().DeleteWhenFree(ev.Name))
	t.Saw("again", t.Open().Delete(ev.Name))
}

// persistOfFirst registers one event twice. Who makes the event decides how
// long it lives; who finds it there only holds it.
func persistOfFirst(first, second uint16) func(*kit.T) {
	return func(t *kit.T) {
		d, e, ev := t.Open(), t.Open(), t.Event("u32 count")
		before := t.Status().Active
		drop := registerWith(t, d, ev, first)
		dropToo := registerWith(t, e, ev, second)
		t.Saw("events", t.Status().Active-before)
		drop()
		dropToo()
		d.Close()
		e.Close()
		if first == uapi.RegPersist {
			t.Settle()
		} else {
			ev.Goes()
		}
		t.Saw("listed", ev.Exists())
	}
}

// dynamicPersists makes the event by dynamic_events, where nobody could hold
// it otherwise.
func dynamicPersists(t *kit.T) {
	ev := t.Event("u32 count")
	t.AppendFile("dynamic_events", "u:"+ev.Desc)
	d := t.Open()
	d.LetGo(d.Register(ev, t.Word().Bit(0)))
	t.Settle()
	t.Saw("listed", ev.Exists())
}

// heldByDescriptor has no place for the event, but a file.
func heldByDescriptor(t *kit.T) {
	d, ev, r := held(t)
	t.Check(d.Unreg(r))
	t.Settle()
	t.Saw("file", ev.Exists())
	e := d.Dup()
	d.Close()
	t.Settle()
	t.Saw("dup", ev.Exists())
	e.Close()
	t.Saw("none", !ev.Goes())
}

// heldByChild leaves the event to what a child has inherited.
func heldByChild(t *kit.T) {
	d, ev, r := held(t)
	c := t.Fork()
	fd := d.FD
	d.LetGo(r)
	t.Settle()
	t.Saw("place-and-file", ev.Exists())
	c.Close(fd)
	t.Settle()
	t.Saw("place", ev.Exists())
	c.Exit()
	t.Saw("none", !ev.Goes())
}

// registerWhileGoing registers an event again while the kernel has yet to
// delete it: whether it is the old one or a new one, it is there and follows.
func registerWhileGoing(t *kit.T) {
	ev, w := t.Event("u32 count"), t.Word()
	refused, missed := 0, 0
	for range 8 {
		d := t.Open()
		r, err := d.TryRegister(ev, w.Bit(0))
		if err != nil {
			refused++
			d.Close()
			continue
		}
		ev.On()
		missed += 1 - r.Enabled()
		ev.Off()
		missed += r.Enabled()
		d.LetGo(r)
	}
	t.Saw("refused", refused)
	t.Saw("missed", missed)
}

// deleteWithoutFields asks dynamic_events to delete an event with fields by its
// name alone.
func deleteWithoutFields(t *kit.T) {
	ev := t.Event("u32 count")
	t.AppendFile("dynamic_events", "u:"+ev.Desc)
	err := kit.TryAppendFile("dynamic_events", "-:"+ev.Name)
	if errors.Is(err, unix.ENOENT) {
		err = unix.ENOENT
	}
	t.Saw("delete", err)
	t.Saw("listed", ev.Exists())
}

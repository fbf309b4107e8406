package main

import (
	"strings"

	"uetest/selftests/kit"
)

// made is an event that dynamic_events made and nobody holds.
func made(t *kit.T, fields string) *kit.Event {
	ev := t.Event(fields)
	t.AppendFile("dynamic_events", "u:"+ev.Desc)
	return ev
}

// notDeleted tries lines that dynamic_events should find no event for, and
// then the one that it should.
func notDeleted(t *kit.T, ev *kit.Event, key, line string) {
	t.Saw(key, kit.TryAppendFile("dynamic_events", line))
	t.Saw("listed", ev.Exists())
	t.Saw("its-own", kit.TryAppendFile("dynamic_events", "-:user_events/"+ev.Desc))
}

// The fields that are asked for begin with those of the event and go on.
func deleteByMoreFields(t *kit.T) {
	ev := made(t, "u32 a")
	notDeleted(t, ev, "more-fields", "-:"+ev.Desc+"; u8 c")
}

func deleteByBeginning(t *kit.T) {
	ev := made(t, "u32 a")
	notDeleted(t, ev, "beginning", "-:user_events/"+ev.Name[:len(ev.Name)-1]+" u32 a")
}

func deleteByOtherSystem(t *kit.T) {
	ev := made(t, "u32 a")
	notDeleted(t, ev, "other-system", "-:synthetic/"+ev.Desc)
}

// failedDeleteKeepsNothing asks for an event to be deleted while it is held, by
// either way, more than once: each looks it up and has to let go of it again.
func failedDeleteKeepsNothing(t *kit.T) {
	d, ev, r := held(t)
	e := t.Open()
	for range 3 {
		t.Saw("del", e.Delete(ev.Name))
		t.Saw("dynamic-events", kit.TryAppendFile("dynamic_events", "-:"+ev.Desc))
	}
	d.LetGo(r)
	t.Saw("closed", e.DeleteWhenFree(ev.Name))
}

// failedDeleteKeepsFields asks for an event to be deleted that nobody holds but
// that is enabled. The kernel takes an event's fields away before the rest of
// it, so one that it can't delete has to be told before.
func failedDeleteKeepsFields(t *kit.T) {
	d, ev, r := held(t)
	ev.On()
	d.LetGo(r)
	t.Settle()
	t.Saw("del", t.Open().Delete(ev.Name))
	t.Saw("dynamic-events", kit.TryAppendFile("dynamic_events", "-:"+ev.Desc))
	t.Saw("fields", strings.Contains(t.ReadFile(ev.Path("format")), "u32 count;"))
}

package main

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"

	"uetest/selftests/kit"
)

// held is an event that a descriptor holds.
func held(t *kit.T) (*kit.Data, *kit.Event, *kit.Registration) {
	d, ev := t.Open(), t.Event("u32 count")
	return d, ev, d.Register(ev, t.Word().Bit(0))
}

// deleted deletes an event that nobody holds, or waits until it has gone by
// itself.
func deleted(t *kit.T, ev *kit.Event) {
	err := t.Open().DeleteWhenFree(ev.Name)
	if errors.Is(err, unix.ENOENT) && t.PlacesOutliveFiles() {
		return
	}
	t.Check(err)
}

// appendWhenFree writes a line that deletes to dynamic_events, again while the
// kernel has yet to let go of the event.
func appendWhenFree(t *kit.T, line string) error {
	var err error
	t.Await(func() bool {
		err = kit.TryAppendFile("dynamic_events", line)
		return !errors.Is(err, unix.EBUSY)
	})
	return err
}

func eventStays(t *kit.T) {
	d, ev, r := held(t)
	d.Close()
	t.Saw("closed", ev.Exists())
	if t.PlacesOutliveFiles() {
		t.Check(t.Open().Unreg(r))
	}
	t.Await(func() bool { return !ev.Exists() })
	t.Saw("nobody-left", ev.Exists())
}

func enabledEventStaysOn(t *kit.T) {
	d, ev, r := held(t)
	ev.On()
	d.LetGo(r)
	t.Settle()
	t.Saw("enable-file", t.ReadFile(ev.Path("enable")))
	t.Saw("used-by", t.Status().Events[ev.Name].UsedBy)
}

func sameNameIsSameEvent(t *kit.T) {
	_, ev, r := held(t)
	before := t.Status().Active
	s := t.Open().Register(ev, t.Word().Bit(0))
	t.Saw("more", t.Status().Active-before)
	t.Saw("same-bit", r.StatusBit == s.StatusBit)
}

// The fields of a second registration are not looked at: the payload is
// checked against those of the first.
func sameNameOtherFields(t *kit.T) {
	_, ev, _ := held(t) // u32: four bytes at least
	ev.On()
	other := t.EventOf(ev.Name, ev.Name+" u8 a")
	d := t.Open()
	_, err := d.TryRegister(other, t.Word().Bit(0))
	t.Saw("reg", err)
	const first = 0 // index of the descriptor
	n, err := d.Write(first, make([]byte, 1))
	t.Saw("one-byte", kit.Result(n, err))
	n, err = d.Write(first, make([]byte, 4))
	t.Saw("four-bytes", kit.Result(n, err))
}

func recreatedWithNewFields(t *kit.T) {
	d, ev, r := held(t)
	d.LetGo(r)
	e := t.Open()
	deleted(t, ev)
	again := t.EventOf(ev.Name, ev.Name+" u8 a")
	r = e.Register(again, t.Word().Bit(0))
	ev.On()
	t.Saw("on", r.Enabled())
	n, err := e.Write(r.Index, make([]byte, 1))
	t.Saw("one-byte", kit.Result(n, err))
}

// A descriptor counts its own events: one that was opened before and holds
// nothing starts at 0 whatever others hold.
func indexAfterDelete(t *kit.T) {
	e := t.Open()
	d, ev, r := held(t)
	d.Register(t.Event("u32 count"), t.Word().Bit(0))
	d.LetGo(r)
	deleted(t, ev)
	first := e.Register(t.Event("u32 count"), t.Word().Bit(0))
	second := e.Register(ev, t.Word().Bit(0))
	again := e.Register(ev, t.Word().Bit(1))
	t.Saw("first", first.Index)
	t.Saw("second", second.Index)
	t.Saw("again", again.Index)
}

func deleteWhileHeld(t *kit.T) {
	d, ev, r := held(t)
	e := t.Open()
	t.Saw("held", e.Delete(ev.Name))
	t.Saw("by-its-holder", d.Delete(ev.Name))
	d.LetGo(r)
	t.Saw("closed", e.DeleteWhenFree(ev.Name))
	t.Saw("again", e.Delete(ev.Name))
}

func deleteWhileOn(t *kit.T) {
	d, ev, r := held(t)
	ev.On()
	d.LetGo(r)
	t.Settle()
	e := t.Open()
	t.Saw("on", e.Delete(ev.Name))
	ev.Off()
	t.Saw("off", e.DeleteWhenFree(ev.Name))
}

func deleteWhilePerf(t *kit.T) {
	d, ev, r := held(t)
	p := t.PerfOpen(ev)
	d.LetGo(r)
	t.Settle()
	e := t.Open()
	t.Saw("perf", e.Delete(ev.Name))
	p.Close()
	t.Saw("closed", e.DeleteWhenFree(ev.Name))
}

func deleteWhileInInstance(t *kit.T) {
	d, ev, r := held(t)
	in := t.Instance()
	t.WriteFile(in.Path(ev.Path("enable")), "1")
	d.LetGo(r)
	t.Settle()
	e := t.Open()
	t.Saw("on", e.Delete(ev.Name))
	in.Remove()
	t.Saw("removed", e.DeleteWhenFree(ev.Name))
}

func deleteByDynamicEvents(prefix string) func(*kit.T) {
	return func(t *kit.T) {
		d, ev := t.Open(), t.Event("")
		t.AppendFile("dynamic_events", "u:"+ev.Desc)
		r := d.Register(ev, t.Word().Bit(0))
		t.Saw("held", kit.TryAppendFile("dynamic_events", prefix+ev.Name))
		d.LetGo(r)
		t.Saw("closed", appendWhenFree(t, prefix+ev.Name))
		t.Saw("listed", ev.Exists())
	}
}

// deleteByFields deletes by name and fields, which have to match.
func deleteByFields(fields, others string) func(*kit.T) {
	return func(t *kit.T) {
		ev := t.Event(fields)
		t.AppendFile("dynamic_events", "u:"+ev.Desc)
		t.Saw("other-fields", kit.TryAppendFile("dynamic_events", "-:"+ev.Name+" "+others))
		t.Saw("its-fields", kit.TryAppendFile("dynamic_events", "-:"+ev.Name+" "+fields))
	}
}

// An event that dynamic_events made and nobody registered.
func deleteUnregisteredEvent(t *kit.T) {
	ev := t.Event("u32 count")
	t.AppendFile("dynamic_events", "u:"+ev.Desc)
	t.Saw("delete", t.Open().Delete(ev.Name))
	t.Saw("listed", ev.Exists())
}

// Making an event that is there is no error and changes nothing.
func dynamicEventWhileThere(t *kit.T) {
	_, ev, _ := held(t)
	before := t.Status().Active
	t.Saw("make", kit.TryAppendFile("dynamic_events", "u:"+ev.Desc))
	t.Saw("more", t.Status().Active-before)
}

func folderFollowsTheEvent(t *kit.T) {
	ev := t.Event("u32 count")
	there := func() bool {
		_, err := os.Stat(kit.Tracefs + "/" + ev.Path("enable"))
		if err != nil && !errors.Is(err, unix.ENOENT) {
			t.Check(err)
		}
		return err == nil
	}
	t.Saw("before", there())
	d := t.Open()
	r := d.Register(ev, t.Word().Bit(0))
	t.Saw("registered", there())
	d.LetGo(r)
	deleted(t, ev)
	t.Saw("deleted", there())
}

// The event was enabled while nobody had it registered.
func enabledBeforeRegistered(t *kit.T) {
	ev := t.Event("u32 count")
	t.AppendFile("dynamic_events", "u:"+ev.Desc)
	ev.On()
	r := t.Open().Register(ev, t.Word().Bit(0))
	t.Saw("registered", r.Enabled())
	ev.Off()
	t.Saw("off", r.Enabled())
}

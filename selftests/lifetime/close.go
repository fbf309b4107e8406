package main

import (
	"uetest/selftests/kit"
)

// closeWhileOff closes the last descriptor of an event that is off, and then
// enables it: nobody is left to be told.
func closeWhileOff(t *kit.T) {
	d, ev, w := t.Open(), t.Event("u32 count"), t.Word()
	r := d.Register(ev, w.Bit(0))
	d.Close()
	ev.On()
	t.Saw("on", r.Enabled())
	t.Saw("word", w.Load())
}

// closeWhileOn leaves the event on, then disables it.
func closeWhileOn(t *kit.T) {
	d, ev := t.Open(), t.Event("u32 count")
	r := d.Register(ev, t.Word().Bit(0))
	ev.On()
	t.Saw("on", r.Enabled())
	d.Close()
	t.Saw("closed", r.Enabled())
	ev.Off()
	t.Saw("off", r.Enabled())
}

func closeOneOfTwo(t *kit.T) {
	d, e, ev := t.Open(), t.Open(), t.Event("u32 count")
	r, s := d.Register(ev, t.Word().Bit(0)), e.Register(ev, t.Word().Bit(0))
	d.Close()
	ev.On()
	t.Saw("closed", r.Enabled())
	t.Saw("open", s.Enabled())
	ev.Off()
	t.Saw("open-off", s.Enabled())
}

// Close drops every enabler of the file, and one file may have several for
// one event.
func closeOneOfTwoPlaces(t *kit.T) {
	d, ev := t.Open(), t.Event("u32 count")
	v, w := t.Word(), t.Word()
	d.Register(ev, v.Bit(0))
	d.Register(ev, w.Bit(1))
	other := t.Event("u32 count")
	d.Register(other, w.Bit(2))
	d.Close()
	ev.On()
	other.On()
	t.Saw("first", v.Load())
	t.Saw("second", w.Load())
}

// An enabler that can't be written is logged at each toggle while its file is
// open, and not after.
func closeStopsTheLog(t *kit.T) {
	d, ev, log := t.Open(), t.Event("u32 count"), t.KernelLog()
	d.Register(ev, t.BadWord().Bit(0))
	t.Saw("register", log.Failures())
	ev.On()
	t.Saw("on", log.Failures())
	d.Close()
	t.Saw("close", log.Failures())
	ev.Off()
	ev.On()
	t.Saw("later", log.Failures())
}

// dup(2) makes a second descriptor and not a second file.
func dupKeepsTheEnabler(t *kit.T) {
	d, ev := t.Open(), t.Event("u32 count")
	r := d.Register(ev, t.Word().Bit(0))
	e := d.Dup()
	d.Close()
	ev.On()
	t.Saw("on", r.Enabled())
	n, err := e.Write(r.Index, make([]byte, 4))
	t.Saw("write", kit.Result(n, err))
	ev.Off()
	e.Close()
	ev.On()
	t.Saw("both-closed", r.At.Word.Load())
}

// What close left behind is put right by registering again.
func registerAfterClose(t *kit.T) {
	d, ev, w := t.Open(), t.Event("u32 count"), t.Word()
	d.Register(ev, w.Bit(4))
	ev.On()
	d.Close()
	ev.Off()
	t.Saw("left", w.Load())
	e := t.Open()
	_, err := e.TryRegister(ev, w.Bit(4))
	t.Saw("again", err)
	t.Saw("registered", w.Load())
	ev.On()
	t.Saw("on", w.Load())
}

// A thousand registrations of one place on one file are gone with it: one
// that was left would write the word.
func manyRegistrationsGo(t *kit.T) {
	d, ev, w := t.Open(), t.Event("u32 count"), t.Word()
	for range 1000 {
		d.Register(ev, w.Bit(0))
	}
	d.Close()
	ev.On()
	t.Saw("word", w.Load())
	ev.Off()
	t.Saw("delete", t.Open().Delete(ev.Name))
}

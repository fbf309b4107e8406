package main

import "uetest/selftests/kit"

func eventFile(t *kit.T) {
	ev, r := registered(t)
	follow(t, r, ev.On, ev.Off)
}

// A second 1 enables nothing that a single 0 would not disable.
func eventFileTwice(t *kit.T) {
	ev, r := registered(t)
	follow(t, r, func() { ev.On(); ev.On() }, ev.Off)
}

func setEvent(t *kit.T) {
	ev, r := registered(t)
	follow(t, r,
		func() { t.AppendFile("set_event", "user_events:"+ev.Name) },
		func() { t.AppendFile("set_event", "!user_events:"+ev.Name) })
}

// Opening set_event with O_TRUNC disables every event of the buffer.
func setEventTruncated(t *kit.T) {
	ev, r := registered(t)
	follow(t, r, ev.On, func() { t.TruncateFile("set_event") })
}

func systemFile(t *kit.T) {
	_, r := registered(t)
	const file = "events/user_events/enable"
	follow(t, r,
		func() { t.WriteFile(file, "1") },
		func() { t.WriteFile(file, "0") })
}

func instance(t *kit.T) {
	ev, r := registered(t)
	in := t.Instance()
	file := in.Path(ev.Path("enable"))
	follow(t, r,
		func() { t.WriteFile(file, "1") },
		func() { t.WriteFile(file, "0") })
	t.Saw("top", t.ReadFile(ev.Path("enable")))
}

func instanceRemoved(t *kit.T) {
	ev, r := registered(t)
	in := t.Instance()
	follow(t, r, func() { t.WriteFile(in.Path(ev.Path("enable")), "1") }, in.Remove)
}

func instanceAndTop(t *kit.T) {
	ev, r := registered(t)
	file := t.Instance().Path(ev.Path("enable"))
	t.WriteFile(file, "1")
	ev.On()
	t.Saw("both", r.Enabled())
	t.WriteFile(file, "0")
	t.Saw("top", r.Enabled())
	t.WriteFile(file, "1")
	ev.Off()
	t.Saw("instance", r.Enabled())
	t.WriteFile(file, "0")
	t.Saw("none", r.Enabled())
}

// A trigger has to see the event, so the kernel enables it softly although its
// enable file says 0.
func triggerAlone(t *kit.T) {
	ev, r := registered(t)
	file := ev.Path("trigger")
	t.Saw("before", r.Enabled())
	t.WriteFile(file, "traceon")
	t.Saw("on", r.Enabled())
	t.Saw("file", t.ReadFile(ev.Path("enable")))
	t.WriteFile(file, "!traceon")
	t.Saw("off", r.Enabled())
}

// tracing_on stops the ring buffer and not the events.
func tracingOff(t *kit.T) {
	ev, r := registered(t)
	t.SetFile("tracing_on", "0")
	follow(t, r, ev.On, ev.Off)
}

func registeredWhileOn(t *kit.T) {
	ev := t.Event("u32 count")
	w, v := t.Word(), t.Word()
	d := t.Open()
	d.Register(ev, w.Bit(0))
	ev.On()
	r := d.Register(ev, v.Bit(7))
	t.Saw("at-once", r.Enabled())
	ev.Off()
	t.Saw("off", r.Enabled())
}

func madeByDynamicEvents(t *kit.T) {
	ev := t.Event("u32 count; u64 when")
	t.AppendFile("dynamic_events", "u:"+ev.Desc)
	t.Saw("listed", ev.Exists())
	r := t.Open().Register(ev, t.Word().Bit(0))
	follow(t, r, ev.On, ev.Off)
}

func otherEventUntouched(t *kit.T) {
	d := t.Open()
	ev, other := t.Event("u32 count"), t.Event("u32 count")
	r, s := d.Register(ev, t.Word().Bit(4)), d.Register(other, t.Word().Bit(4))
	ev.On()
	t.Saw("on", r.Enabled())
	t.Saw("other", s.Enabled())
	other.On()
	ev.Off()
	t.Saw("off", r.Enabled())
	t.Saw("other-on", s.Enabled())
}

func twoPlaces(t *kit.T) {
	d, ev := t.Open(), t.Event("u32 count")
	r, s := d.Register(ev, t.Word().Bit(0)), d.Register(ev, t.Word().Bit(31))
	t.Saw("same-index", r.Index == s.Index)
	ev.On()
	t.Saw("first", r.Enabled())
	t.Saw("second", s.Enabled())
	ev.Off()
	t.Saw("first-off", r.Enabled())
	t.Saw("second-off", s.Enabled())
}

func twoDescriptors(t *kit.T) {
	ev := t.Event("u32 count")
	r, s := t.Open().Register(ev, t.Word().Bit(0)), t.Open().Register(ev, t.Word().Bit(0))
	ev.On()
	t.Saw("first", r.Enabled())
	t.Saw("second", s.Enabled())
	ev.Off()
	t.Saw("first-off", r.Enabled())
	t.Saw("second-off", s.Enabled())
}

func manyToggles(t *kit.T) {
	ev, r := registered(t)
	wrong := 0
	for range 40 {
		ev.On()
		if r.Enabled() != 1 {
			wrong++
		}
		ev.Off()
		if r.Enabled() != 0 {
			wrong++
		}
	}
	t.Saw("wrong", wrong)
}

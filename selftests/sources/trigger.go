package main

import (
	"errors"
	"strings"

	"golang.org/x/sys/unix"

	"uetest/internal/feature"
	"uetest/selftests/kit"
)

// A trigger has the event enabled softly: the tracepoint is connected, nothing
// is recorded, and the enable file marks it with a star
// (Documentation/trace/events.rst, 6. Event triggers).

// triggerAndFile has both on and switches them off in either order.
func triggerAndFile(t *kit.T) {
	ev, _, r := registered(t)
	saw := func(state string) {
		t.Saw(state, r.Enabled())
		t.Saw(state+"-file", t.ReadFile(ev.Path("enable")))
	}
	for _, first := range []string{"file", "trigger"} {
		ev.On()
		t.WriteFile(ev.Path("trigger"), "traceon")
		saw(first)
		off := []func(){ev.Off, func() { t.WriteFile(ev.Path("trigger"), "!traceon") }}
		if first == "trigger" {
			off[0], off[1] = off[1], off[0]
		}
		off[0]()
		saw(first + "-gone")
		off[1]()
		saw(first + "-both-gone")
	}
}

func twoTriggers(t *kit.T) {
	ev, _, r := registered(t)
	t.WriteFile(ev.Path("trigger"), "traceon")
	t.WriteFile(ev.Path("trigger"), "stacktrace")
	t.Saw("both", r.Enabled())
	t.Saw("twice", kit.TryWriteFile(ev.Path("trigger"), "traceon"))
	t.WriteFile(ev.Path("trigger"), "!traceon")
	t.Saw("one", r.Enabled())
	t.WriteFile(ev.Path("trigger"), "!stacktrace")
	t.Saw("none", r.Enabled())
}

// triggerUsedUp is a trigger for a single event. Once it has fired it does
// nothing any more, but it is still there.
func triggerUsedUp(t *kit.T) {
	ev, d, r := registered(t)
	t.WriteFile(ev.Path("trigger"), "stacktrace:1")
	write(t, d, r, 1)
	t.Saw("used-up", strings.Contains(t.ReadFile(ev.Path("trigger")), "count=0"))
	t.Saw("told", r.Enabled())
	t.WriteFile(ev.Path("trigger"), "!stacktrace")
	t.Saw("off", r.Enabled())
}

// triggerHist counts in the kernel and records nothing.
func triggerHist(t *kit.T) {
	ev, d, r := registered(t)
	err := kit.TryWriteFile(ev.Path("trigger"), "hist:keys=count")
	if errors.Is(err, unix.EINVAL) && !feature.Has(feature.HistTriggers) {
		t.Skip(feature.HistTriggers)
	}
	t.Check(err)
	t.ClearTrace()
	t.Saw("on", r.Enabled())
	t.Saw("file", t.ReadFile(ev.Path("enable")))
	write(t, d, r, 3)
	write(t, d, r, 3)
	hist := t.ReadFile(ev.Path("hist"))
	t.Saw("counted", strings.Contains(hist, "{ count:          3 } hitcount:          2"))
	t.Saw("trace", kit.Payloads(t.Trace("trace", ev)))
	t.WriteFile(ev.Path("trigger"), "!hist:keys=count")
	t.Saw("off", r.Enabled())
}

// triggerEnablesEvent has one event switch on another. That one is connected
// from the start, so its program is told before anything is recorded.
func triggerEnablesEvent(t *kit.T) {
	ev, d, r := registered(t)
	other, e, s := registered(t)
	t.ClearTrace()
	trigger := "enable_event:user_events:" + other.Name
	t.WriteFile(ev.Path("trigger"), trigger)
	t.Saw("told", r.Enabled())
	t.Saw("other-told", s.Enabled())
	t.Saw("other-file", t.ReadFile(other.Path("enable")))
	write(t, e, s, 1)
	write(t, d, r, 9)
	t.Saw("fired-file", t.ReadFile(other.Path("enable")))
	write(t, e, s, 2)
	t.Saw("trace", kit.Payloads(t.Trace("trace", other)))
	t.WriteFile(ev.Path("trigger"), "!"+trigger)
	t.Saw("off", r.Enabled())
	t.Saw("other-left", s.Enabled())
	other.Off()
	t.Saw("other-off", s.Enabled())
}

// triggerDisablesEvent has one event switch off another, softly: its program
// goes on being told, and nothing is recorded any more.
func triggerDisablesEvent(t *kit.T) {
	ev, d, r := registered(t)
	other, e, s := registered(t)
	t.ClearTrace()
	other.On()
	trigger := "disable_event:user_events:" + other.Name
	t.WriteFile(ev.Path("trigger"), trigger)
	write(t, e, s, 1)
	write(t, d, r, 9)
	t.Saw("other-told", s.Enabled())
	t.Saw("other-file", t.ReadFile(other.Path("enable")))
	write(t, e, s, 2)
	t.Saw("trace", kit.Payloads(t.Trace("trace", other)))
	t.WriteFile(ev.Path("trigger"), "!"+trigger)
	t.Saw("off", r.Enabled())
	t.Saw("other-left", s.Enabled())
}

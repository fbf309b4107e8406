// Enable is the area of the ways to enable an event: whoever enables it, the
// program is told, and it is told when the last of them is gone.
package main

import "uetest/selftests/kit"

func main() {
	kit.Main(kit.Tests{
		"enable/event-file":              eventFile,
		"enable/event-file-twice":        eventFileTwice,
		"enable/set-event":               setEvent,
		"enable/set-event-truncated":     setEventTruncated,
		"enable/system-file":             systemFile,
		"enable/instance":                instance,
		"enable/instance-removed":        instanceRemoved,
		"enable/instance-and-top":        instanceAndTop,
		"enable/perf":                    perf,
		"enable/perf-and-ftrace":         perfAndFtrace,
		"enable/two-perf-events":         twoPerfEvents,
		"enable/trigger-alone":           triggerAlone,
		"enable/tracing-off":             tracingOff,
		"enable/registered-while-on":     registeredWhileOn,
		"enable/made-by-dynamic-events":  madeByDynamicEvents,
		"enable/other-event-untouched":   otherEventUntouched,
		"enable/two-places":              twoPlaces,
		"enable/two-descriptors":         twoDescriptors,
		"enable/many-places":             manyPlaces,
		"enable/perf-joins":              perfJoins,
		"enable/unwritable-among-others": unwritableAmongOthers,
		"enable/failure-line":            failureLine,
		"enable/many-toggles":            manyToggles,
	})
}

// follow reports the bit before, while and after something enables the event.
func follow(t *kit.T, r *kit.Registration, on, off func()) {
	t.Saw("before", r.Enabled())
	on()
	t.Saw("on", r.Enabled())
	off()
	t.Saw("off", r.Enabled())
}

// registered is an event registered at an ordinary place.
func registered(t *kit.T) (*kit.Event, *kit.Registration) {
	ev := t.Event("u32 count")
	return ev, t.Open().Register(ev, t.Word().Bit(0))
}

// Sources is the area of what enables an event, in all combinations: switches
// of ftrace, trace instances, triggers, perf events. The program is told as
// long as one of them is left, whether or not anything comes to be recorded.
//
// Nothing here enables a tracepoint of the scheduler, as set_event_pid and the
// topmost events/enable do: those calls are patched while the other processor
// runs through them, and an emulated one has been seen to trap there (int3 in
// ttwu_do_wakeup, once in some twenty runs under load).
package main

import "uetest/selftests/kit"

func main() {
	kit.Main(kit.Tests{
		"sources/last-of-three":          lastOfThree,
		"sources/two-instances":          twoInstances,
		"sources/instance-trigger":       instanceTrigger,
		"sources/instance-in-status":     instanceInStatus,
		"sources/set-event-patterns":     setEventPatterns,
		"sources/set-event-of-instance":  setEventOfInstance,
		"sources/enabler-dies":           enablerDies,
		"sources/filter":                 filter,
		"sources/trigger-and-file":       triggerAndFile,
		"sources/two-triggers":           twoTriggers,
		"sources/trigger-used-up":        triggerUsedUp,
		"sources/trigger-hist":           triggerHist,
		"sources/trigger-enables-event":  triggerEnablesEvent,
		"sources/trigger-disables-event": triggerDisablesEvent,
		"sources/perf-disabled":          perfDisabled,
		"sources/perf-of-a-processor":    perfOfAProcessor,
		"sources/perf-of-a-child":        perfOfAChild,
		"sources/perf-of-a-dead-child":   perfOfADeadChild,
		"sources/perf-inherited":         perfInherited,
		"sources/perf-mapping":           perfMapping,
	})
}

// registered is an event registered in memory that a fork does not
// write-protect.
func registered(t *kit.T) (*kit.Event, *kit.Data, *kit.Registration) {
	ev, d := t.Event("u32 count"), t.Open()
	return ev, d, d.Register(ev, t.SharedAnonymous(1).Touch().Word(256).Bit(0))
}

// write writes an event whose count is n.
func write(t *kit.T, d *kit.Data, r *kit.Registration, n byte) {
	_, err := d.Write(r.Index, []byte{n, 0, 0, 0})
	t.Check(err)
}

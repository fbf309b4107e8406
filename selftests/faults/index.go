package main

import "uetest/selftests/kit"

// negativeIndex writes with the index -1, which passes a signed comparison with
// the number of events and then is used as an index (user_events_write_core,
// blob ae78c2d53c8a and 633f24c2a1ac; stable has "if (idx < 0)").
func negativeIndex(t *kit.T) {
	t.ClearTrace()
	d, ev := t.Open(), t.Event("u8 a")
	d.Register(ev, t.Word().Bit(0))
	ev.On()
	n, err := d.Write(-1, []byte{1})
	t.Saw("write", kit.Result(n, err))
	t.Saw("trace", kit.Payloads(t.Trace("trace", ev)))
}

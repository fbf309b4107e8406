// Write is the area of writing events: what write(2) returns, and what the
// trace then holds.
package main

import "uetest/selftests/kit"

func main() {
	kit.Main(kit.Tests{
		"write/payload-in-trace":        payloadInTrace,
		"write/longer-than-fields":      longerThanFields,
		"write/order-of-records":        orderOfRecords,
		"write/gathered":                gathered,
		"write/two-events":              twoEvents,
		"write/index-is-per-descriptor": indexIsPerDescriptor,
		"write/both-buffers":            bothBuffers,
		"write/perf-counts":             perfCounts,
		"write/perf-sample":             perfSample,
		"write/filter":                  filter,
		"write/trace-pipe":              tracePipe,

		"write/disabled":           disabled,
		"write/tracing-off":        tracingOff,
		"write/again-after-toggle": againAfterToggle,

		"write/no-fields-four-bytes": noFieldsFourBytes,
		"write/no-fields-five-bytes": noFieldsFiveBytes,
		"write/larger-than-a-page":   largerThanAPage,
		"write/absent-payload":       absentPayload,
		"write/perf-no-fields":       perfNoFields,

		"write/shorter-than-index":     shorterThanIndex,
		"write/unknown-index":          unknownIndex,
		"write/unregistered":           unregistered,
		"write/under-minimum":          underMinimum,
		"write/under-minimum-disabled": underMinimumDisabled,
		"write/bad-addresses":          badAddresses,
		"write/half-readable-payload":  halfReadablePayload,
		"write/payload-not-faulted-in": payloadNotFaultedIn,
		"write/refused-by-none":        refusedByNone,
		"write/at-an-offset":           atAnOffset,
		"write/read-only-descriptor":   readOnlyDescriptor,
		"write/read":                   read,
		"write/seek":                   seek,

		"write/data-loc-in-bounds":             dynamicString("__data_loc char[] s", 12, "abc\x00"),
		"write/data-loc-unterminated":          dynamicString("__data_loc char[] s", 12, "abcd"),
		"write/data-loc-numbers-in-bounds":     dynamicString("__data_loc u8[] n", 12, "\x01\x02\x03\x04"),
		"write/data-loc-numbers-out-of-bounds": dynamicString("__data_loc u8[] n", 13, "\x01\x02\x03\x04"),
		"write/perf-string-out-of-bounds":      perfStringOutOfBounds,
		"write/soft-disabled":                  softDisabled,
		"write/data-loc-out-of-bounds":         dynamicString("__data_loc char[] s", 13, "abc\x00"),
		"write/rel-loc-in-bounds":              relativeLocation("__rel_loc char[] s", 0, "abc\x00"),
		"write/rel-loc-numbers-out-of-bounds":  relativeLocation("__rel_loc u8[] n", 1, "\x01\x02\x03\x04"),
		"write/rel-loc-out-of-bounds":          relativeLocation("__rel_loc char[] s", 1, "abc\x00"),
	})
}

// enabled is an event with the given fields, registered and enabled, with an
// empty trace.
func enabled(t *kit.T, fields string) (*kit.Data, *kit.Event, *kit.Registration) {
	t.ClearTrace()
	d, ev := t.Open(), t.Event(fields)
	r := d.Register(ev, t.Word().Bit(0))
	ev.On()
	return d, ev, r
}

// wrote reports what a write returned and what the trace then holds.
func wrote(t *kit.T, ev *kit.Event, n int, err error) {
	t.Saw("write", kit.Result(n, err))
	t.Saw("trace", kit.Payloads(t.Trace("trace", ev)))
}

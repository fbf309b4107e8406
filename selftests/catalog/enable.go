package catalog

import "uetest/internal/feature"

// enableTests is the area of the ways to enable an event.
var enableTests = []Test{
	{
		ID:      "enable/event-file",
		Purpose: "the event's enable file sets the bit and clears it",
		Claims:  []int{1},
		Expect:  everywhere("before=0 on=1 off=0"),
	},
	{
		ID:      "enable/event-file-twice",
		Purpose: "enabling an enabled event takes no second disabling",
		Claims:  []int{1},
		Expect:  everywhere("before=0 on=1 off=0"),
	},
	{
		ID:      "enable/set-event",
		Purpose: "set_event enables by a name and disables by !name",
		Claims:  []int{1},
		Expect:  everywhere("before=0 on=1 off=0"),
	},
	{
		ID:      "enable/set-event-truncated",
		Purpose: "opening set_event with O_TRUNC disables the event",
		Claims:  []int{1},
		Expect:  everywhere("before=0 on=1 off=0"),
	},
	{
		ID:      "enable/system-file",
		Purpose: "the enable file of the system user_events enables its events",
		Claims:  []int{1},
		Expect:  everywhere("before=0 on=1 off=0"),
	},
	{
		ID:      "enable/instance",
		Purpose: "a trace instance enables the event for itself, and the program is told",
		Claims:  []int{1},
		Needs:   []feature.Name{feature.Instances},
		Expect:  everywhere("before=0 on=1 off=0 top=0"),
	},
	{
		ID:      "enable/instance-removed",
		Purpose: "removing the instance that enabled the event disables it",
		Claims:  []int{1},
		Needs:   []feature.Name{feature.Instances},
		Expect:  everywhere("before=0 on=1 off=0"),
	},
	{
		ID:      "enable/instance-and-top",
		Purpose: "the bit stays until the last of two buffers has disabled the event",
		Claims:  []int{1},
		Needs:   []feature.Name{feature.Instances},
		Expect:  everywhere("both=1 top=1 instance=1 none=0"),
	},
	{
		ID:      "enable/perf",
		Purpose: "perf_event_open sets the bit, the close of the perf event clears it",
		Claims:  []int{1},
		Needs:   []feature.Name{feature.Perf},
		Expect:  everywhere("before=0 on=1 off=0"),
	},
	{
		ID:      "enable/perf-and-ftrace",
		Purpose: "the bit stays until both perf and ftrace are off, in either order",
		Claims:  []int{1},
		Needs:   []feature.Name{feature.Perf},
		Expect:  everywhere("both=1 perf=1 ftrace=1 none=0"),
	},
	{
		ID:      "enable/two-perf-events",
		Purpose: "the bit stays until the last of two perf events is closed",
		Claims:  []int{1},
		Needs:   []feature.Name{feature.Perf},
		Expect:  everywhere("one=1 none=0"),
	},
	{
		ID:      "enable/trigger-alone",
		Purpose: "a trigger enables the event softly (0*), and the program is told",
		Claims:  []int{1},
		Expect:  everywhere("before=0 on=1 file=0* off=0"),
	},
	{
		ID:      "enable/tracing-off",
		Purpose: "tracing_on does not matter to the bit",
		Claims:  []int{1},
		Expect:  everywhere("before=0 on=1 off=0"),
	},
	{
		ID:      "enable/registered-while-on",
		Purpose: "a place registered while the event is on is set at once",
		Claims:  []int{1},
		Expect:  everywhere("at-once=1 off=0"),
	},
	{
		ID:      "enable/made-by-dynamic-events",
		Purpose: "an event made by dynamic_events can be registered and follows",
		Claims:  []int{1},
		Expect:  everywhere("listed=yes before=0 on=1 off=0"),
	},
	{
		ID:      "enable/other-event-untouched",
		Purpose: "toggling one event does not touch the bit of another",
		Claims:  []int{1},
		Expect:  everywhere("on=1 other=0 off=0 other-on=1"),
	},
	{
		ID:      "enable/two-places",
		Purpose: "two places registered for one event on one descriptor both follow, with one index",
		Claims:  []int{1},
		Expect:  remote("same-index=yes first=1 second=1 first-off=0 second-off=0"),
	},
	{
		ID:      "enable/two-descriptors",
		Purpose: "places registered on two descriptors both follow",
		Claims:  []int{1, 11},
		Expect:  remote("first=1 second=1 first-off=0 second-off=0"),
	},
	{
		ID:      "enable/many-places",
		Purpose: "three hundred places of one event all follow",
		Claims:  []int{1},
		Expect:  remote("on=300 off=0"),
	},
	{
		ID:      "enable/perf-joins",
		Purpose: "the words are written when perf joins ftrace and when it leaves, as at any toggle",
		Claims:  []int{1, 9},
		Needs:   []feature.Name{feature.Perf},
		Expect:  only(G1, "register=1 ftrace=1 perf-too=1 perf-left=1 off=1"),
	},
	{
		ID:      "enable/unwritable-among-others",
		Purpose: "a place that can't be written is logged, keeps the others from nothing, and follows once it can be",
		Claims:  []int{1, 9},
		Expect: map[Generation]Expect{
			G1: {Saw: "first=0x00000008 unwritable=0x00000000 last=0x00000008 lines=1 writable=0x00000008 no-more-lines=0"},
			G3: {Saw: "first=0x00000008 unwritable=0x00000000 last=0x00000008 lines=0 writable=0x00000008 no-more-lines=0"},
		},
	},
	{
		ID:      "enable/failure-line",
		Purpose: "a write that fails costs one warning, in the words that the changelog has",
		Claims:  []int{9},
		Expect:  only(G1, "register=4 on=4"),
	},
	{
		ID:      "enable/many-toggles",
		Purpose: "no toggle of many is missed",
		Claims:  []int{1},
		Expect:  everywhere("wrong=0"),
	},
}

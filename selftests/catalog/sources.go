package catalog

import "uetest/internal/feature"

// sourcesTests is the area of what enables an event, in all combinations. The
// RFC changes nothing in it, and neither does upstream.
var sourcesTests = []Test{
	{
		ID:      "sources/enabler-dies",
		Purpose: "what switched the event on dies: ftrace's switch stays on, a perf event goes with its last descriptor",
		Claims:  []int{1},
		Needs:   []feature.Name{feature.Perf},
		Expect:  everywhere("ftrace=1 perf-open=1 perf=0"),
	},
	{
		ID:      "sources/filter",
		Purpose: "a filter decides what is recorded, and not whether the program is told",
		Claims:  []int{1},
		Expect:  everywhere("filter-alone=0 on=1 trace=07000000 removed=1 off=0"),
	},
	{
		ID:      "sources/instance-in-status",
		Purpose: "the status file names ftrace for an instance and a trigger, perf for perf, and counts the event as busy once",
		Claims:  []int{1},
		Needs:   []feature.Name{feature.Instances, feature.Perf},
		Expect:  everywhere("instance=ftrace/1 and-perf=ftrace+perf/1 perf=perf/1 and-trigger=ftrace+perf/1 trigger=ftrace/1 none=none/0"),
	},
	{
		ID:      "sources/instance-trigger",
		Purpose: "a trigger in an instance alone sets the bit, and removing the instance clears it",
		Claims:  []int{1},
		Needs:   []feature.Name{feature.Instances},
		Expect:  everywhere("on=1 top=0 instance=0* off=0"),
	},
	{
		ID:      "sources/last-of-three",
		Purpose: "with ftrace, an instance and perf on, the bit goes with the last of them, in each order",
		Claims:  []int{1},
		Needs:   []feature.Name{feature.Instances, feature.Perf},
		Expect:  everywhere("ftrace-instance-perf=1,1,0 ftrace-perf-instance=1,1,0 instance-ftrace-perf=1,1,0 instance-perf-ftrace=1,1,0 perf-ftrace-instance=1,1,0 perf-instance-ftrace=1,1,0"),
	},
	{
		ID:      "sources/perf-disabled",
		Purpose: "a perf event that does not count yet, or no more, has the bit set",
		Claims:  []int{1},
		Needs:   []feature.Name{feature.Perf},
		Expect:  everywhere("disabled=1 disabled-count=0 enabled=1 enabled-count=1 disabled-again=1 disabled-again-count=1 off=0"),
	},
	{
		ID:      "sources/perf-inherited",
		Purpose: "a perf event whose descriptor a child holds too sets the bit until both are closed",
		Claims:  []int{1},
		Needs:   []feature.Name{feature.Perf},
		Expect:  everywhere("child-holds=1 off=0"),
	},
	{
		ID:      "sources/perf-mapping",
		Purpose: "the mapped buffer of a perf event whose descriptor is closed keeps the bit set until it is unmapped",
		Claims:  []int{1},
		Needs:   []feature.Name{feature.Perf},
		Expect:  everywhere("mapped=1 off=0"),
	},
	{
		ID:      "sources/perf-of-a-child",
		Purpose: "a perf event that watches another process tells everybody, and counts only what that one writes",
		Claims:  []int{1},
		Needs:   []feature.Name{feature.Perf},
		Expect:  everywhere("told=1 own=0 childs=1 off=0"),
	},
	{
		ID:      "sources/perf-of-a-dead-child",
		Purpose: "a perf event outlives the process that it watches, and so does the bit",
		Claims:  []int{1},
		Needs:   []feature.Name{feature.Perf},
		Expect:  everywhere("dead=1 off=0"),
	},
	{
		ID:      "sources/perf-of-a-processor",
		Purpose: "a perf event that watches a processor sets the bit, and the last of several perf events clears it",
		Claims:  []int{1},
		Needs:   []feature.Name{feature.Perf},
		Expect:  everywhere("processor=1 task=1 processor-again=1 none=0"),
	},
	{
		ID:      "sources/set-event-of-instance",
		Purpose: "an instance has a set_event of its own, which the top level's does not empty",
		Claims:  []int{1},
		Needs:   []feature.Name{feature.Instances},
		Expect:  everywhere("on=1 top-emptied=1 emptied=0"),
	},
	{
		ID:      "sources/set-event-patterns",
		Purpose: "set_event takes a name, a system, or both, with a star for the whole of a part and no other pattern",
		Claims:  []int{1},
		Expect:  everywhere("name=1,0 system-and-colon=1,0 system-and-star=1,0 star-and-name=1,0 prefix=EINVAL left=0"),
	},
	{
		ID:      "sources/trigger-and-file",
		Purpose: "with a trigger and the enable file on, the bit goes with the last of them",
		Claims:  []int{1},
		Expect:  everywhere("file=1 file-file=1* file-gone=1 file-gone-file=0* file-both-gone=0 file-both-gone-file=0 trigger=1 trigger-file=1* trigger-gone=1 trigger-gone-file=1 trigger-both-gone=0 trigger-both-gone-file=0"),
	},
	// Removing the trigger leaves the event as the trigger made it: off for good.
	{
		ID:      "sources/trigger-disables-event",
		Purpose: "an event that another one's trigger disabled is told and not recorded",
		Claims:  []int{1},
		Expect:  everywhere("other-told=1 other-file=0* trace=01000000 off=0 other-left=0"),
	},
	{
		ID:      "sources/trigger-enables-event",
		Purpose: "an event that another one's trigger may enable is told before it is recorded",
		Claims:  []int{1},
		Expect:  everywhere("told=1 other-told=1 other-file=0* fired-file=1* trace=02000000 off=0 other-left=1 other-off=0"),
	},
	{
		ID:      "sources/trigger-hist",
		Purpose: "a hist trigger sets the bit, counts what is written and records nothing",
		Claims:  []int{1},
		Needs:   []feature.Name{feature.HistTriggers},
		Expect:  everywhere("on=1 file=0* counted=yes trace=none off=0"),
	},
	{
		ID:      "sources/trigger-used-up",
		Purpose: "a trigger that has fired as often as it was to keeps the bit set until it is removed",
		Claims:  []int{1},
		Expect:  everywhere("used-up=yes told=1 off=0"),
	},
	{
		ID:      "sources/two-instances",
		Purpose: "the bit stays until the last of two instances is off, by rmdir or by its own switch for all events",
		Claims:  []int{1},
		Needs:   []feature.Name{feature.Instances},
		Expect:  everywhere("both=1 one-removed=1 none=0"),
	},
	{
		ID:      "sources/two-triggers",
		Purpose: "the bit stays until the last of two triggers is removed, and one of a kind is enough",
		Claims:  []int{1},
		Expect:  everywhere("both=1 twice=EEXIST one=1 none=0"),
	},
}

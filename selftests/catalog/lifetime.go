package catalog

import "uetest/internal/feature"

// lifetimeTests is the area of what lives how long.
var lifetimeTests = []Test{
	{
		ID:        "lifetime/close-while-off",
		Purpose:   "after the last close the registered word gets no updates",
		Claims:    []int{11},
		Questions: []string{"lifetime-with-file"},
		Expect: map[Generation]Expect{
			G0: {Saw: "on=1 word=0x00000000"},
			G1: {Saw: "on=0 word=0x00000000"},
			G3: {Saw: "on=1 word=0x00000001"},
		},
	},
	{
		ID:        "lifetime/close-while-on",
		Purpose:   "a bit that is set at the last close is cleared when the event is disabled",
		Claims:    []int{1, 11},
		Questions: []string{"lifetime-with-file"},
		Expect: map[Generation]Expect{
			G0: {Saw: "on=1 closed=1 off=0"},
			G1: {Saw: "on=1 closed=1 off=1", Fault: "stale-bit-after-close", Promise: "on=1 closed=1 off=0"},
			G3: {Saw: "on=1 closed=1 off=0"},
		},
	},
	{
		ID:        "lifetime/close-one-of-two",
		Purpose:   "closing one of two descriptors leaves the other's place following",
		Claims:    []int{11},
		Questions: []string{"lifetime-with-file"},
		Expect: map[Generation]Expect{
			G0: {Saw: "closed=1 open=1 open-off=0"},
			G1: {Saw: "closed=0 open=1 open-off=0"},
			G3: {Saw: "closed=1 open=1 open-off=0"},
		},
	},
	{
		ID:      "lifetime/close-one-of-two-places",
		Purpose: "a close drops every place of the file, whatever the event and however many",
		Claims:  []int{11},
		Expect: map[Generation]Expect{
			G1: {Saw: "first=0x00000000 second=0x00000000"},
			G3: {Saw: "first=0x00000001 second=0x00000006"},
		},
	},
	{
		ID:        "lifetime/close-stops-the-log",
		Purpose:   "a place that can't be written costs a log line an attempt, and none after the close",
		Claims:    []int{9, 11},
		Questions: []string{"lifetime-with-file"},
		Expect:    only(G1, "register=1 on=1 close=0 later=0"),
	},
	{
		ID:      "lifetime/closed-by-another",
		Purpose: "the last close drops what its file registered, whoever closes it, and nothing of the one who does",
		Claims:  []int{11},
		Expect:  only(G1, "closed=0x00000000 open=0x00000002"),
	},
	{
		ID:        "lifetime/same-place-on-two-descriptors",
		Purpose:   "a place that several descriptors registered follows until the last of them is closed",
		Claims:    []int{11},
		Questions: []string{"duplicate-enablers"},
		Expect:    only(G1, "first-closed=0x00000040 last-closed=0x00000040 off=0x00000000 all-closed=0x00000000"),
	},
	{
		ID:      "lifetime/every-event-released",
		Purpose: "one close lets go of every event of a descriptor",
		Claims:  []int{11},
		Expect:  same("not-deleted=0"),
	},
	{
		ID:      "lifetime/descriptors-leave-nothing",
		Purpose: "a thousand descriptors, with two events each, leave no objects in the kernel",
		Claims:  []int{11},
		Expect:  everywhere("kmalloc-16=0 kmalloc-32=0 kmalloc-64=0"),
	},
	{
		ID:        "lifetime/dup-keeps-the-enabler",
		Purpose:   "a dup of the descriptor keeps the file, its places and its indexes",
		Claims:    []int{11},
		Questions: []string{"lifetime-with-file"},
		Expect:    since("on=1 write=8 both-closed=0x00000000", "on=1 write=8 both-closed=0x00000001"),
	},
	{
		ID:        "lifetime/register-after-close",
		Purpose:   "a bit left set by a close is right again once the place is registered anew",
		Claims:    []int{1, 11},
		Questions: []string{"lifetime-with-file"},
		Expect: map[Generation]Expect{
			G1: {Saw: "left=0x00000010 again=ok registered=0x00000000 on=0x00000010", Fault: "stale-bit-after-close", Promise: "left=0x00000000 again=ok registered=0x00000000 on=0x00000010"},
			G3: {Saw: "left=0x00000000 again=EADDRINUSE registered=0x00000000 on=0x00000010"},
		},
	},
	{
		ID:        "lifetime/many-registrations-go",
		Purpose:   "a thousand registrations of one place go with the file, and the event can be deleted",
		Claims:    []int{11},
		Questions: []string{"duplicate-enablers"},
		Expect:    only(G1, "word=0x00000000 delete=ok"),
	},
	{
		ID:      "lifetime/event-stays",
		Purpose: "an event stays after its last descriptor is closed and its last place is gone; from g3 on it goes",
		Expect:  since("closed=yes nobody-left=yes", "closed=yes nobody-left=no"),
	},
	{
		ID:      "lifetime/enabled-event-stays-on",
		Purpose: "an event that nobody has registered any more stays enabled",
		Expect:  everywhere("enable-file=1 used-by=ftrace"),
	},
	{
		ID:      "lifetime/same-name-is-same-event",
		Purpose: "the same description registered on another descriptor is the same event",
		Expect:  everywhere("more=0 same-bit=yes"),
	},
	{
		ID:        "lifetime/same-name-other-fields",
		Purpose:   "the same name with other fields is the old event with the old fields",
		Questions: []string{"return-states"},
		Expect:    since("reg=ok one-byte=EINVAL four-bytes=8", "reg=EADDRINUSE one-byte=ENOENT four-bytes=ENOENT"),
	},
	{
		ID:      "lifetime/recreated-with-new-fields",
		Purpose: "after a delete the name may be used with other fields",
		Expect:  everywhere("on=1 one-byte=5"),
	},
	{
		ID:      "lifetime/index-after-delete",
		Purpose: "a descriptor counts its own events from 0, an event twice registered once",
		Expect:  everywhere("first=0 second=1 again=1"),
	},
	{
		ID:        "lifetime/delete-while-held",
		Purpose:   "DEL of an event that a descriptor holds is EBUSY, after the close it works",
		Questions: []string{"return-states"},
		Expect:    since("held=EBUSY by-its-holder=EBUSY closed=ok again=ENOENT", "held=EBUSY by-its-holder=EBUSY closed=ENOENT again=ENOENT"),
	},
	{
		ID:        "lifetime/delete-while-on",
		Purpose:   "DEL of an enabled event that nobody holds is EBUSY, once disabled it works",
		Questions: []string{"return-states"},
		Expect:    since("on=EBUSY off=ok", "on=EBUSY off=ENOENT"),
	},
	{
		ID:      "lifetime/delete-while-perf",
		Purpose: "DEL of an event that a perf event uses is EBUSY, after its close it works",
		Needs:   []feature.Name{feature.Perf},
		Expect:  since("perf=EBUSY closed=ok", "perf=EBUSY closed=ENOENT"),
	},
	{
		ID:      "lifetime/delete-while-in-instance",
		Purpose: "DEL of an event that an instance enabled is EBUSY, once that is removed it works",
		Needs:   []feature.Name{feature.Instances},
		Expect:  since("on=EBUSY removed=ok", "on=EBUSY removed=ENOENT"),
	},
	{
		ID:      "lifetime/delete-by-dynamic-events",
		Purpose: "dynamic_events deletes by system and name, with EBUSY while held",
		Expect:  everywhere("held=EBUSY closed=ok listed=no"),
	},
	{
		ID:      "lifetime/delete-by-short-name",
		Purpose: "dynamic_events deletes by the name alone, with EBUSY while held",
		Expect:  everywhere("held=EBUSY closed=ok listed=no"),
	},
	{
		ID:      "lifetime/delete-by-fields",
		Purpose: "dynamic_events deletes by name and fields, which have to match",
		Expect:  everywhere("other-fields=ENOENT its-fields=ok"),
	},
	{
		ID:      "lifetime/delete-by-struct-fields",
		Purpose: "the same where a field is a struct, with its size",
		Expect: map[Generation]Expect{
			G0:       {Saw: "other-fields=ENOENT its-fields=ENOENT", Fault: "struct-size-not-matched", Promise: "other-fields=ENOENT its-fields=ok"},
			G0Stable: {Saw: "other-fields=ENOENT its-fields=ok"},
			G1:       {Saw: "other-fields=ENOENT its-fields=ENOENT", Fault: "struct-size-not-matched", Promise: "other-fields=ENOENT its-fields=ok"},
			G3:       {Saw: "other-fields=ENOENT its-fields=ok"},
		},
	},
	{
		ID:      "lifetime/delete-by-more-fields",
		Purpose: "dynamic_events does not delete an event that has only the first of the fields",
		Expect:  everywhere("more-fields=ENOENT listed=yes its-own=ok"),
	},
	{
		ID:      "lifetime/delete-by-beginning-of-name",
		Purpose: "dynamic_events does not delete an event by the beginning of its name",
		Expect:  everywhere("beginning=ENOENT listed=yes its-own=ok"),
	},
	{
		ID:      "lifetime/delete-by-other-system",
		Purpose: "dynamic_events does not delete a user event under the name of another system",
		Expect:  everywhere("other-system=ENOENT listed=yes its-own=ok"),
	},
	{
		ID:      "lifetime/failed-delete-keeps-fields",
		Purpose: "an enabled event that could not be deleted still has its fields",
		Expect:  everywhere("del=EBUSY dynamic-events=EBUSY fields=yes"),
	},
	{
		ID:      "lifetime/failed-delete-keeps-nothing",
		Purpose: "a delete that is EBUSY, however often, leaves no reference behind",
		Expect: since(
			"del=EBUSY dynamic-events=EBUSY del=EBUSY dynamic-events=EBUSY del=EBUSY dynamic-events=EBUSY closed=ok",
			"del=EBUSY dynamic-events=EBUSY del=EBUSY dynamic-events=EBUSY del=EBUSY dynamic-events=EBUSY closed=ENOENT"),
	},
	{
		ID:      "lifetime/delete-unregistered-event",
		Purpose: "DEL works on an event that dynamic_events made",
		Expect:  everywhere("delete=ok listed=no"),
	},
	{
		ID:      "lifetime/dynamic-event-while-there",
		Purpose: "making an event by dynamic_events that is there already changes nothing",
		Expect:  everywhere("make=ok more=0"),
	},
	{
		ID:      "lifetime/folder-follows-the-event",
		Purpose: "the event's folder in tracefs comes with REG and goes with DEL",
		Expect:  everywhere("before=no registered=yes deleted=no"),
	},
	{
		ID:      "lifetime/enabled-before-registered",
		Purpose: "an event enabled before anybody registered it is told at the registration",
		Claims:  []int{1},
		Expect:  everywhere("registered=1 off=0"),
	},
	{
		ID:      "lifetime/persist-stays",
		Purpose: "an event with the flag PERSIST stays without references, until DEL",
		Expect:  only(G3, "held=EBUSY listed=yes delete=ok again=ENOENT"),
	},
	{
		ID:      "lifetime/persist-asked-for-first",
		Purpose: "an event that was made to persist stays, although it was registered without the flag as well",
		Expect:  only(G3, "events=1 listed=yes"),
	},
	{
		ID:      "lifetime/persist-asked-for-second",
		Purpose: "an event that was made without PERSIST goes, although it was registered with the flag as well",
		Expect:  only(G3, "events=1 listed=no"),
	},
	{
		ID:      "lifetime/dynamic-event-persists",
		Purpose: "an event that dynamic_events made stays without references",
		Expect:  everywhere("listed=yes"),
	},
	{
		ID:      "lifetime/held-by-descriptor",
		Purpose: "a descriptor without places holds its event until its last close",
		Expect:  only(G3, "file=yes dup=yes none=no"),
	},
	{
		ID:      "lifetime/held-by-child",
		Purpose: "what a child inherited holds the event: the file, the place, until it exits",
		Expect:  only(G3, "place-and-file=yes place=yes none=no"),
	},
	{
		ID:      "lifetime/register-while-going",
		Purpose: "registering an event that is about to be deleted never fails and never misses a toggle",
		Needs:   []feature.Name{feature.SMP},
		Expect:  everywhere("refused=0 missed=0"),
	},
	{
		ID:      "lifetime/delete-without-fields",
		Purpose: "dynamic_events deletes an event with fields by its name alone; from g3 on the fields have to be there",
		Expect:  since("delete=ok listed=no", "delete=ENOENT listed=yes"),
	},
	{
		ID:      "lifetime/formats-of-one-name",
		Purpose: "with MULTI_FORMAT each list of fields is an event of its own, and the same list the same event",
		Expect:  only(G3, "first=0 second=1 again=0 without-fields=2 formats=3 single=no"),
	},
	{
		ID:      "lifetime/formats-beside-single",
		Purpose: "an event with the flag MULTI_FORMAT and one without do not meet",
		Expect:  only(G3, "same-index=no single-other-fields=EADDRINUSE single=yes formats=1"),
	},
	{
		ID:      "lifetime/formats-follow-alone",
		Purpose: "one format is enabled alone, all by the file of the system user_events_multi",
		Expect:  only(G3, "one-first=0 one-second=1 system-first=1 system-second=1 off-first=0 off-second=0"),
	},
	{
		ID:      "lifetime/formats-deleted",
		Purpose: "DEL of the name deletes every format from the newest on, up to one that is held; by a name in tracefs it deletes none",
		Expect:  only(G3, "formats=2 by-its-own-name=ENOENT oldest-held=EBUSY held=1 delete=ok left=0 again=ENOENT"),
	},
	{
		ID:      "lifetime/formats-go",
		Purpose: "each format goes with its own last reference",
		Expect:  only(G3, "one-let-go=1 both=0"),
	},
	{
		ID:      "lifetime/formats-listed",
		Purpose: "the status file lists a format by its name in tracefs, dynamic_events by the name registered",
		Expect:  only(G3, "status-own-name=1 status-name=0 dynamic-events=1 id-file=ok"),
	},
}

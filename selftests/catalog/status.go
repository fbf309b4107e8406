package catalog

import "uetest/internal/feature"

// statusTests is the area of the files that tell about events.
var statusTests = []Test{
	{
		ID:      "status/line-while-idle",
		Purpose: "an event that nobody uses is listed by its name, before the RFC with its index",
		Claims:  []int{10},
		Expect: map[Generation]Expect{
			G0: {Saw: "line=N:NAME again=N:NAME"},
			G1: {Saw: "line=NAME again=NAME"},
			G3: {Saw: "line=NAME again=NAME"},
		},
	},
	{
		ID:      "status/line-used-by-ftrace",
		Purpose: "an event that ftrace uses says so",
		Claims:  []int{10},
		Expect: map[Generation]Expect{
			G0: {Saw: "line=N:NAME_#_Used_by_ftrace"},
			G1: {Saw: "line=NAME_#_Used_by_ftrace"},
			G3: {Saw: "line=NAME_#_Used_by_ftrace"},
		},
	},
	{
		ID:      "status/line-used-by-perf",
		Purpose: "an event that perf uses says so",
		Claims:  []int{10},
		Needs:   []feature.Name{feature.Perf},
		Expect: map[Generation]Expect{
			G0: {Saw: "line=N:NAME_#_Used_by_perf"},
			G1: {Saw: "line=NAME_#_Used_by_perf"},
			G3: {Saw: "line=NAME_#_Used_by_perf"},
		},
	},
	{
		ID:      "status/line-used-by-both",
		Purpose: "an event that both use names both",
		Claims:  []int{10},
		Needs:   []feature.Name{feature.Perf},
		Expect: map[Generation]Expect{
			G0: {Saw: "line=N:NAME_#_Used_by_ftrace_perf"},
			G1: {Saw: "line=NAME_#_Used_by_ftrace_perf"},
			G3: {Saw: "line=NAME_#_Used_by_ftrace_perf"},
		},
	},
	{
		ID:      "status/line-trigger",
		Purpose: "an event that a trigger uses counts as used by ftrace",
		Claims:  []int{10},
		Expect: map[Generation]Expect{
			G0: {Saw: "line=N:NAME_#_Used_by_ftrace removed=N:NAME"},
			G1: {Saw: "line=NAME_#_Used_by_ftrace removed=NAME"},
			G3: {Saw: "line=NAME_#_Used_by_ftrace removed=NAME"},
		},
	},
	{
		ID:      "status/footer",
		Purpose: "behind a blank line stand Active, Busy and, before the RFC, Max",
		Claims:  []int{10},
		Expect: map[Generation]Expect{
			G0: {Saw: "blank-line=yes names=Active,Busy,Max:32768"},
			G1: {Saw: "blank-line=yes names=Active,Busy"},
			G3: {Saw: "blank-line=yes names=Active,Busy"},
		},
	},
	{
		ID:      "status/counts",
		Purpose: "Active counts events and Busy counts those in use, each once",
		Expect:  everywhere("registered=1/0 registered-twice=1/0 another=2/0 on=2/1 perf-too=2/1 both-on=2/2 perf-left=2/1"),
	},
	{
		ID:      "status/deleted",
		Purpose: "a deleted event is listed no more, the others are",
		Expect:  everywhere("deleted=none other=yes"),
	},
	{
		ID:        "status/modes",
		Purpose:   "both files have mode 0640",
		Questions: []string{"status-mode"},
		Expect:    since("status=0640 data=0640", "status=0440 data=0640"),
	},
	{
		ID:        "status/write",
		Purpose:   "the status file takes no data",
		Questions: []string{"status-mode"},
		Expect:    everywhere("write=EINVAL"),
	},
	{
		ID:      "status/seek",
		Purpose: "the status file may be read again from its start",
		Expect:  everywhere("seek=ok same=yes"),
	},
	{
		ID:      "status/fresh-on-each-open",
		Purpose: "the status file tells the state at read(2)",
		Expect:  everywhere("used-by=ftrace"),
	},
	{
		ID:      "status/dynamic-events",
		Purpose: "dynamic_events lists an event as it was described",
		Expect:  everywhere("listed=u:NAME_u32_a;_char[20]_b;_struct_any_c_64;___data_loc_char[]_d"),
	},
	{
		ID:      "status/format",
		Purpose: "the format file gives each field's type, offset, size and sign, and how it is printed",
		Expect:  everywhere("field1=u32_a:8:4:0 field2=s64_b:12:8:1 field3=unsigned_char_c:20:1:0 print=\"a~%u_b~%lld_c~%u\",_REC->a,_REC->b,_REC->c"),
	},
	{
		ID:        "status/mmap-one-page",
		Purpose:   "one page of the status file can be mapped before the RFC, and not after",
		Claims:    []int{10},
		Questions: []string{"status-mode"},
		Expect: map[Generation]Expect{
			G0: {Saw: "mmap=ok"},
			G1: {Saw: "mmap=ENODEV"},
			G3: {Saw: "mmap=ENODEV"},
		},
	},
	{
		ID:        "status/mmap-two-pages",
		Purpose:   "two pages of the status file can't be mapped",
		Claims:    []int{10},
		Questions: []string{"status-mode"},
		Expect: map[Generation]Expect{
			G0: {Saw: "mmap=EINVAL"},
			G1: {Saw: "mmap=ENODEV"},
			G3: {Saw: "mmap=ENODEV"},
		},
	},
	{
		ID:        "status/mmap-private",
		Purpose:   "a private mapping of the status file works before the RFC, and not after",
		Claims:    []int{10},
		Questions: []string{"status-mode"},
		Expect: map[Generation]Expect{
			G0: {Saw: "mmap=ok"},
			G1: {Saw: "mmap=ENODEV"},
			G3: {Saw: "mmap=ENODEV"},
		},
	},
	{
		ID:      "status/mmap-data-file",
		Purpose: "the data file can't be mapped",
		Expect:  everywhere("mmap=ENODEV"),
	},
	{
		ID:      "status/page-bit-of-each-event",
		Purpose: "each event has a bit of its own in the status page, and none has bit 0",
		Expect:  only(G0, "different=20 bit-0=no in-page=yes"),
	},
	{
		ID:      "status/page-changes-one-bit",
		Purpose: "enabling an event changes its bit of the status page and no other",
		Expect:  only(G0, "bytes=1 own-bit=yes restored=yes"),
	},
	{
		ID:      "status/page-bit-is-reused",
		Purpose: "the bit of a deleted event goes to the next one",
		Expect:  only(G0, "reused=yes"),
	},
	{
		ID:      "status/page-bit-survives",
		Purpose: "a mapping of the status page outlives its descriptor",
		Expect:  only(G0, "on=yes"),
	},
	{
		ID:      "status/index-is-the-page-bit",
		Purpose: "the index in the status file is the event's bit in the page",
		Expect:  only(G0, "same=yes line=yes"),
	},
}

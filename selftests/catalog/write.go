package catalog

import "uetest/internal/feature"

// writeTests is the area of writing events.
var writeTests = []Test{
	{
		ID:      "write/payload-in-trace",
		Purpose: "the trace holds the payload and who wrote it; write(2) counts the index too",
		Expect:  everywhere("write=8 trace=2a000080 own-pid=yes"),
	},
	{
		ID:      "write/longer-than-fields",
		Purpose: "a payload longer than the fields is recorded whole",
		Expect:  everywhere("write=32 trace=6162636465666768696a6b6c6d6e6f707172737475767778797a3031"),
	},
	{
		ID:      "write/order-of-records",
		Purpose: "records stand in the trace in the order of the writes",
		Expect:  everywhere("trace=03000000,01000000,02000000"),
	},
	{
		ID:      "write/gathered",
		Purpose: "writev makes one record of its parts",
		Expect:  everywhere("write=12 trace=0102030405060708"),
	},
	{
		ID:      "write/two-events",
		Purpose: "two events on one descriptor are told apart by their index",
		Expect:  everywhere("indexes=0,1 first=aa000000 second=bb000000"),
	},
	{
		ID:      "write/index-is-per-descriptor",
		Purpose: "the same index means another event on another descriptor",
		Expect:  everywhere("indexes=0,1 first=none second=bb000000"),
	},
	{
		ID:      "write/both-buffers",
		Purpose: "an event enabled in two buffers is recorded in both, and in the one that is left",
		Needs:   []feature.Name{feature.Instances},
		Expect:  everywhere("top=01000000 instance=01000000,02000000"),
	},
	{
		ID:      "write/perf-counts",
		Purpose: "perf counts each write, and ftrace records none of them",
		Needs:   []feature.Name{feature.Perf},
		Expect:  everywhere("count=3 trace=none"),
	},
	{
		ID:      "write/perf-sample",
		Purpose: "a perf sample holds the payload",
		Needs:   []feature.Name{feature.Perf},
		Expect:  everywhere("samples=1 payload=yes"),
	},
	{
		ID:      "write/perf-no-fields",
		Purpose: "perf samples an event without fields that is written by its index alone",
		Needs:   []feature.Name{feature.Perf},
		Expect: map[Generation]Expect{
			G0: {Saw: "write=EFAULT count=0 samples=0", Fault: "empty-payload-refused", Promise: "write=4 count=1 samples=1"},
			G1: {Saw: "write=EFAULT count=0 samples=0", Fault: "empty-payload-refused", Promise: "write=4 count=1 samples=1"},
			G3: {Saw: "write=4 count=1 samples=1"},
		},
	},
	{
		ID:      "write/absent-payload",
		Purpose: "a payload is read from a page that has to be faulted in first",
		Expect:  everywhere("untouched=12 write=12 trace=0000000000000000,0000000000000000"),
	},
	{
		ID:      "write/filter",
		Purpose: "a filter drops the record that does not match, and the writer is not told",
		Expect:  everywhere("write-6=8 write-7=8 trace=07000000"),
	},
	{
		ID:      "write/trace-pipe",
		Purpose: "trace_pipe shows the record once",
		Expect:  since("pipe=5a000000 again=EAGAIN trace=none", "pipe=a~0x5a_(90) again=EAGAIN trace=none"),
	},
	{
		ID:      "write/disabled",
		Purpose: "a write to a disabled event records nothing",
		Expect: map[Generation]Expect{
			G0:       {Saw: "write=8 trace=none"},
			G0Stable: {Saw: "write=EBADF trace=none"},
			G1:       {Saw: "write=8 trace=none"},
			G3:       {Saw: "write=EBADF trace=none"},
		},
	},
	{
		ID:      "write/tracing-off",
		Purpose: "a write while tracing_on is 0 succeeds and records nothing",
		Expect:  everywhere("write=8 trace=none"),
	},
	{
		ID:      "write/again-after-toggle",
		Purpose: "what is written while disabled is not recorded later",
		Expect:  everywhere("trace=01000000,03000000"),
	},
	{
		ID:      "write/no-fields-four-bytes",
		Purpose: "an event without fields is written by its index alone",
		Expect: map[Generation]Expect{
			G0: {Saw: "write=EFAULT records=0", Fault: "empty-payload-refused", Promise: "write=4 records=1"},
			G1: {Saw: "write=EFAULT records=0", Fault: "empty-payload-refused", Promise: "write=4 records=1"},
			G3: {Saw: "write=4 records=1"},
		},
	},
	{
		ID:      "write/no-fields-five-bytes",
		Purpose: "an event without fields takes a payload all the same",
		Expect:  everywhere("write=5 first-byte=yes"),
	},
	{
		ID:      "write/larger-than-a-page",
		Purpose: "a record that the ring buffer can't hold is dropped, and the writer is not told",
		Expect:  everywhere("write=8196 records=0"),
	},
	{
		ID:      "write/shorter-than-index",
		Purpose: "a write of fewer than 4 bytes is EFAULT",
		Expect:  everywhere("zero=EFAULT one=EFAULT two=EFAULT three=EFAULT trace=none"),
	},
	{
		ID:      "write/unknown-index",
		Purpose: "an index that was never given is ENOENT",
		Expect:  everywhere("next=ENOENT write=ENOENT trace=none"),
	},
	{
		ID:      "write/unregistered",
		Purpose: "a descriptor that registered nothing is ENOENT, whatever others did",
		Expect:  everywhere("write=ENOENT trace=none"),
	},
	{
		ID:      "write/under-minimum",
		Purpose: "a payload shorter than the fields is EINVAL, of their size it is taken",
		Expect:  everywhere("write=EINVAL trace=none minimum=10"),
	},
	{
		ID:      "write/under-minimum-disabled",
		Purpose: "the size is checked also while the event is off",
		Expect:  everywhere("write=EINVAL"),
	},
	{
		ID:      "write/bad-addresses",
		Purpose: "data that can't be read is EFAULT, and nothing is recorded",
		Expect:  everywhere("null=EFAULT kernel=EFAULT write=EFAULT trace=none"),
	},
	{
		ID:      "write/half-readable-payload",
		Purpose: "a payload that can be read only in part is EFAULT, and nothing is recorded",
		Expect:  everywhere("write=EFAULT trace=none"),
	},
	{
		ID:      "write/at-an-offset",
		Purpose: "pwrite at an offset is EFAULT, at 0 it works",
		Expect:  everywhere("one=EFAULT zero=8 trace=09000000"),
	},
	{
		ID:      "write/read-only-descriptor",
		Purpose: "a descriptor opened for reading only registers and follows, a write is EBADF",
		Expect:  everywhere("reg=ok on=1 write=EBADF trace=none"),
	},
	{
		ID:      "write/read",
		Purpose: "reading the data file is EINVAL",
		Expect:  everywhere("read=EINVAL"),
	},
	{
		ID:      "write/seek",
		Purpose: "seeking in the data file is ESPIPE",
		Expect:  everywhere("seek=ESPIPE"),
	},
	{
		ID:      "write/data-loc-in-bounds",
		Purpose: "a string in a __data_loc field that ends within the record is taken",
		Expect:  everywhere("write=12 trace=0c00040061626300"),
	},
	{
		ID:      "write/data-loc-unterminated",
		Purpose: "a string in a __data_loc field without its zero is EFAULT",
		Expect:  everywhere("write=EFAULT trace=none"),
	},
	{
		ID:      "write/data-loc-numbers-in-bounds",
		Purpose: "numbers in a __data_loc field that end with the record are taken",
		Expect:  everywhere("write=12 trace=0c00040001020304"),
	},
	{
		ID:      "write/data-loc-numbers-out-of-bounds",
		Purpose: "numbers in a __data_loc field that end one byte behind the record are EFAULT",
		Expect:  everywhere("write=EFAULT trace=none"),
	},
	{
		ID:      "write/perf-string-out-of-bounds",
		Purpose: "perf alone refuses a string that points past the record",
		Needs:   []feature.Name{feature.Perf},
		Expect:  everywhere("in-bounds=12 out-of-bounds=EFAULT samples=1"),
	},
	{
		ID:      "write/soft-disabled",
		Purpose: "a buffer in which a trigger alone uses the event does not record it",
		Needs:   []feature.Name{feature.Instances},
		Expect:  everywhere("write=8 top=none instance=07000000"),
	},
	{
		ID:      "write/data-loc-out-of-bounds",
		Purpose: "a __data_loc field that points past the record is EFAULT",
		Expect:  everywhere("write=EFAULT trace=none"),
	},
	{
		ID:      "write/rel-loc-in-bounds",
		Purpose: "a string in a __rel_loc field that ends within the record is taken",
		Expect:  everywhere("write=12 trace=0000040061626300"),
	},
	{
		ID:      "write/rel-loc-numbers-out-of-bounds",
		Purpose: "numbers in a __rel_loc field that end one byte behind the record are EFAULT",
		Expect:  everywhere("write=EFAULT trace=none"),
	},
	{
		ID:      "write/rel-loc-out-of-bounds",
		Purpose: "a __rel_loc field that points past the record is EFAULT",
		Expect:  everywhere("write=EFAULT trace=none"),
	},
	{
		ID:      "write/payload-not-faulted-in",
		Purpose: "a record in a page that is not in the page table is taken",
		Needs:   []feature.Name{feature.Memfd},
		Expect:  everywhere("write=8 trace=01020304"),
	},
	{
		ID:      "write/refused-by-none",
		Purpose: "a bad string is not looked at while the event is off, a bad address is EFAULT all the same",
		Expect: map[Generation]Expect{
			G0:       {Saw: "write=12 trace=none null=EFAULT"},
			G0Stable: {Saw: "write=EBADF trace=none null=EFAULT"},
			G1:       {Saw: "write=12 trace=none null=EFAULT"},
			G3:       {Saw: "write=EBADF trace=none null=EFAULT"},
		},
	},
}

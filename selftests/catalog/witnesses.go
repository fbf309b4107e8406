package catalog

// racesDelete is the Race of functions that delete an event right behind UNREG.
// The selftests of 6.12 are older than the fix that puts an enabler's event only
// after a grace period of RCU (kernel/trace/trace_events_user.c,
// user_event_enabler_destroy): until then the event is busy.
const racesDelete = "it deletes its event right behind UNREG, which holds it for a grace period of RCU"

// witnesses is what upstream's selftests of 6.12 and of 6.1 assert, beside the
// tests that assert the same.
var witnesses = []Witness{
	{
		Generation: G3, Program: "abi_test", Function: "user.enablement",
		Tests: []string{"enable/event-file", "unreg/registered-place"},
	},
	{
		Generation: G3, Program: "abi_test", Function: "user.flags",
		Tests: []string{"lifetime/persist-stays", "errors/reg-reserved-bits"},
		Race:  racesDelete,
	},
	{
		Generation: G3, Program: "abi_test", Function: "user.bit_sizes",
		Tests: []string{"bits/each-sets-alone", "faults/bit-beyond-the-word", "errors/enable-sizes"},
	},
	{
		Generation: G3, Program: "abi_test", Function: "user.multi_format",
		Tests: []string{"lifetime/formats-of-one-name", "lifetime/formats-go"},
	},
	{
		Generation: G3, Program: "abi_test", Function: "user.forks",
		Tests: []string{"fork/private-child-wrote", "unreg/child-keeps-parent"},
	},
	{
		Generation: G3, Program: "abi_test", Function: "user.clones",
		Tests: []string{"fork/younger-thread"},
	},
	{
		Generation: G3, Program: "ftrace_test", Function: "user.register_events",
		Tests: []string{"bits/same-place-twice", "lifetime/same-name-is-same-event", "lifetime/same-name-other-fields", "lifetime/delete-while-held", "unreg/last-place-of-event"},
	},
	{
		Generation: G3, Program: "ftrace_test", Function: "user.write_events",
		Tests: []string{"write/gathered", "write/unknown-index", "write/disabled", "write/payload-in-trace", "faults/negative-index"},
	},
	{
		Generation: G3, Program: "ftrace_test", Function: "user.write_empty_events",
		Tests: []string{"write/no-fields-four-bytes"},
	},
	{
		Generation: G3, Program: "ftrace_test", Function: "user.write_fault",
		Tests: []string{"write/absent-payload"},
	},
	{
		Generation: G3, Program: "ftrace_test", Function: "user.write_validator",
		Tests: []string{"write/under-minimum-disabled", "write/rel-loc-in-bounds", "write/rel-loc-out-of-bounds"},
	},
	{
		Generation: G3, Program: "ftrace_test", Function: "user.print_fmt",
		Tests: []string{"status/format"},
	},
	{
		Generation: G3, Program: "dyn_test", Function: "user.basic_types",
		Tests: []string{"errors/types-accepted", "errors/types-refused"},
		Race:  racesDelete,
	},
	{
		Generation: G3, Program: "dyn_test", Function: "user.loc_types",
		Tests: []string{"errors/types-accepted"},
		Race:  racesDelete,
	},
	{
		Generation: G3, Program: "dyn_test", Function: "user.size_types",
		Tests: []string{"errors/types-accepted", "errors/types-refused"},
	},
	{
		Generation: G3, Program: "dyn_test", Function: "user.matching",
		Tests: []string{"lifetime/same-name-is-same-event", "lifetime/same-name-other-fields"},
	},
	{
		Generation: G3, Program: "perf_test", Function: "user.perf_write",
		Tests: []string{"enable/perf", "write/perf-sample"},
	},
	{
		Generation: G3, Program: "perf_test", Function: "user.perf_empty_events",
		Tests: []string{"write/perf-no-fields"},
	},

	{
		Generation: G0Stable, Program: "ftrace_test", Function: "user.register_events",
		Tests: []string{"enable/event-file", "lifetime/same-name-is-same-event", "lifetime/delete-while-held", "status/mmap-one-page"},
	},
	{
		Generation: G0Stable, Program: "ftrace_test", Function: "user.write_events",
		Tests: []string{"write/gathered", "write/unknown-index", "write/payload-in-trace", "faults/negative-index"},
	},
	{
		Generation: G0Stable, Program: "ftrace_test", Function: "user.write_fault",
		Tests: []string{"write/absent-payload", "write/disabled"},
		NotOK: "it writes an event that nobody enabled, which is EBADF since the stable fix",
	},
	{
		Generation: G0Stable, Program: "ftrace_test", Function: "user.write_validator",
		Tests: []string{"write/under-minimum-disabled", "write/rel-loc-in-bounds", "write/rel-loc-out-of-bounds"},
	},
	{
		Generation: G0Stable, Program: "ftrace_test", Function: "user.print_fmt",
		Tests: []string{"status/format"},
	},
	{
		Generation: G0Stable, Program: "dyn_test", Function: "user.basic_types",
		Tests: []string{"errors/types-accepted", "errors/types-refused"},
	},
	{
		Generation: G0Stable, Program: "dyn_test", Function: "user.loc_types",
		Tests: []string{"errors/types-accepted"},
	},
	{
		Generation: G0Stable, Program: "dyn_test", Function: "user.size_types",
		Tests: []string{"errors/types-accepted", "errors/types-refused"},
	},
	{
		Generation: G0Stable, Program: "dyn_test", Function: "user.flags",
		Tests: []string{"errors/name-with-flag"},
	},
	{
		Generation: G0Stable, Program: "dyn_test", Function: "user.matching",
		Tests: []string{"lifetime/delete-by-fields", "lifetime/delete-by-struct-fields"},
		NotOK: "it names a struct without its size, which no longer matches since the stable fix",
	},
	{
		Generation: G0Stable, Program: "perf_test", Function: "user.perf_write",
		Tests: []string{"enable/perf", "write/perf-sample"},
	},
}

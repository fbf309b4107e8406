package catalog

// buildTests is the area of the C programs for user_events that come with a
// kernel. They are not run but compiled, on the host.
var buildTests = []Test{
	{
		ID:      "build/dyn-test",
		Purpose: "the kernel's own dyn_test compiles with its user_events.h",
		Source:  "tools/testing/selftests/user_events/dyn_test.c",
		Expect:  map[Generation]Expect{G0: {Saw: "compiles=yes"}, G1: {Saw: "compiles=yes"}, G3: {Saw: "compiles=yes"}},
	},
	{
		ID:      "build/example",
		Purpose: "the kernel's own sample for user_events compiles with its user_events.h",
		Source:  "samples/user_events/example.c",
		Expect:  compiles,
	},
	{
		ID:      "build/ftrace-test",
		Purpose: "the kernel's own ftrace_test compiles with its user_events.h",
		Source:  "tools/testing/selftests/user_events/ftrace_test.c",
		Expect:  compiles,
	},
	{
		ID:      "build/perf-test",
		Purpose: "the kernel's own perf_test compiles with its user_events.h",
		Source:  "tools/testing/selftests/user_events/perf_test.c",
		Expect:  compiles,
	},
}

// compiles is what becomes of a program that the RFC leaves as it was: it names
// status_bit, which struct user_reg has no more.
var compiles = map[Generation]Expect{
	G0: {Saw: "compiles=yes"},
	G1: {Saw: "compiles=no", Fault: "user-space-build-broken", Promise: "compiles=yes"},
	G3: {Saw: "compiles=yes"},
}

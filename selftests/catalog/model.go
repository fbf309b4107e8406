package catalog

import "uetest/internal/feature"

// modelTests is the area of the reference model (internal/model): two programs
// of operations that stay the same. Each value is what one operation shows: its
// result, how many lines were logged, then what there is. A test of the area
// holds these entries against the model.
var modelTests = []Test{
	{
		ID:      "model/grandchildren",
		Purpose: "forks of forks that write their pages at different times follow two sources as their registrations say",
		Claims:  []int{1, 6, 7, 8},
		Needs:   []feature.Name{feature.Instances, feature.Memfd, feature.Pagemap, feature.Perf},
		Expect: map[Generation]Expect{
			G0: {Saw: "triggered=ok,0,ev0.bit:1,ev0:ftrace,p0.page0:00000000.00000000 registered=0,0,ev0.bit:1,ev0:ftrace,p0.page0:00000000.00000000,p1.page0:00000100.00000000,p2.page0:00000100.00000000 perf-too=ok,0,ev0.bit:1,ev0:ftrace+perf,p0.page0:00000000.00000000,p2.page0:00000100.00000001 off=ok,0,p0.page0:00000000.00000002,p2.page0:00000100.00000001"},
			G1: {Saw: "triggered=ok,0,ev0:ftrace,p0.page0:00000008.00000000 registered=0,1,ev0:ftrace,p0.page0:00000008.00000000,p1.page0:00000100.00000000,p2.page0:00000100.00000000 perf-too=ok,1,ev0:ftrace+perf,p0.page0:00000008.00000000,p2.page0:00000110.00000001 off=ok,0,p0.page0:00000000.00000002,p2.page0:00000100.00000001", Fault: "map-private-parent-missed", Promise: "triggered=ok,0,ev0:ftrace,p0.page0:00000008.00000000 registered=0,0,ev0:ftrace,p0.page0:00000008.00000000,p1.page0:00000100.00000000,p2.page0:00000110.00000000 perf-too=ok,0,ev0:ftrace+perf,p0.page0:00000008.00000000,p2.page0:00000110.00000001 off=ok,0,p0.page0:00000000.00000002,p2.page0:00000100.00000001"},
			G3: {Saw: "triggered=ok,0,ev0:ftrace,p0.page0:00000008.00000000 registered=0,0,ev0:ftrace,p0.page0:00000008.00000000,p1.page0:00000100.00000000,p2.page0:00000110.00000000 perf-too=ok,0,ev0:ftrace+perf,p0.page0:00000008.00000000,p2.page0:00000118.00000001 off=ok,0,p0.page0:00000000.00000002,p2.page0:00000100.00000001"},
		},
	},
	{
		ID:      "model/passed-on",
		Purpose: "registrations end with the last descriptor, in whatever process and image that is",
		Claims:  []int{8, 9, 11, 12},
		Needs:   []feature.Name{feature.Instances, feature.Memfd, feature.Pagemap},
		Expect: map[Generation]Expect{
			G0: {Saw: "executed=ok,0 untouched=0,0 touched=ok,0,ev1.bit:1,ev1:ftrace,p0.page0:00000000.00000000 written=8,0,ev1.bit:1,ev1:ftrace,p0.page0:00000000.00000000 exited=ok,0,p0.page0:00000000.00000000"},
			// The image that was executed keeps the enabler: a line a toggle.
			G1: {Saw: "executed=ok,1 untouched=0,1 touched=ok,1,ev1:ftrace,p0.page0:80000001.00000000 written=8,0,ev1:ftrace,p0.page0:80000001.00000000 exited=ok,0,p0.page0:80000000.00000000", Fault: "page-not-faulted-in", Promise: "executed=ok,1 untouched=0,0,p0.page0:80000000.00000000 touched=ok,1,ev1:ftrace,p0.page0:80000001.00000000 written=8,0,ev1:ftrace,p0.page0:80000001.00000000 exited=ok,0,p0.page0:80000000.00000000"},
			G3: {Saw: "executed=ok,0 untouched=0,0,p0.page0:80000000.00000000 touched=ok,0,ev1:ftrace,p0.page0:80000001.00000000 written=8,0,ev1:ftrace,p0.page0:80000001.00000000 exited=ok,0,p0.page0:80000000.00000000"},
		},
	},
}

package catalog

import "uetest/internal/feature"

// cowTests is the area of pages that are not the program's own yet.
var cowTests = []Test{
	{
		ID:        "cow/anonymous-untouched",
		Purpose:   "a page never touched gets its bit",
		Claims:    []int{9},
		Questions: []string{"retry-after-fault"},
		Expect: map[Generation]Expect{
			G0: {Saw: "reg=ok reg-lines=0 toggle-lines=0 on=1"},
			G1: {Saw: "reg=ok reg-lines=1 toggle-lines=3 on=0", Fault: "page-not-faulted-in", Promise: "reg=ok reg-lines=0 toggle-lines=0 on=1"},
			G3: {Saw: "reg=ok reg-lines=0 toggle-lines=0 on=1"},
		},
	},
	{
		ID:        "cow/anonymous-read",
		Purpose:   "a page that was only read, the zero page, gets its bit",
		Claims:    []int{9},
		Questions: []string{"retry-after-fault"},
		Expect: map[Generation]Expect{
			G0: {Saw: "reg=ok reg-lines=0 on=1 on-lines=0 off=0"},
			G1: {Saw: "reg=ok reg-lines=1 on=0 on-lines=1 off=0", Fault: "page-not-faulted-in", Promise: "reg=ok reg-lines=0 on=1 on-lines=0 off=0"},
			G3: {Saw: "reg=ok reg-lines=0 on=1 on-lines=0 off=0"},
		},
	},
	{
		ID:        "cow/anonymous-written-later",
		Purpose:   "a page first written after the registration gets its bit",
		Claims:    []int{1},
		Questions: []string{"retry-after-fault"},
		Expect:    remote("on=0x00000101 off=0x00000100"),
	},
	{
		ID:      "cow/shared-untouched",
		Purpose: "a shared page never touched gets its bit",
		Claims:  []int{9},
		Expect: map[Generation]Expect{
			G0: {Saw: "reg=ok reg-lines=0 on=1 on-lines=0 off=0"},
			G1: {Saw: "reg=ok reg-lines=1 on=0 on-lines=1 off=0", Fault: "page-not-faulted-in", Promise: "reg=ok reg-lines=0 on=1 on-lines=0 off=0"},
			G3: {Saw: "reg=ok reg-lines=0 on=1 on-lines=0 off=0"},
		},
	},
	{
		ID:      "cow/shared-read",
		Purpose: "a shared page that was only read gets its bit",
		Claims:  []int{1},
		Expect:  everywhere("reg=ok reg-lines=0 on=1 on-lines=0 off=0"),
	},
	{
		ID:      "cow/file-untouched",
		Purpose: "a shared file page touched through another mapping gets its bit",
		Claims:  []int{9},
		Needs:   []feature.Name{feature.Memfd},
		Expect: map[Generation]Expect{
			G0: {Saw: "reg=ok reg-lines=0 on=1 on-lines=0 off=0"},
			G1: {Saw: "reg=ok reg-lines=1 on=0 on-lines=1 off=0", Fault: "page-not-faulted-in", Promise: "reg=ok reg-lines=0 on=1 on-lines=0 off=0"},
			G3: {Saw: "reg=ok reg-lines=0 on=1 on-lines=0 off=0"},
		},
	},
	{
		ID:      "cow/file-private-read",
		Purpose: "a private file page that was only read gets its bit",
		Claims:  []int{9},
		Needs:   []feature.Name{feature.Memfd},
		Expect: map[Generation]Expect{
			G0: {Saw: "reg=ok reg-lines=0 on=1 on-lines=0 off=0"},
			G1: {Saw: "reg=ok reg-lines=1 on=0 on-lines=1 off=0", Fault: "page-not-faulted-in", Promise: "reg=ok reg-lines=0 on=1 on-lines=0 off=0"},
			G3: {Saw: "reg=ok reg-lines=0 on=1 on-lines=0 off=0"},
		},
	},
	{
		ID:      "cow/file-private-written",
		Purpose: "the private copy of a file page gets the bit, and the file does not",
		Claims:  []int{1},
		Needs:   []feature.Name{feature.Memfd},
		Expect:  remote("copy=0x00000001 file=0x00000000"),
	},
	{
		ID:      "cow/file-shared-reaches-file",
		Purpose: "the bit in a shared file page is seen by another mapping and by read(2)",
		Claims:  []int{5},
		Needs:   []feature.Name{feature.Memfd},
		Expect:  remote("here=0x00000001 other-mapping=0x00000001 file=1"),
	},
	{
		ID:        "cow/child-copy-is-left-alone",
		Purpose:   "the copy that a child made by writing gets no updates",
		Claims:    []int{7},
		Questions: []string{"child-registers-again"},
		Expect: map[Generation]Expect{
			G1: {Saw: "parent=0x00000201 child=0x00000100 parent-off=0x00000200 child-off=0x00000100"},
			G3: {Saw: "parent=0x00000201 child=0x00000101 parent-off=0x00000200 child-off=0x00000100"},
		},
	},
	{
		ID:        "cow/child-copy-registered",
		Purpose:   "the copy that a child made gets updates once it is registered",
		Claims:    []int{7, 8},
		Questions: []string{"child-registers-again"},
		Expect: map[Generation]Expect{
			G1: {Saw: "before=0x00000100 registered=0x00000110 child=0x00000110 parent=0x00000201"},
			G3: {Saw: "before=0x00000101 registered=0x00000111 child=0x00000111 parent=0x00000201"},
		},
	},
	{
		ID:        "cow/parent-write-after-miss",
		Purpose:   "the parent gets its bit although it has not written since the fork",
		Claims:    []int{6},
		Questions: []string{"retry-after-fault"},
		Expect: map[Generation]Expect{
			G1: {Saw: "missed=0x00000000 written=0x00000201 lines=1", Fault: "map-private-parent-missed", Promise: "missed=0x00000001 written=0x00000201 lines=0"},
			G3: {Saw: "missed=0x00000001 written=0x00000201 lines=0"},
		},
	},
	{
		ID:      "cow/second-fork",
		Purpose: "a second fork does not cost the parent its updates again",
		Claims:  []int{6},
		Expect: map[Generation]Expect{
			G1: {Saw: "first=0x00000001 second=0x00000001 lines=1", Fault: "stale-bit-after-fork", Promise: "first=0x00000001 second=0x00000000 lines=0"},
			G3: {Saw: "first=0x00000001 second=0x00000000 lines=0"},
		},
	},
	{
		ID:      "cow/neighbour-page-written",
		Purpose: "a page gets its bit although only its neighbour was written",
		Claims:  []int{9},
		Expect: map[Generation]Expect{
			G0: {Saw: "reg=ok reg-lines=0 on=1 on-lines=0 off=0"},
			G1: {Saw: "reg=ok reg-lines=1 on=0 on-lines=1 off=0", Fault: "page-not-faulted-in", Promise: "reg=ok reg-lines=0 on=1 on-lines=0 off=0"},
			G3: {Saw: "reg=ok reg-lines=0 on=1 on-lines=0 off=0"},
		},
	},
}

package catalog

import "uetest/internal/feature"

// forkTests is the area of parent and child.
var forkTests = []Test{
	{
		ID:      "fork/younger-thread",
		Purpose: "a thread that is started after the registration sees the bit, and the place outlives it",
		Claims:  []int{1},
		Expect:  everywhere("thread=1 gone=yes on=1 off=0 on-again=1"),
	},
	{
		ID:      "fork/private-nobody-wrote",
		Purpose: "private page that nobody wrote since the fork: both are told",
		Claims:  []int{6},
		Expect: map[Generation]Expect{
			G0: {Saw: "parent=1 child=1 lines=0"},
			G1: {Saw: "parent=0 child=0 lines=1", Fault: "map-private-parent-missed", Promise: "parent=1 child=1 lines=0"},
			G3: {Saw: "parent=1 child=1 lines=0"},
		},
	},
	{
		ID:        "fork/private-parent-wrote",
		Purpose:   "private page that the parent wrote since the fork: both are told",
		Claims:    []int{6},
		Questions: []string{"child-registers-again"},
		Expect: map[Generation]Expect{
			G0: {Saw: "parent=1 child=1 lines=0"},
			G1: {Saw: "parent=1 child=0 lines=0", Fault: "map-private-child-missed", Promise: "parent=1 child=1 lines=0"},
			G3: {Saw: "parent=1 child=1 lines=0"},
		},
	},
	{
		ID:        "fork/private-child-wrote",
		Purpose:   "private page that the child wrote since the fork: the parent is told",
		Claims:    []int{6, 7},
		Questions: []string{"child-registers-again"},
		Expect: map[Generation]Expect{
			G0: {Saw: "parent=1 child=1 lines=0"},
			G1: {Saw: "parent=0 child=0 lines=1", Fault: "map-private-parent-missed", Promise: "parent=1 child=0 lines=0"},
			G3: {Saw: "parent=1 child=1 lines=0"},
		},
	},
	{
		ID:        "fork/private-both-wrote",
		Purpose:   "private page that both wrote since the fork: the registrar is told, and the other not",
		Claims:    []int{7},
		Questions: []string{"child-registers-again"},
		Expect: map[Generation]Expect{
			G0: {Saw: "parent=1 child=1 lines=0"},
			G1: {Saw: "parent=1 child=0 lines=0"},
			G3: {Saw: "parent=1 child=1 lines=0"},
		},
	},
	{
		ID:      "fork/private-child-gone",
		Purpose: "private page, the child is gone, the parent never wrote: the parent is told",
		Claims:  []int{6},
		Expect: map[Generation]Expect{
			G0: {Saw: "on=1 off=0 lines=0"},
			G1: {Saw: "on=0 off=0 lines=2", Fault: "map-private-parent-missed", Promise: "on=1 off=0 lines=0"},
			G3: {Saw: "on=1 off=0 lines=0"},
		},
	},
	{
		ID:        "fork/private-child-gone-then-write",
		Purpose:   "a write to the page after the fork brings the parent back, from the next toggle on",
		Claims:    []int{6},
		Questions: []string{"retry-after-fault"},
		Expect: map[Generation]Expect{
			G0: {Saw: "missed=1 written=1 next-toggle=1 lines=0"},
			G1: {Saw: "missed=0 written=0 next-toggle=1 lines=1", Fault: "map-private-parent-missed", Promise: "missed=1 written=1 next-toggle=1 lines=0"},
			G3: {Saw: "missed=1 written=1 next-toggle=1 lines=0"},
		},
	},
	{
		ID:      "fork/private-on-then-off",
		Purpose: "private page, forked while on, then disabled: the bit is cleared for both",
		Claims:  []int{1, 6},
		Expect: map[Generation]Expect{
			G0: {Saw: "parent=0 child=0 lines=0"},
			G1: {Saw: "parent=1 child=1 lines=1", Fault: "stale-bit-after-fork", Promise: "parent=0 child=0 lines=0"},
			G3: {Saw: "parent=0 child=0 lines=0"},
		},
	},
	{
		ID:      "fork/private-on-parent-wrote",
		Purpose: "private page, forked while on, the parent wrote, then disabled: cleared for both",
		Claims:  []int{1, 6},
		Expect: map[Generation]Expect{
			G0: {Saw: "parent=0 child=0 lines=0"},
			G1: {Saw: "parent=0 child=1 lines=0", Fault: "stale-bit-after-fork", Promise: "parent=0 child=0 lines=0"},
			G3: {Saw: "parent=0 child=0 lines=0"},
		},
	},
	{
		ID:      "fork/shared-anonymous",
		Purpose: "shared anonymous page: both are told",
		Claims:  []int{5},
		Expect:  everywhere("parent=1 child=1 lines=0"),
	},
	{
		ID:      "fork/shared-on-then-off",
		Purpose: "shared anonymous page, written by the child while on: cleared for both",
		Claims:  []int{5},
		Expect:  everywhere("parent=0 child=0 lines=0"),
	},
	{
		ID:      "fork/shared-memfd",
		Purpose: "shared file page: both are told",
		Claims:  []int{5},
		Needs:   []feature.Name{feature.Memfd},
		Expect:  everywhere("parent=1 child=1 lines=0"),
	},
	// MAP_SHARED is shared across fork for an address that was registered
	// before. One that the child registers is looked up in the child's page
	// table, which a fork does not copy for shared memory.
	{
		ID:      "fork/shared-child-registers-untouched",
		Purpose: "a child that registers a shared page that only its parent touched is told",
		Claims:  []int{5},
		Expect: map[Generation]Expect{
			G0: {Saw: "parent=1 lines=0 child=1 child-touched=1 parent-too=1"},
			G1: {Saw: "parent=0 lines=2 child=0 child-touched=1 parent-too=1", Fault: "page-not-faulted-in", Promise: "parent=1 lines=0 child=1 child-touched=1 parent-too=1"},
			G3: {Saw: "parent=1 lines=0 child=1 child-touched=1 parent-too=1"},
		},
	},
	{
		ID:        "fork/shared-registrar-gone",
		Purpose:   "shared page registered by a child that is gone: no update, no harm, a log line a toggle until the close",
		Claims:    []int{9, 11, 12},
		Questions: []string{"lifetime-with-file"},
		Expect: map[Generation]Expect{
			G0: {Saw: "registrar-there=1 registrar-gone=1 on-lines=0 off-lines=0 closed-lines=0"},
			G1: {Saw: "registrar-there=1 registrar-gone=0 on-lines=1 off-lines=1 closed-lines=0"},
			G3: {Saw: "registrar-there=1 registrar-gone=0 on-lines=0 off-lines=0 closed-lines=0"},
		},
	},
	// Registering again is not enough for a child: its page has to be a copy
	// of its own by then, or it is the case of child-registers-untouched.
	{
		ID:        "fork/child-registers-inherited-fd",
		Purpose:   "a child that wrote its page and registers again through the inherited descriptor is told",
		Claims:    []int{7, 8},
		Questions: []string{"child-registers-again"},
		Expect:    since("register=ok parent=1 child=1 lines=0 parent-off=0 child-off=0", "register=EADDRINUSE parent=1 child=1 lines=0 parent-off=0 child-off=0"),
	},
	{
		ID:        "fork/child-registers-untouched",
		Purpose:   "a child that registers again without having written its page is told",
		Claims:    []int{6, 8},
		Questions: []string{"child-registers-again"},
		Expect: map[Generation]Expect{
			G0: {Saw: "register=ok register-lines=0 parent=1 child=1 lines=0"},
			G1: {Saw: "register=ok register-lines=1 parent=0 child=0 lines=2", Fault: "map-private-parent-missed", Promise: "register=ok register-lines=0 parent=1 child=1 lines=0"},
			G3: {Saw: "register=EADDRINUSE register-lines=0 parent=1 child=1 lines=0"},
		},
	},
	{
		ID:        "fork/child-registers-own-fd",
		Purpose:   "a child that registers a new address on a descriptor of its own is told",
		Claims:    []int{8},
		Questions: []string{"child-registers-again"},
		Expect:    everywhere("parent=1 child=1 parent-off=0 child-off=0"),
	},
	{
		ID:        "fork/child-registers-while-on",
		Purpose:   "a child that registers its copy while the event is on is told at once",
		Claims:    []int{8},
		Questions: []string{"child-registers-again"},
		Expect:    everywhere("at-once=1"),
	},
	{
		ID:      "fork/child-closes-inherited-fd",
		Purpose: "a child that closes the inherited descriptor takes nothing from its parent",
		Claims:  []int{11},
		Expect:  everywhere("parent=1 delete=EBUSY"),
	},
	{
		ID:        "fork/child-keeps-the-file-open",
		Purpose:   "the parent's place follows while the child holds the file that the parent closed",
		Claims:    []int{11},
		Questions: []string{"lifetime-with-file"},
		Expect:    since("held=1 off=0 delete=EBUSY delete-after=ok", "held=1 off=0 delete=EBUSY delete-after=EBUSY"),
	},
	{
		ID:      "fork/child-exits-with-own-fd",
		Purpose: "what a child registered on its own descriptor goes when it exits",
		Claims:  []int{11},
		Expect:  everywhere("held=EBUSY lines=0 gone=ok"),
	},
	{
		ID:        "fork/child-exits-with-inherited-fd",
		Purpose:   "what a child registered on the inherited descriptor stays until the last close, harmless, a log line a toggle",
		Claims:    []int{9, 11, 12},
		Questions: []string{"lifetime-with-file"},
		Expect: map[Generation]Expect{
			G1: {Saw: "word=0x00000001 on-lines=1 off-lines=1 closed-lines=0"},
			G3: {Saw: "word=0x00000001 on-lines=0 off-lines=0 closed-lines=0"},
		},
	},
	{
		ID:      "fork/child-writes-events",
		Purpose: "a child may write events with the parent's descriptor and index",
		Expect:  everywhere("write=8 trace=01020304 child-pid=yes"),
	},
	{
		ID:      "fork/index-of-own-descriptor",
		Purpose: "the parent's index means nothing on a descriptor that the child opened",
		Expect:  everywhere("unregistered=ENOENT registered=8"),
	},
}

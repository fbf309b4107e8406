package catalog

// leaksTests is the area of what the kernel keeps.
var leaksTests = []Test{
	{
		ID:        "leaks/descriptor-in-flight",
		Purpose:   "a descriptor that is in a message holds the event until nobody can receive it",
		Claims:    []int{11},
		Questions: []string{"lifetime-with-file"},
		Expect: map[Generation]Expect{
			G0: {Saw: "in-flight=EBUSY dropped=ok"},
			G1: {Saw: "in-flight=EBUSY dropped=ok"},
			G3: {Saw: "in-flight=EBUSY dropped=ok"},
		},
	},
	{
		ID:        "leaks/enablers-go-with-the-file",
		Purpose:   "a thousand enablers are as many objects, and none after the close",
		Claims:    []int{11},
		Questions: []string{"lifetime-with-file"},
		Expect: map[Generation]Expect{
			G1: {Saw: "hundreds=10 closed=0"},
			G3: {Saw: "hundreds=10 closed=0"},
		},
	},
	{
		ID:      "leaks/events-made-and-deleted",
		Purpose: "an event that is made and deleted again and again leaves no objects",
		Expect: map[Generation]Expect{
			G0: {Saw: "grown=none"},
			G1: {Saw: "grown=none"},
			G3: {Saw: "grown=none"},
		},
	},
	{
		ID:        "leaks/exec-holds-and-lets-go",
		Purpose:   "a program that inherited the descriptor by exec holds the event until it ends, harmlessly",
		Claims:    []int{9, 11, 12},
		Questions: []string{"lifetime-with-file"},
		Expect: map[Generation]Expect{
			G0: {Saw: "held=EBUSY lines=0 gone=ok"},
			G1: {Saw: "held=EBUSY lines=2 gone=ok"},
			G3: {Saw: "held=EBUSY lines=0 gone=ok"},
		},
	},
	{
		ID:        "leaks/failed-registrations",
		Purpose:   "a registration that is refused leaves no objects",
		Questions: []string{"return-states"},
		Expect: map[Generation]Expect{
			G0: {Saw: "accepted=0 grown=none"},
			G1: {Saw: "accepted=0 grown=none"},
			G3: {Saw: "accepted=0 grown=none"},
		},
	},
	{
		ID:        "leaks/memory-of-the-dead",
		Purpose:   "the memory of a process is free when it has exited, whoever holds its enablers",
		Claims:    []int{12},
		Questions: []string{"lifetime-with-file"},
		Expect: map[Generation]Expect{
			G0: {Saw: "half-is-lost=no after-toggle=no after-close=no"},
			G1: {Saw: "half-is-lost=no after-toggle=no after-close=no"},
			G3: {Saw: "half-is-lost=no after-toggle=no after-close=no"},
		},
	},
	{
		ID:      "leaks/mm-goes-with-its-own-file",
		Purpose: "a process that registered through a descriptor of its own leaves no mm_struct",
		Claims:  []int{11, 12},
		Expect: map[Generation]Expect{
			G0: {Saw: "half-kept=no lines=0"},
			G1: {Saw: "half-kept=no lines=0"},
			G3: {Saw: "half-kept=no lines=0"},
		},
	},
	{
		ID:      "leaks/one-pin-a-write",
		Purpose: "each registration and toggle pins the page of each place once, and releases it",
		Claims:  []int{1},
		Expect: map[Generation]Expect{
			G1: {Saw: "reg=40 reg-released=40 on=40 on-released=40 on-again=0 on-again-released=0 off=40 off-released=40"},
			G3: {Saw: "reg=40 reg-released=40 on=40 on-released=40 on-again=0 on-again-released=0 off=40 off-released=40"},
		},
	},
	{
		ID:      "leaks/pins-of-failed-writes",
		Purpose: "a place that can't be written is not pinned",
		Claims:  []int{9},
		Expect: map[Generation]Expect{
			G1: {Saw: "acquired=0 released=0 lines=20"},
			G3: {Saw: "acquired=0 released=0 lines=0"},
		},
	},
	{
		ID:        "leaks/tasks-of-the-dead",
		Purpose:   "enablers keep nothing of a dead process but its mm_struct",
		Claims:    []int{12},
		Questions: []string{"lifetime-with-file"},
		Expect: map[Generation]Expect{
			G0: {Saw: "task_struct=no signal_cache=no files_cache=no vm_area_struct=no anon_vma=no"},
			G1: {Saw: "task_struct=no signal_cache=no files_cache=no vm_area_struct=no anon_vma=no"},
			G3: {Saw: "task_struct=no signal_cache=no files_cache=no vm_area_struct=no anon_vma=no"},
		},
	},
	{
		ID:      "leaks/toggles-leave-no-objects",
		Purpose: "toggles leave no objects, of places that are told and of places that are not",
		Claims:  []int{9},
		Expect: map[Generation]Expect{
			G1: {Saw: "grown=none"},
			G3: {Saw: "grown=none"},
		},
	},
	{
		ID:      "leaks/two-files-hold-one-event",
		Purpose: "an event is held until the last of its files is closed, however often each registered it",
		Claims:  []int{11},
		Expect: map[Generation]Expect{
			G0: {Saw: "one-closed=EBUSY both-closed=ok"},
			G1: {Saw: "one-closed=EBUSY both-closed=ok"},
			G3: {Saw: "one-closed=EBUSY both-closed=ok"},
		},
	},
}

package catalog

import "uetest/internal/feature"

// rightsTests is the area of who may do what.
var rightsTests = []Test{
	{
		ID:      "rights/default-modes",
		Purpose: "with the modes that tracefs gives only root comes to user_events",
		Expect:  everywhere("folder=EACCES data=EACCES status=EACCES"),
	},
	// The receiver has memory of its own at the address. On g1 the enabler
	// stays with the file, and so a line a toggle until its last close; on g3 it
	// went with the registrar.
	{
		ID:        "rights/passed-descriptor",
		Purpose:   "a descriptor passed by SCM_RIGHTS outlives its registrar, writes events, and the receiver's memory is left alone",
		Claims:    []int{9, 11, 12},
		Questions: []string{"lifetime-with-file"},
		Expect: map[Generation]Expect{
			G0: {Saw: "registrar=1 receiver=0x00000000 lines=0 registrar-gone=0x00000100 on-lines=0 write=8 off-lines=0 closed-lines=0"},
			G1: {Saw: "registrar=1 receiver=0x00000000 lines=0 registrar-gone=0x00000100 on-lines=1 write=8 off-lines=1 closed-lines=0"},
			G3: {Saw: "registrar=1 receiver=0x00000000 lines=0 registrar-gone=0x00000100 on-lines=0 write=8 off-lines=0 closed-lines=0"},
		},
	},
	{
		ID:      "rights/path-only",
		Purpose: "a descriptor opened with O_PATH neither registers nor writes",
		Expect:  everywhere("reg=EBADF write=EBADF"),
	},
	// Counting leaks nothing (perf_trace_event_perm), but every program that has
	// the event registered is told, and spends its time on it.
	{
		ID:      "rights/perf-counts-for-anybody",
		Purpose: "perf enables an event for anybody who counts it in a process of his own, and records it for nobody",
		Claims:  []int{1},
		Needs:   []feature.Name{feature.Perf},
		Expect:  everywhere("kernel-too=EACCES kernel-too-on=0 count=ok count-on=1 sample=EPERM sample-on=0 off=0"),
	},
	{
		ID:      "rights/persist",
		Purpose: "an event that persists takes CAP_PERFMON or CAP_SYS_ADMIN, of the first user namespace",
		Needs:   []feature.Name{feature.UserNS},
		Expect:  only(G3, "root=ok perfmon=ok sys-admin=ok other-capability=EPERM user=EPERM namespace-root=EPERM"),
	},
	{
		ID:      "rights/relaxed-modes",
		Purpose: "with relaxed modes anybody registers, is told and writes, and enabling stays root's",
		Claims:  []int{1},
		Expect:  everywhere("open=ok reg=ok enable=EACCES before=0 on=1 write=8 off=0 delete-held=EBUSY"),
	},
	{
		ID:      "rights/root-gives-up-root",
		Purpose: "rights are checked when the file is opened: a daemon that gives up root goes on registering",
		Claims:  []int{1},
		Expect:  everywhere("reg=ok on=1 write=8 open-again=EACCES"),
	},
	{
		ID:      "rights/root-of-user-namespace",
		Purpose: "root's user id without its capabilities, in a user namespace: the files are its own",
		Claims:  []int{1},
		Needs:   []feature.Name{feature.UserNS},
		Expect:  everywhere("open=ok reg=ok enable=ok on=1"),
	},
	// Upstream has closed it: what dynamic_events made persists, and takes the
	// capabilities of rights/persist to delete.
	{
		ID:      "rights/somebody-elses-event",
		Purpose: "before 6.4 whoever may open the data file may delete an event that root made, later not",
		Expect: map[Generation]Expect{
			G0: {Saw: "delete=ok listed=no"},
			G1: {Saw: "delete=ok listed=no"},
			G3: {Saw: "delete=EPERM listed=yes"},
		},
	},
	{
		ID:        "rights/status-for-its-owner",
		Purpose:   "the status file's mode lets its owner write, which does nothing, until g3",
		Questions: []string{"status-mode"},
		Expect: map[Generation]Expect{
			G0: {Saw: "read=ok read-write=ok write=EINVAL"},
			G1: {Saw: "read=ok read-write=ok write=EINVAL"},
			G3: {Saw: "read=ok read-write=EACCES write=EACCES"},
		},
	},
	{
		ID:      "rights/user-namespace",
		Purpose: "inside a user namespace one registers and is told like anybody, and events have no namespace",
		Claims:  []int{1},
		Needs:   []feature.Name{feature.UserNS},
		Expect:  everywhere("open=ok reg=ok enable=EACCES on=1 listed=yes"),
	},
	{
		ID:      "rights/write-only",
		Purpose: "a mode that lets a group only write is enough to register, to be told and to write",
		Claims:  []int{1},
		Expect:  everywhere("read-write=EACCES write-only=ok reg=ok on=1 write=8"),
	},
}

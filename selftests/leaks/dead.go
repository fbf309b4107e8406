package main

import (
	"os"

	"golang.org/x/sys/unix"

	"uetest/selftests/kit"
)

// how a child registers before it exits.
type how int

const (
	notAtAll how = iota
	ownFile
	parentsFile
)

// dead makes children, each of which writes to memory, if there is some,
// registers a word of its own for ev, and exits.
func dead(t *kit.T, children int, by how, d *kit.Data, ev *kit.Event, memory *kit.Mem) {
	own := t.Anonymous(1)
	for range children {
		c := t.Fork()
		c.Store(own.Word(64), 0)
		if memory != nil {
			_, err := c.Syscall(unix.SYS_MADVISE, uintptr(memory.Pointer(0)), uintptr(len(memory.Bytes())), populateWrite)
			t.Check(err)
		}
		switch by {
		case ownFile:
			c.Register(c.Open(), ev, own.Word(64).Bit(0))
		case parentsFile:
			c.Register(d.FD, ev, own.Word(64).Bit(0))
		}
		c.Exit()
	}
}

// parent registers an event for itself, in memory that no fork takes away.
func parent(t *kit.T) (*kit.Data, *kit.Event) {
	d, ev := t.Open(), t.Event("u32 count")
	d.Register(ev, t.SharedAnonymous(1).Touch().Word(0).Bit(0))
	return d, ev
}

const populateWrite = 23 // MADV_POPULATE_WRITE, include/uapi/asm-generic/mman-common.h

// mmGoesWithOwnFile: the file of a child is closed when it exits, and with it
// go its enablers, which hold its mm_struct.
func mmGoesWithOwnFile(t *kit.T) {
	const children = 8
	d, ev := parent(t)
	t.Settle()
	before, log := t.Slab("mm_struct"), t.KernelLog()
	dead(t, children, ownFile, d, ev, nil)
	kept := func() int { return t.Slab("mm_struct") - before }
	t.Saw("half-kept", settles(1, kept) > children/2)
	ev.On()
	t.Saw("lines", log.Failures())
}

// tasksOfTheDead looks at what else a dead child could leave: the enablers hold
// its mm_struct and nothing else of it. A child that registers nothing is the
// measure; the kit keeps a page for each.
func tasksOfTheDead(t *kit.T) {
	// The program's own runtime may take a few vm_area_structs meanwhile, which is
	// less than half of it.
	const children = 16
	caches := []string{"task_struct", "signal_cache", "files_cache", "vm_area_struct", "anon_vma"}
	d, ev := parent(t)
	grow := func(by how) func() map[string]int {
		t.Settle()
		before := t.Slabs(caches...)
		dead(t, children, by, d, ev, nil)
		return func() map[string]int {
			now := t.Slabs(caches...)
			for c := range now {
				now[c] -= before[c]
			}
			return now
		}
	}
	usual := grow(notAtAll)()
	registered := grow(parentsFile)
	var now map[string]int
	// Tasks are freed behind a grace period.
	settles(0, func() (more int) {
		now = registered()
		for c := range now {
			if now[c]-usual[c] > children/2 {
				more++
			}
		}
		return more
	})
	t.Logf("without registering %v, with %v", usual, now)
	for _, c := range caches {
		t.Saw(c, now[c]-usual[c] > children/2)
	}
}

// memoryOfTheDead: an mm_struct that is kept (mmgrab) is not the memory that it
// described (mmget): that goes with the last task that uses it.
func memoryOfTheDead(t *kit.T) {
	const megabytes = 24
	page := os.Getpagesize()
	memory := t.Anonymous(megabytes << 20 / page)
	d, ev := parent(t)
	free := func() int { return t.Counters("/proc/vmstat")["nr_free_pages"] * page >> 20 }
	before := free()
	lost := func() int { return before - free() }
	dead(t, 1, parentsFile, d, ev, memory)
	t.Saw("half-is-lost", settles(megabytes/2, lost) > megabytes/2)
	// Nor does a toggle bring any of it back.
	ev.On()
	ev.Off()
	t.Saw("after-toggle", settles(megabytes/2, lost) > megabytes/2)
	d.Close()
	t.Saw("after-close", settles(megabytes/2, lost) > megabytes/2)
}

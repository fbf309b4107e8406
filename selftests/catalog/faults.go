package catalog

import (
	"fmt"

	"uetest/internal/feature"
)

// faultsTests is the area of faults that hurt the kernel.
var faultsTests = []Test{
	{
		ID:      "faults/address-zero-logs",
		Purpose: "an address that can never be written costs no log lines",
		Claims:  []int{9},
		Expect: map[Generation]Expect{
			G1: {Saw: "reg=ok reg-lines=100 on-lines=100 off-lines=100", Fault: "unwritable-address-accepted", Promise: "reg=EFAULT reg-lines=0 on-lines=0 off-lines=0"},
			// The fault handler says only that there is nothing at 0.
			G3: {Saw: "reg=ENOMEM reg-lines=0 on-lines=0 off-lines=0"},
		},
	},
	{
		ID:      "faults/bit-beyond-the-word",
		Purpose: "bit 32 is refused",
		Claims:  []int{2},
		Expect: map[Generation]Expect{
			G1: {Saw: "reg=ok word=0x00000001 next=0x00000000", Fault: "reserved-bits-ignored", Promise: "reg=EINVAL word=0x00000000 next=0x00000000"},
			G3: {Saw: "reg=EINVAL word=0x00000000 next=0x00000000"},
		},
	},
	{
		ID:      "faults/exited-children-are-kept",
		Purpose: "a child that registered through its parent's descriptor leaves nothing behind",
		Claims:  []int{11, 12},
		Expect: map[Generation]Expect{
			G0: {Saw: "kept=0% on-lines=0 off-lines=0 after-close=0% on-lines-after-close=0"},
			G1: {Saw: "kept=100% on-lines=25 off-lines=25 after-close=0% on-lines-after-close=0", Fault: "exited-children-kept", Promise: "kept=0% on-lines=0 off-lines=0 after-close=0% on-lines-after-close=0"},
			G3: {Saw: "kept=0% on-lines=0 off-lines=0 after-close=0% on-lines-after-close=0"},
		},
	},
	{
		ID:      "faults/killed-while-enabling",
		Purpose: "every place is told, also if who enables the event is killed meanwhile",
		Claims:  []int{1},
		Needs:   []feature.Name{feature.SMP},
		Expect: map[Generation]Expect{
			G1: {Saw: "enable-file=1 all-set=no a-line-for-each-missed=yes all-set-next-time=yes", Fault: "partial-walk-when-killed", Promise: "enable-file=1 all-set=yes a-line-for-each-missed=yes all-set-next-time=yes"},
			// What the killed task could not write a worker does.
			G3: {Saw: "enable-file=1 all-set=yes a-line-for-each-missed=yes all-set-next-time=yes"},
		},
	},
	{
		ID:      "faults/places-cost-alike",
		Purpose: "three thousand places of an event cost an object each, and a write each at a toggle",
		Expect:  remote("objects-in-thousands=3 writes=3000"),
	},
	{
		ID:        "faults/same-place-without-end",
		Purpose:   "registering one place again and again costs neither memory nor time",
		Questions: []string{"duplicate-enablers"},
		Expect: map[Generation]Expect{
			G0: {Saw: "again=ok objects-in-thousands=0 writes-of-one-word=0 objects-after-close=0"},
			G1: {Saw: "again=ok objects-in-thousands=10 writes-of-one-word=10001 objects-after-close=0", Fault: "unbounded-enablers", Promise: "again=EADDRINUSE objects-in-thousands=0 writes-of-one-word=1 objects-after-close=0"},
			G3: {Saw: "again=EADDRINUSE objects-in-thousands=0 writes-of-one-word=1 objects-after-close=0"},
		},
	},
	{
		ID:        "faults/negative-index",
		Purpose:   "a negative index is EINVAL",
		Isolation: Fresh,
		Expect: map[Generation]Expect{
			G0:       {Splat: "null pointer dereference in user_events_write_core", Fault: "negative-index-oops", Promise: "write=EINVAL trace=none"},
			G0Stable: {Saw: "write=EINVAL trace=none"},
			G1:       {Splat: "null pointer dereference in user_events_write_core", Fault: "negative-index-oops", Promise: "write=EINVAL trace=none"},
			G3:       {Saw: "write=EINVAL trace=none"},
		},
		// Its report does not tell an address below 0 from any other (die_kernel_fault,
		// arch/riscv/mm/fault.c).
		Arch: map[string]Differs{"riscv64": {
			Why: "the report of an access at -8 is that of a bad address",
			Expect: map[Generation]Expect{
				G0: {Splat: "page fault in user_events_write_core", Fault: "negative-index-oops", Promise: "write=EINVAL trace=none"},
				G1: {Splat: "page fault in user_events_write_core", Fault: "negative-index-oops", Promise: "write=EINVAL trace=none"},
			},
		}},
		// KASAN's check of the access comes before the access: it reads the
		// shadow of an address near 0, which is none (kasan_non_canonical_hook).
		Under: map[string]map[Generation]Expect{"kasan": {
			G0: {Splat: "general protection fault in user_events_write_core", Fault: "negative-index-oops", Promise: "write=EINVAL trace=none"},
			G1: {Splat: "general protection fault in user_events_write_core", Fault: "negative-index-oops", Promise: "write=EINVAL trace=none"},
		}},
	},
	// A vfork child as user_events sees it: a task with the memory of its parent
	// and descriptors of its own. On g3 a place belongs to a task and those that
	// it clones afterwards (user_events_fork, include/linux/user_events.h): what
	// a thread registers ends with it unless its process had registered before
	// it was made.
	{
		ID:      "faults/vfork-leaves-the-bit",
		Purpose: "a task that shares its parent's memory registers and exits: the bit follows, or is cleared once the event is off",
		Claims:  []int{1, 11},
		Expect: map[Generation]Expect{
			G1: {Saw: "on=1 gone=1 off=1", Fault: "stale-bit-after-close", Promise: "on=1 gone=1 off=0"},
			G3: {Saw: "on=1 gone=1 off=1", Fault: "older-threads-apart", Promise: "on=1 gone=1 off=0"},
		},
	},
	{
		ID:        "faults/word-before-a-hole",
		Purpose:   "the last word of a page is written without touching the next frame, where there may be none",
		Claims:    []int{2},
		Needs:     []feature.Name{feature.Pagemap},
		Isolation: Fresh,
		Machine:   Machine{Memory: 256, Append: []string{holes()}},
		Arch:      onlyX86("the holes are made by memmap=, which x86 alone has; the word is at 4 modulo 8 besides"),
		Expect: map[Generation]Expect{
			G0: {Saw: "before-a-hole=yes reg=ok on=1 off=0"},
			G1: {Saw: "before-a-hole=yes", Splat: "page fault in user_event_enabler_write", Fault: "page-end-oops", Promise: "before-a-hole=yes reg=ok on=1 off=0"},
			G3: {Saw: "before-a-hole=yes reg=ok on=1 off=0"},
		},
	},
	{
		ID:        "faults/words-before-own-pages",
		Purpose:   "the last words of the pages of a huge page are told, and the words behind them keep their value",
		Claims:    []int{2},
		Questions: []string{"word-size"},
		Needs:     []feature.Name{feature.HugePages, feature.Pagemap},
		Expect: map[Generation]Expect{
			G1: {Saw: "huge=yes on=128 on-kept=128 off=128 off-kept=128"},
			G3: {Saw: "huge=yes on=128 on-kept=128 off=128 off-kept=128"},
		},
		Arch: traps("huge=yes", "huge=yes on=128 on-kept=128 off=128 off-kept=128"),
	},
}

// holes takes a page out of the memory every four megabytes, so that a frame
// without a successor is among the first that a program gets.
func holes() string {
	p := ""
	for mb := 36; mb < 240; mb += 4 {
		p += fmt.Sprintf(",4K$%dM", mb)
	}
	return "memmap=" + p[1:]
}

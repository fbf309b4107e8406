package catalog

import "slices"

// faults is every known deviation that a test shows. Those without a claim
// break no word of the changelog; some are as old as user_events and not the
// RFC's doing, their titles say so.
var faults = []Fault{
	{
		ID:    "map-private-parent-missed",
		Title: "after fork the registrar gets no update until it has written its private page itself",
		Claim: 6,
	},
	{
		ID:    "map-private-child-missed",
		Title: "after fork the child gets no update of a private page that its parent wrote",
		Claim: 6,
	},
	{
		ID:    "stale-bit-after-fork",
		Title: "a bit that was set when the process forked stays set after the event is disabled",
		Claim: 6,
	},
	{
		ID:    "stale-bit-after-close",
		Title: "the last close leaves the bit set, and disabling the event does not clear it",
		Claim: 1,
	},
	{
		ID:    "page-not-faulted-in",
		Title: "a page that is not in the page table, or is not writable there yet, gets a log line and no update, as the changelog announces",
	},
	{
		ID:    "shared-bit-cleared",
		Title: "registering or disabling one event clears a bit that another enabled event set",
		Claim: 1,
	},
	{
		ID:    "write-into-reused-memory",
		Title: "after munmap the kernel goes on writing the address, whatever is mapped there by then",
	},
	{
		ID:    "unwritable-address-accepted",
		Title: "address 0 may be registered, and costs a log line at every toggle",
	},
	{
		ID:    "reserved-bits-ignored",
		Title: "reserved bits of struct user_reg are not checked, so they can never be given a meaning",
	},
	{
		ID:    "result-not-stored",
		Title: "REG returns 0 although the index could not be stored (before the RFC as well)",
	},
	{
		ID:    "empty-payload-refused",
		Title: "an event without fields can't be written without a payload (before the RFC as well)",
	},
	{
		ID:    "write-error-hidden",
		Title: "REG at a place that can't be written is ENOMEM: the error of the write gets lost (upstream, not the RFC)",
	},
	{
		ID:    "struct-size-not-matched",
		Title: "dynamic_events does not find an event by its struct fields (before the RFC as well, fixed in stable)",
	},
	{
		ID:    "page-end-oops",
		Title: "the last word of a page is written with an access of eight bytes that reaches into the next frame, which oopses if that is no memory or read-only",
		Claim: 2,
	},
	{
		ID:    "negative-index-oops",
		Title: "a write with the index -1 oopses (before the RFC as well, fixed in stable)",
	},
	{
		ID:    "unbounded-enablers",
		Title: "one place may be registered without end: each time costs kernel memory charged to nobody, and a write under event_mutex at each toggle",
	},
	{
		ID:    "bad-places-delay",
		Title: "each place that can't be written costs whoever toggles the event a log line, unlimited, under event_mutex",
	},
	{
		ID:    "exited-children-kept",
		Title: "children that registered through an inherited descriptor and exited leave their mm_structs behind, and a log line a toggle each, until the last close",
	},
	{
		ID:    "partial-walk-when-killed",
		Title: "if who enables the event is killed meanwhile, the event is on and only a part of the places is told",
		Claim: 1,
	},
	{
		ID:    "bit-under-two-names",
		Title: "bit 37 of eight bytes and bit 5 of their upper half may be registered for two events, of which the last toggled wins (upstream)",
	},
	{
		ID:    "older-threads-apart",
		Title: "a thread made before its program registered is apart: it can't take back what the others registered, may register it twice, and what it registers ends with it, the bit left as it is (upstream)",
	},
	{
		ID:        "split-lock",
		Title:     "a word in the last four bytes of a cache line is written by a locked access that crosses it, which a processor with split lock detection reports or refuses",
		Elsewhere: "a processor with split lock detection (/proc/cpuinfo: split_lock_detect) under KVM or bare metal; emulation has none",
	},
	{
		ID:    unalignedTrap,
		Title: "a word at 4 modulo 8 is written by an atomic access of eight bytes, which traps where those have to be aligned (arm64, riscv64)",
		Claim: 1,
	},
	{
		ID:    "past-the-page-kasan",
		Title: "the write of the last word of a page reaches four bytes past it, and KASAN reports it if the next page is free",
		Claim: 2,
	},
	{
		ID:        "big-endian-half",
		Title:     "on a 64-bit big endian machine the bit is set in the word behind the registered one",
		Claim:     2,
		Elsewhere: "a 64-bit big endian guest (s390x, ppc64)",
	},
	{
		ID:    "failed-enabler-keeps-event",
		Title: "if the enabler cannot be allocated, registering fails and the event keeps a reference until the close",
	},
	{
		ID:    "lock-order",
		Title: "mmap_lock is taken under event_mutex, and event_mutex under mmap_lock when a perf ring is unmapped",
	},
	{
		ID:    "user-space-build-broken",
		Title: "samples/user_events/example.c and the ftrace and perf selftests of user_events no longer compile",
	},
}

// Faults returns the known faults.
func Faults() []Fault { return slices.Clone(faults) }

// FaultByID returns the fault with the id.
func FaultByID(id string) (Fault, bool) {
	i := slices.IndexFunc(faults, func(f Fault) bool { return f.ID == id })
	if i < 0 {
		return Fault{}, false
	}
	return faults[i], true
}

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
		ID:    "exited-children-kept",
		Title: "children that registered through an inherited descriptor and exited leave their mm_structs behind, and a log line a toggle each, until the last close",
	},
	{
		ID:    "partial-walk-when-killed",
		Title: "if who enables the event is killed meanwhile, the event is on and only a part of the places is told",
		Claim: 1,
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

package catalog

// claims are the statements of the RFC's changelog, "tracing/user_events: Use
// remote writes for event enablement", and of the comments it adds.
var claims = []string{
	1:  "a registered address gets its bit set when the event is enabled and cleared when it is disabled",
	2:  "the chosen bit, 0 to 31, alone changes; the others are left to the program",
	3:  "the kernel updates the bit atomically",
	4:  "an address that is not aligned to 4 bytes is rejected",
	5:  "a MAP_SHARED address is shared across fork",
	6:  "MAP_PRIVATE may be used as long as the forked children never update the page themselves",
	7:  "a page updated after fork is copied and gets no updates until it is registered again",
	8:  "registering a new address and descriptor in the child works",
	9:  "a page fault is only logged",
	10: "the shared status page is gone: no mmap, no index, no limit",
	11: "an enabler lives as long as the file that registered it",
	12: "the memory descriptor stays valid after its process exits",
}

// Claims returns the claims of the changelog; a claim's number is its index,
// and index 0 is empty.
func Claims() []string { return append([]string(nil), claims...) }

package catalog

import "uetest/internal/feature"

// unregTests is the area of unregistering, which generation g3 brought. Its
// answers where there is none yet tell that a program can't rely on it.
var unregTests = []Test{
	{
		ID:        "unreg/null",
		Purpose:   "UNREG of NULL is EFAULT; before g3 there is no such command",
		Questions: []string{"return-states"},
		Expect:    since("unreg=ENOTTY", "unreg=EFAULT"),
	},
	{
		ID:      "unreg/registered-place",
		Purpose: "a place taken back while its event is on is cleared and told no more",
		Expect: map[Generation]Expect{
			G1: {Saw: "on=0x00000008 unreg=ENOTTY then=0x00000008 toggled-on=0x00000008 toggled-off=0x00000000"},
			G3: {Saw: "on=0x00000008 unreg=ok then=0x00000000 toggled-on=0x00000000 toggled-off=0x00000000"},
		},
	},
	{
		ID:        "unreg/sizes",
		Purpose:   "a size under the struct's is EINVAL, over a page E2BIG, between them it is taken",
		Questions: []string{"return-states"},
		Expect:    only(G3, "0=EINVAL 15=EINVAL 16=ok 64=ok 4096=ok 4097=E2BIG"),
	},
	{
		ID:      "unreg/tail-not-zero",
		Purpose: "a larger struct whose unknown part is not 0 is refused",
		Expect:  only(G3, "refused=yes"),
	},
	{
		ID:      "unreg/unreadable-tail",
		Purpose: "a struct that can be read only in part is EFAULT",
		Expect:  only(G3, "unreg=EFAULT"),
	},
	{
		ID:        "unreg/reserved-fields",
		Purpose:   "each reserved bit that is set is EINVAL and leaves the place registered",
		Questions: []string{"return-states"},
		Expect:    only(G3, "unreg=EINVAL:24 on=1"),
	},
	{
		ID:        "unreg/nothing-registered",
		Purpose:   "a program that has registered nothing gets ENOENT",
		Questions: []string{"return-states"},
		Expect:    only(G3, "unreg=ENOENT"),
	},
	{
		ID:        "unreg/other-place",
		Purpose:   "another bit, another address, another name of the same bit: ENOENT, and the place stays",
		Questions: []string{"return-states"},
		Expect:    only(G3, "bit-before=ENOENT bit-behind=ENOENT word-behind=ENOENT bit-32-more=ENOENT bit-64-more=ENOENT zero=ENOENT on=1"),
	},
	{
		ID:      "unreg/twice",
		Purpose: "a place can be taken back once",
		Expect:  only(G3, "first=ok second=ENOENT"),
	},
	{
		ID:      "unreg/command-of-32-bits",
		Purpose: "the number that a 32-bit program computes is ENOTTY, and so is UNREG of the status file",
		Expect:  only(G3, "unreg=ENOTTY on-status=ENOTTY"),
	},
	{
		ID:      "unreg/read-only-file",
		Purpose: "a descriptor opened for reading takes back",
		Expect:  only(G3, "unreg=ok"),
	},
	{
		ID:        "unreg/order-of-checks",
		Purpose:   "size is checked before the reserved fields, those before the place",
		Questions: []string{"return-states"},
		Expect:    only(G3, "size-and-reserved=E2BIG short-and-reserved=EINVAL reserved-and-unknown=EINVAL"),
	},
	{
		ID:      "unreg/disabled-event",
		Purpose: "a bit that the program had set goes, although the event is off",
		Expect:  only(G3, "word=0x00000000"),
	},
	{
		ID:      "unreg/keeps-other-bits",
		Purpose: "the bit taken back is cleared alone, the words beside it keep theirs",
		Expect:  only(G3, "before=0xffffffff word=0xfffffff7 behind=0xffffffff"),
	},
	{
		ID:      "unreg/one-of-two-places",
		Purpose: "another event's bit of the word and another place of the event go on",
		Expect:  only(G3, "word=0x00000010 other-place=1 word-off=0x00000000 other-place-off=0"),
	},
	{
		ID:      "unreg/other-file",
		Purpose: "a place registered on one file is taken back on another",
		Expect:  only(G3, "unreg=ok on=0"),
	},
	{
		ID:        "unreg/after-close",
		Purpose:   "a bit that a close left set is cleared by taking its place back",
		Questions: []string{"lifetime-with-file"},
		Expect:    only(G3, "closed=1 unreg=ok then=0"),
	},
	{
		ID:      "unreg/index-stays",
		Purpose: "the file writes the event by its index also without a place",
		Expect:  only(G3, "write=8 again=yes"),
	},
	{
		ID:      "unreg/register-again",
		Purpose: "the place can be registered again, and is told at once",
		Expect:  only(G3, "again=ok at-once=1 off=0"),
	},
	{
		ID:      "unreg/register-other",
		Purpose: "the place can go to another event, and the first one writes it no more",
		Expect:  only(G3, "other=ok on=1 off=0"),
	},
	{
		ID:      "unreg/upper-half",
		Purpose: "bit 63 of a word of eight bytes is cleared alone",
		Expect:  only(G3, "unreg=ok low=0xffffffff high=0x7fffffff"),
	},
	{
		ID:        "unreg/unmapped",
		Purpose:   "a place whose page is unmapped is EFAULT and gone",
		Questions: []string{"return-states"},
		Expect:    only(G3, "unreg=EFAULT again=ENOENT"),
	},
	{
		ID:      "unreg/read-only-page",
		Purpose: "a place that can't be written is EFAULT and gone, its bit stays as it was",
		Expect:  only(G3, "unreg=EFAULT again=ENOENT left=1 later=1"),
	},
	{
		ID:      "unreg/then-mapped-again",
		Purpose: "what is mapped later at an address taken back is left alone",
		Expect:  only(G3, "on=0x00000000"),
	},
	{
		ID:      "unreg/after-fork",
		Purpose: "the bit is cleared although the fork has write-protected its page",
		Expect:  only(G3, "unreg=ok then=0"),
	},
	{
		ID:      "unreg/child-keeps-parent",
		Purpose: "a child that takes its place back clears its own copy, its parent goes on following",
		Claims:  []int{7},
		Expect:  only(G3, "unreg=ok child=0 parent=1 parent-off=0 parent-on=1 child-on=0"),
	},
	{
		ID:      "unreg/parent-keeps-child",
		Purpose: "a parent that takes its place back leaves the child's, which goes on following",
		Expect:  only(G3, "child=1 parent=0"),
	},
	{
		ID:      "unreg/later-sibling",
		Purpose: "what one child takes back the next one inherits all the same",
		Expect:  only(G3, "second=1 first=0 parent=1"),
	},
	{
		ID:      "unreg/not-inherited",
		Purpose: "a place taken back before a fork is none of the child's",
		Expect:  only(G3, "child=0x00000000 unreg=ENOENT"),
	},
	// The thread of a program made before the first REG has enablers of its
	// own: the place is EADDRINUSE to the others, and not to it.
	{
		ID:      "unreg/older-thread",
		Purpose: "a thread takes back what another thread of its program registered, and can't register it twice",
		Expect: map[Generation]Expect{
			G3: {Saw: "place-twice=ok unreg=ENOENT on=1", Fault: "older-threads-apart", Promise: "place-twice=EADDRINUSE unreg=ok on=0"},
		},
	},
	{
		ID:      "unreg/while-toggled",
		Purpose: "a toggle at the same time does not set the bit that is taken back",
		Needs:   []feature.Name{feature.SMP},
		Expect:  only(G3, "refused=0 set-after-unreg=0"),
	},
	{
		ID:      "unreg/last-place-of-event",
		Purpose: "an event without files is held by its places and deleted with the last one",
		Expect:  only(G3, "place=yes none=no"),
	},
}

package catalog

import "time"

// bitsTests is the area of the registered word.
var bitsTests = []Test{
	{
		ID:      "bits/each-sets-alone",
		Purpose: "each bit from 0 to 31 is set alone in a word of zeroes, and cleared again",
		Claims:  []int{1, 2},
		Expect:  remote("wrong-registered=none wrong-on=none wrong-off=none"),
	},
	{
		ID:      "bits/each-clears-alone",
		Purpose: "each bit from 0 to 31 is cleared alone in a word of ones, and set again",
		Claims:  []int{1, 2},
		Expect:  remote("wrong-registered=none wrong-on=none wrong-off=none"),
	},
	{
		ID:      "bits/neighbour-words-kept",
		Purpose: "whatever the bit, no other byte of the page changes",
		Claims:  []int{2},
		Expect:  remote("changed=none"),
	},
	{
		ID:      "bits/word-at-4-mod-8",
		Purpose: "the same for a word that is not aligned to 8 bytes",
		Claims:  []int{2},
		Expect:  remote("changed=none"),
	},
	{
		ID:      "bits/first-word-of-page",
		Purpose: "the same for the first word of a page and the page before it",
		Claims:  []int{2},
		Expect:  remote("changed=none"),
	},
	{
		ID:      "bits/two-events-in-one-word",
		Purpose: "two events on two bits of one word do not disturb each other",
		Claims:  []int{2},
		Expect:  remote("low=0x00000008 both=0x00020008 high=0x00020000 none=0x00000000"),
	},
	{
		ID:      "bits/two-bits-for-one-event",
		Purpose: "one event registered at two bits of a word sets and clears both",
		Claims:  []int{1, 2},
		Expect:  remote("same-index=yes on=0x80000001 off=0x00000000"),
	},
	{
		ID:      "bits/same-place-twice",
		Purpose: "one event registered twice at the same place is accepted and follows",
		Expect: map[Generation]Expect{
			G1: {Saw: "second=ok on=0x00000020 off=0x00000000"},
			G3: {Saw: "second=EADDRINUSE on=0x00000020 off=0x00000000"},
		},
	},
	{
		ID:      "bits/last-toggle-wins",
		Purpose: "two events on one bit: it stays set while one of them is on",
		Claims:  []int{1},
		Expect: map[Generation]Expect{
			G1: {Saw: "second=ok both-on=0x00000200 one-on=0x00000000", Fault: "shared-bit-cleared", Promise: "second=ok both-on=0x00000200 one-on=0x00000200"},
			G3: {Saw: "second=EADDRINUSE both-on=0x00000200 one-on=0x00000200"},
		},
	},
	{
		ID:      "bits/register-clears-shared-bit",
		Purpose: "registering a disabled event leaves a bit alone that another enabled event set",
		Claims:  []int{1},
		Expect: map[Generation]Expect{
			G1: {Saw: "on=0x00000200 second=ok still-on=0x00000000", Fault: "shared-bit-cleared", Promise: "on=0x00000200 second=ok still-on=0x00000200"},
			G3: {Saw: "on=0x00000200 second=EADDRINUSE still-on=0x00000200"},
		},
	},
	{
		ID:      "bits/register-clears-leftover",
		Purpose: "registering a disabled event clears a bit that the program had left set",
		Claims:  []int{1},
		Expect:  remote("registered=0x00000000"),
	},
	{
		ID:      "bits/register-keeps-others",
		Purpose: "registering an enabled event changes its bit alone",
		Claims:  []int{2},
		Expect:  remote("while-on=0x12345601"),
	},
	{
		ID:      "bits/program-writes-are-kept",
		Purpose: "the bits that the program sets while the event is on survive its disabling",
		Claims:  []int{2},
		Expect:  remote("on=0x800000ff off=0x000000ff"),
	},
	{
		ID:      "bits/program-clears-its-bit",
		Purpose: "the kernel writes at a toggle of the event itself and at no other time",
		Claims:  []int{1, 2},
		Expect:  remote("cleared=0x00000000 next-toggle=0x00000004"),
	},
	{
		ID:      "bits/concurrent-adds-are-not-lost",
		Purpose: "no atomic add of the program to the other bits is lost to the kernel's toggles",
		Claims:  []int{3},
		Timeout: 15 * time.Second,
		Expect:  only(G1, "lost=0"),
	},
	{
		ID:      "bits/concurrent-updates-of-neighbour",
		Purpose: "no atomic add to the word behind is lost to the kernel's toggles",
		Claims:  []int{2, 3},
		Timeout: 15 * time.Second,
		Expect:  only(G1, "lost=0"),
	},
}

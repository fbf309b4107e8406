package catalog

import "uetest/internal/feature"

import "time"

// bitsTests is the area of the registered word.
var bitsTests = []Test{
	{
		ID:        "bits/each-sets-alone",
		Purpose:   "each bit from 0 to 31 is set alone in a word of zeroes, and cleared again",
		Claims:    []int{1, 2},
		Questions: []string{"bit-field"},
		Expect:    remote("wrong-registered=none wrong-on=none wrong-off=none"),
	},
	{
		ID:      "bits/each-clears-alone",
		Purpose: "each bit from 0 to 31 is cleared alone in a word of ones, and set again",
		Claims:  []int{1, 2},
		Expect:  remote("wrong-registered=none wrong-on=none wrong-off=none"),
	},
	{
		ID:        "bits/neighbour-words-kept",
		Purpose:   "whatever the bit, no other byte of the page changes",
		Claims:    []int{2},
		Questions: []string{"word-size"},
		Expect:    remote("changed=none"),
	},
	{
		ID:        "bits/word-at-4-mod-8",
		Purpose:   "the same for a word that is not aligned to 8 bytes",
		Claims:    []int{2},
		Questions: []string{"word-size"},
		Expect:    remote("changed=none"),
		Arch:      traps("", "changed=none"),
	},
	{
		ID:        "bits/first-word-of-page",
		Purpose:   "the same for the first word of a page and the page before it",
		Claims:    []int{2},
		Questions: []string{"word-size"},
		Expect:    remote("changed=none"),
	},
	{
		ID:      "bits/two-events-in-one-word",
		Purpose: "two events on two bits of one word do not disturb each other",
		Claims:  []int{2},
		Expect:  remote("low=0x00000008 both=0x00020008 high=0x00020000 none=0x00000000"),
	},
	{
		ID:        "bits/two-bits-for-one-event",
		Purpose:   "one event registered at two bits of a word sets and clears both",
		Claims:    []int{1, 2},
		Questions: []string{"duplicate-enablers"},
		Expect:    remote("same-index=yes on=0x80000001 off=0x00000000"),
	},
	{
		ID:        "bits/same-place-twice",
		Purpose:   "one event registered twice at the same place is accepted and follows",
		Questions: []string{"duplicate-enablers"},
		Expect: map[Generation]Expect{
			G1: {Saw: "second=ok on=0x00000020 off=0x00000000"},
			G3: {Saw: "second=EADDRINUSE on=0x00000020 off=0x00000000"},
		},
	},
	{
		ID:        "bits/last-toggle-wins",
		Purpose:   "two events on one bit: it stays set while one of them is on",
		Claims:    []int{1},
		Questions: []string{"duplicate-enablers"},
		Expect: map[Generation]Expect{
			G1: {Saw: "second=ok both-on=0x00000200 one-on=0x00000000", Fault: "shared-bit-cleared", Promise: "second=ok both-on=0x00000200 one-on=0x00000200"},
			G3: {Saw: "second=EADDRINUSE both-on=0x00000200 one-on=0x00000200"},
		},
	},
	{
		ID:        "bits/register-clears-shared-bit",
		Purpose:   "registering a disabled event leaves a bit alone that another enabled event set",
		Claims:    []int{1},
		Questions: []string{"duplicate-enablers"},
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
		ID:        "bits/program-writes-are-kept",
		Purpose:   "the bits that the program sets while the event is on survive its disabling",
		Claims:    []int{2},
		Questions: []string{"concurrent-update"},
		Expect:    remote("on=0x800000ff off=0x000000ff"),
	},
	{
		ID:      "bits/program-clears-its-bit",
		Purpose: "the kernel writes at a toggle of the event itself and at no other time",
		Claims:  []int{1, 2},
		Expect:  remote("cleared=0x00000000 next-toggle=0x00000004"),
	},
	{
		ID:        "bits/concurrent-adds-are-not-lost",
		Purpose:   "no atomic add of the program to the other bits is lost to the kernel's toggles",
		Claims:    []int{3},
		Questions: []string{"concurrent-update"},
		Timeout:   15 * time.Second,
		Needs:     []feature.Name{feature.SMP},
		Expect:    only(G1, "lost=0"),
	},
	{
		ID:        "bits/concurrent-updates-of-neighbour",
		Purpose:   "no atomic add to the word behind is lost to the kernel's toggles",
		Claims:    []int{2, 3},
		Questions: []string{"concurrent-update"},
		Timeout:   15 * time.Second,
		Needs:     []feature.Name{feature.SMP},
		Expect:    only(G1, "lost=0"),
	},
	{
		ID:        "bits/concurrent-adds-eight-bytes",
		Purpose:   "no atomic add to the low half of a word of eight bytes is lost to the toggles of its upper bits",
		Claims:    []int{3},
		Questions: []string{"concurrent-update"},
		Timeout:   15 * time.Second,
		Needs:     []feature.Name{feature.SMP},
		Expect:    only(G3, "lost=0 high=0x00000000"),
	},
	{
		ID:      "bits/each-of-64-sets-alone",
		Purpose: "each bit from 0 to 63 of a word of eight bytes is set alone among zeroes, and cleared again",
		Expect:  only(G3, "wrong-registered=none wrong-on=none wrong-off=none"),
	},
	{
		ID:      "bits/each-of-64-clears-alone",
		Purpose: "each bit from 0 to 63 of a word of eight bytes is cleared alone among ones, and set again",
		Expect:  only(G3, "wrong-registered=none wrong-on=none wrong-off=none"),
	},
	{
		ID:      "bits/eight-bytes-neighbours-kept",
		Purpose: "whatever the bit of a word of eight bytes, no other byte of the page changes",
		Expect:  only(G3, "changed=0"),
	},
	{
		ID:        "bits/one-bit-two-sizes",
		Purpose:   "an address and a bit are one place, whatever the size of the word",
		Questions: []string{"duplicate-enablers"},
		Expect:    only(G3, "size-8=EADDRINUSE size-4=EADDRINUSE"),
	},
	{
		ID:        "bits/same-bit-of-memory",
		Purpose:   "one bit of memory can't be registered by two names for two events",
		Claims:    []int{1},
		Questions: []string{"duplicate-enablers"},
		Expect: map[Generation]Expect{
			G3: {Saw: "second=ok both-on=0x00000020 one-on=0x00000000", Fault: "bit-under-two-names", Promise: "second=EADDRINUSE both-on=0x00000020 one-on=0x00000020"},
		},
	},
	{
		ID:        "bits/three-ways-to-name-a-place",
		Purpose:   "a place that is taken is refused to another event, another file and an heir; before g3 to nobody",
		Questions: []string{"duplicate-enablers"},
		Expect: map[Generation]Expect{
			G1: {Saw: "other-event=ok other-file=ok in-a-child=ok other-bit=ok"},
			G3: {Saw: "other-event=EADDRINUSE other-file=EADDRINUSE in-a-child=EADDRINUSE other-bit=ok"},
		},
	},
	{
		ID:        "bits/struct-of-g3",
		Purpose:   "a program that asks for a size and a bit beyond 31 gets what it asks for, or is refused",
		Questions: []string{"bit-field", "word-size"},
		Expect: map[Generation]Expect{
			G1: {Saw: "bit-0-size-4=ok bit-63-size-8=ok bit-40-size-4=ok first=0x00000001 low=0x80000000 high=0x00000000 third=0x00000100", Fault: "reserved-bits-ignored", Promise: "bit-0-size-4=EINVAL bit-63-size-8=EINVAL bit-40-size-4=EINVAL first=0x00000000 low=0x00000000 high=0x00000000 third=0x00000000"},
			G3: {Saw: "bit-0-size-4=ok bit-63-size-8=ok bit-40-size-4=EINVAL first=0x00000001 low=0x00000000 high=0x80000000 third=0x00000000"},
		},
	},
}

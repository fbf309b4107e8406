package catalog

import "uetest/internal/feature"

// stressTests is the area of what happens at the same time.
var stressTests = []Test{
	{
		ID:        "stress/adds-against-each-source",
		Purpose:   "no atomic add to the other bits is lost while an instance or perf toggles the event",
		Claims:    []int{3},
		Questions: []string{"concurrent-update"},
		Needs:     []feature.Name{feature.Instances, feature.Perf, feature.SMP},
		Expect: map[Generation]Expect{
			G1: {Saw: "lost-instance=0 lost-perf=0"},
			G3: {Saw: "lost-instance=0 lost-perf=0"},
		},
	},
	{
		ID:        "stress/bad-places-delay",
		Purpose:   "a thousand places that can't be written keep those who toggle an event from nothing",
		Questions: []string{"bad-address-delay"},
		Expect: map[Generation]Expect{
			G1: {Saw: "lines-a-toggle=300", Fault: "bad-places-delay", Promise: "lines-a-toggle=0"},
			// A worker tries, and nobody waits.
			G3: {Saw: "lines-a-toggle=0"},
		},
	},
	{
		ID:      "stress/close-while-toggling",
		Purpose: "nobody writes a word whose file was closed, or that was unregistered, while the event was toggled",
		Claims:  []int{11},
		Needs:   []feature.Name{feature.SMP},
		Expect: map[Generation]Expect{
			G0: {Saw: "error=ok written-after-close=0"},
			G1: {Saw: "error=ok written-after-close=0"},
			G3: {Saw: "error=ok written-after-close=0"},
		},
	},
	{
		ID:      "stress/delete-against-register",
		Purpose: "a name that is registered and deleted at the same time is there, not there, or held",
		Needs:   []feature.Name{feature.SMP},
		Expect: map[Generation]Expect{
			G0: {Saw: "register-error=ok odd-deletes=0 on=1 off=0"},
			G1: {Saw: "register-error=ok odd-deletes=0 on=1 off=0"},
			G3: {Saw: "register-error=ok odd-deletes=0 on=1 off=0"},
		},
	},
	{
		ID:      "stress/exit-while-toggling",
		Purpose: "processes that exit or are killed while the kernel writes to them leave nothing behind",
		Claims:  []int{11, 12},
		Needs:   []feature.Name{feature.SMP},
		Expect: map[Generation]Expect{
			G0: {Saw: "on=1 kept=no lines=0 off=0"},
			G1: {Saw: "on=1 kept=no lines=0 off=0"},
			G3: {Saw: "on=1 kept=no lines=0 off=0"},
		},
	},
	{
		ID:      "stress/fork-while-toggling",
		Purpose: "forks while the event is toggled: shared pages are told, a private one once it was written",
		Claims:  []int{1, 5},
		Needs:   []feature.Name{feature.SMP},
		Expect: map[Generation]Expect{
			G0: {Saw: "shared=1 shared-in-children=5 private=1 off=0"},
			G1: {Saw: "shared=1 shared-in-children=5 private=1 off=0"},
			G3: {Saw: "shared=1 shared-in-children=5 private=1 off=0"},
		},
	},
	{
		ID:      "stress/close-waits",
		Purpose: "a close waits for a toggle that is under way",
		Claims:  []int{11},
		Needs:   []feature.Name{feature.SMP},
		Expect:  only(G1, "waits=yes"),
	},
	{
		ID:      "stress/mapping-holds-writes",
		Purpose: "no word is written while the memory map of its program is locked",
		Claims:  []int{9},
		Needs:   []feature.Name{feature.Perf, feature.SMP},
		Expect:  only(G1, "error=ok writes-wait=yes"),
	},
	{
		ID:      "stress/many-events-in-processes",
		Purpose: "every bit of twenty events in six processes follows, and in three when three are gone",
		Claims:  []int{1, 8},
		Expect: map[Generation]Expect{
			G0: {Saw: "on=40 off=0 half-on=20 lines=0 half-off=0"},
			G1: {Saw: "on=40 off=0 half-on=20 lines=0 half-off=0"},
			G3: {Saw: "on=40 off=0 half-on=20 lines=0 half-off=0"},
		},
	},
	{
		ID:      "stress/register-while-toggling",
		Purpose: "threads that register and close while the event is toggled are told its last state",
		Claims:  []int{1, 11},
		Needs:   []feature.Name{feature.SMP},
		Expect: map[Generation]Expect{
			G1: {Saw: "told-on=24 told-off=0 error=ok"},
			G3: {Saw: "told-on=24 told-off=0 error=ok"},
		},
	},
	{
		ID:      "stress/registration-holds-enabling",
		Purpose: "who enables an event waits for a registration that is listed and has yet to be written",
		Claims:  []int{1},
		Needs:   []feature.Name{feature.Perf, feature.SMP},
		Expect:  only(G1, "error=ok enabling-waits=yes"),
	},
	{
		ID:        "stress/stores-behind-a-page-end",
		Purpose:   "no store to the word behind a page's last one is undone, whatever the kernel accesses",
		Claims:    []int{2, 3},
		Questions: []string{"word-size"},
		Needs:     []feature.Name{feature.HugePages, feature.SMP},
		Expect: map[Generation]Expect{
			G1: {Saw: "huge=yes undone=0 word=0x00000000"},
			G3: {Saw: "huge=yes undone=0 word=0x00000000"},
		},
		Arch: traps("huge=yes", "huge=yes undone=0 word=0x00000000"),
	},
	{
		ID:      "stress/unmap-while-toggling",
		Purpose: "a page that comes and goes while the kernel writes to it has its bit changed and nothing else",
		Claims:  []int{2, 9},
		Needs:   []feature.Name{feature.SMP},
		Expect: map[Generation]Expect{
			G1: {Saw: "error=ok other-changes=0 word=0x00000010 before=0xaaaaaaaa behind=0xbbbbbbbb"},
			G3: {Saw: "error=ok other-changes=0 word=0x00000010 before=0xaaaaaaaa behind=0xbbbbbbbb"},
		},
	},
}

package catalog

import (
	"time"

	"uetest/internal/feature"
)

// debugTests is the area of faults that only a kernel that checks itself shows.
var debugTests = []Test{
	{
		ID:        "debug/page-end",
		Purpose:   "the last word of a page is written without touching what lies behind the page",
		Variant:   "kasan",
		Isolation: Fresh,
		Expect: map[Generation]Expect{
			G1: {Saw: "registered=ok all-set=yes", Splat: "KASAN: use-after-free Write in user_event_enabler_write", Fault: "past-the-page-kasan", Promise: "registered=ok all-set=yes"},
		},
		Arch: onlyX86("the last word of a page is at 4 modulo 8, where the access traps"),
	},
	{
		ID:        "debug/lock-order",
		Purpose:   "event_mutex and mmap_lock are taken in one order",
		Needs:     []feature.Name{feature.SMP},
		Variant:   "lockdep",
		Isolation: Fresh,
		Timeout:   30 * time.Second,
		Expect: map[Generation]Expect{
			G1: {Saw: "on=1 closed=ok", Splat: "lockdep: possible circular locking dependency", Fault: "lock-order", Promise: "on=1 closed=ok"},
		},
	},
	{
		ID:        "debug/enabler-allocation-fails",
		Purpose:   "a registration that fails for want of memory holds the event no longer",
		Variant:   "fault-injection",
		Isolation: Fresh,
		Questions: []string{"failed-enabler"},
		Expect: map[Generation]Expect{
			G1: {Saw: "errors=ENOMEM held-after-failure=yes held-after-close=no", Fault: "failed-enabler-keeps-event", Promise: "errors=ENOMEM held-after-failure=no held-after-close=no"},
		},
	},
}

package main

import (
	"time"

	"uetest/selftests/kit"
)

// settleLimit is how long the kernel may take to free what it does not need.
const settleLimit = 2 * time.Second

// descriptorsLeaveNothing opens, registers and closes a thousand times, and
// counts what the kernel keeps in the caches that struct user_event_file_info
// (16 bytes), user_event_refs (24 and 8 for each event) and user_event_enabler
// (48) come from: in objects a round, since other users of these caches and
// the slabs of the processors make hundreds.
func descriptorsLeaveNothing(t *kit.T) {
	const rounds = 1000
	ev, other := t.Event("u32 count"), t.Event("u32 count")
	v, w := t.Word(), t.Word()
	caches := []string{"kmalloc-16", "kmalloc-32", "kmalloc-64"}
	t.Open().Register(ev, v.Bit(5)) // the event is there all the time
	t.Open().Register(other, w.Bit(5))
	perRound := func(before int, cache string) (n int) {
		// What is freed after a grace period of RCU takes a moment.
		for deadline := time.Now().Add(settleLimit); ; time.Sleep(10 * time.Millisecond) {
			n = (t.Slab(cache) - before + rounds/2) / rounds
			if n == 0 || time.Now().After(deadline) {
				return n
			}
		}
	}
	var before []int
	for _, c := range caches {
		before = append(before, t.Slab(c))
	}
	for range rounds {
		d := t.Open()
		r, s := d.Register(ev, v.Bit(0)), d.Register(other, w.Bit(0))
		d.LetGo(r, s)
	}
	for i, c := range caches {
		t.Saw(c, perRound(before[i], c))
	}
}

package main

import (
	"uetest/selftests/kit"
)

// pins returns how many pages were pinned and released meanwhile
// (nr_foll_pin_acquired, nr_foll_pin_released). No one but user_events pins
// pages in the guest.
func pins(t *kit.T, f func()) (acquired, released int) {
	before := t.Counters("/proc/vmstat")
	f()
	after := t.Counters("/proc/vmstat")
	const name = "nr_foll_pin_"
	return after[name+"acquired"] - before[name+"acquired"], after[name+"released"] - before[name+"released"]
}

// onePinAWrite counts: a registration and a toggle pin the page of each place
// once and let it go again, two places in one page as well.
func onePinAWrite(t *kit.T) {
	const places = 40
	d, ev, pages := t.Open(), t.Event("u32 count"), t.Anonymous(places/2).Touch()
	step := func(key string, f func()) {
		acquired, released := pins(t, f)
		t.Saw(key, acquired)
		t.Saw(key+"-released", released)
	}
	step("reg", func() {
		for i := range places {
			d.Register(ev, pages.Word(i*len(pages.Bytes())/places).Bit(i%32))
		}
	})
	step("on", ev.On)
	step("on-again", ev.On)
	step("off", ev.Off)
}

// pinsOfFailedWrites: what can't be written is not pinned.
func pinsOfFailedWrites(t *kit.T) {
	const places = 10
	d, ev, pages := t.Open(), t.Event("u32 count"), t.Anonymous(places).Touch()
	for i := range places {
		d.Register(ev, pages.Word(i*len(pages.Bytes())/places).Bit(0))
	}
	pages.Unmap()
	log := t.KernelLog()
	acquired, released := pins(t, func() { ev.On(); ev.Off() })
	t.Saw("acquired", acquired)
	t.Saw("released", released)
	t.Saw("lines", log.Failures())
}

package main

import (
	"os"
	"runtime"
	"sync"
	"sync/atomic"

	"uetest/selftests/kit"
)

// against runs work on a thread of its own while the test's does toggling.
func against(work func(stop *atomic.Bool), toggling func()) {
	var stop atomic.Bool
	var wg sync.WaitGroup
	started := make(chan struct{})
	wg.Go(func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		close(started)
		work(&stop)
	})
	<-started
	toggling()
	stop.Store(true)
	wg.Wait()
}

// fill registers the event at the bits 24 to 31 of the word, each as often as
// it takes to make n places, or as the kernel allows: g3 takes each once.
func fill(d *kit.Data, ev *kit.Event, w kit.Word, n int) {
	for i := range n {
		if _, err := d.TryRegister(ev, w.Bit(24+i%8)); err != nil {
			return
		}
	}
}

// addsAgainstEachSource counts in the bits 0 to 23 of a word while the kernel
// changes those above for a trace instance, and for perf. The event's enable
// file is the business of the area bits, and so is the proof that a kernel
// that loses adds is found out.
func addsAgainstEachSource(t *kit.T) {
	const places, toggles = 3000, 2
	in := t.Instance()
	for _, source := range []struct {
		name   string
		toggle func(ev *kit.Event)
	}{
		{"instance", func(ev *kit.Event) {
			path := in.Path("events/user_events/" + ev.Name + "/enable")
			t.WriteFile(path, "1")
			t.WriteFile(path, "0")
		}},
		{"perf", func(ev *kit.Event) { t.PerfOpen(ev).Close() }},
	} {
		d, ev, w := t.Open(), t.Event("u32 count"), t.Word()
		fill(d, ev, w, places)
		var added uint32
		against(func(stop *atomic.Bool) {
			for !stop.Load() {
				for range 256 {
					w.Add(1)
				}
				added += 256
			}
		}, func() {
			for range toggles {
				source.toggle(ev)
			}
		})
		const counted = 1<<24 - 1
		t.Saw("lost-"+source.name, int(added&counted)-int(w.Load()&counted))
		t.Logf("%s: %d adds", source.name, added)
		d.Close()
	}
}

// storesBehindPageEnd stores to the first word of a page while the kernel sets
// and clears bits of the last word of the page before it, with an access of
// eight bytes that covers both. The pages are parts of a huge one. No store may
// be undone; each is read back before the next.
func storesBehindPageEnd(t *kit.T) {
	const places, toggles = 5000, 2
	last := t.Huge()
	// From the middle of the huge page to the end of the small one there.
	for last.Addr()%uint64(os.Getpagesize()) != uint64(os.Getpagesize()-4) {
		last = last.Next(1)
	}
	last.Store(0)
	t.Saw("huge", last.IsHuge())
	d, ev, next := t.Open(), t.Event("u32 count"), last.Next(1)
	fill(d, ev, last, places)
	undone, stores := 0, uint32(0)
	against(func(stop *atomic.Bool) {
		for !stop.Load() {
			for range 256 {
				stores++
				next.Store(stores)
				if next.Load() != stores {
					undone++
				}
			}
		}
	}, func() {
		for range toggles {
			ev.On()
			ev.Off()
		}
	})
	t.Logf("%d stores", stores)
	t.Saw("undone", undone)
	t.Saw("word", last.Load())
}

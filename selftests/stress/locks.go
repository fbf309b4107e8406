package main

import (
	"time"

	"uetest/selftests/kit"
)

// closeWaits closes descriptors, each while a toggle walks through the places
// of their event, and looks whether the walk is over then. The newest place is
// written first and the oldest last; between them are some that can't be
// written, whose log lines make the walk take milliseconds.
func closeWaits(t *kit.T) {
	const slow, closes = 2, 4
	const pause = time.Millisecond // between toggles
	const limit = 3 * time.Second  // of waiting for one
	d, ev := t.Open(), t.Event("u32 count")
	oldest, newest := t.Word(), t.Word()
	bad := t.BadWord()
	d.Register(ev, oldest.Bit(0))
	var files [closes]*kit.Data
	for i := range files {
		files[i] = t.Open()
		files[i].Register(ev, t.Word().Bit(0))
	}
	for range slow {
		d.Register(ev, bad.Bit(0))
	}
	d.Register(ev, newest.Bit(0))
	walking := func() bool { return oldest.Load() != newest.Load() }

	early := 0
	_, err := beside([]worker{{work: func() error {
		time.Sleep(pause)
		if err := ev.SetEnable(true); err != nil {
			return err
		}
		time.Sleep(pause)
		return ev.SetEnable(false)
	}}}, func() {
		for _, f := range files {
			for begin := time.Now(); !walking(); {
				if time.Since(begin) > limit {
					t.Fatalf("no toggle was met under way within %v", limit)
				}
			}
			f.Close()
			if walking() {
				early++
			}
		}
	}, nil)
	t.Check(err)
	t.Logf("%d of %d closes were over before the walk", early, closes)
	t.Saw("waits", early <= closes/2)
}

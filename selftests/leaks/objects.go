package main

import (
	"os"
	"slices"
	"strings"
	"time"

	"uetest/internal/uapi"
	"uetest/selftests/kit"
)

// enablerCache is where struct user_event_enabler lies: 48 bytes on g1, 96 on
// g3.
func enablerCache(t *kit.T) string {
	if t.Family() == uapi.G3 {
		return "kmalloc-96"
	}
	return "kmalloc-64"
}

// settles returns what count returns once it is at most want, or what it is
// if it does not get there.
func settles(want int, count func() int) int {
	n := count()
	for deadline := time.Now().Add(time.Second); n > want && time.Now().Before(deadline); n = count() {
		time.Sleep(5 * time.Millisecond)
	}
	return n
}

// enablersGoWithFile counts the enablers of a file in objects of their cache,
// to the nearest hundred: others allocate there too.
func enablersGoWithFile(t *kit.T) {
	const places = 1000
	cache := enablerCache(t)
	d, ev, page := t.Open(), t.Event("u32 count"), t.Anonymous(2).Touch()
	d.Register(ev, t.Word().Bit(0))
	before := t.Slab(cache)
	e, args := t.Open(), t.Anonymous(1)
	desc := args.PutString(256, ev.Desc)
	reg := func(i int) uapi.Reg {
		return uapi.Reg{NameArgs: desc, EnableSize: 4, EnableAddr: page.Addr(8 * i)}
	}
	for i := range places {
		_, err := e.RegAt(args, 0, reg(i))
		t.Check(err)
	}
	hundreds := func() int { return (t.Slab(cache) - before + 50) / 100 }
	t.Saw("hundreds", hundreds())
	if t.PlacesOutliveFiles() {
		for i := range places {
			t.Check(e.UnregAt(page.Addr(8*i), 0))
		}
	}
	e.Close()
	t.Saw("closed", settles(0, hundreds))
}

// togglesLeaveNoObjects toggles an event with places that are told and such
// that are not, and looks at every cache of the kernel.
func togglesLeaveNoObjects(t *kit.T) {
	const toggles = 20
	d, ev, bad := t.Open(), t.Event("u32 count"), t.Anonymous(1).Touch()
	page := t.Anonymous(1).Touch()
	for i := range 50 {
		d.Register(ev, page.Word(16*i).Bit(0))
	}
	for i := range 5 {
		d.Register(ev, bad.Word(16*i).Bit(0))
	}
	bad.Unmap()
	work := func(n int) func() {
		return func() {
			for range n {
				ev.On()
				ev.Off()
			}
		}
	}
	t.Saw("grown", grown(t, work(2), work(toggles), toggles))
}

// grown does warm, then work, and returns the caches that have at least least
// objects more after it than before.
func grown(t *kit.T, warm, work func(), least int) string {
	warm()
	t.Settle()
	watched := watchedHere()
	before := t.Slabs(watched...)
	work()
	t.Settle()
	var names []string
	settles(0, func() int {
		names = nil
		after := t.Slabs(watched...)
		for _, name := range watched {
			if n := after[name] - before[name]; n >= least {
				t.Logf("%s: %d objects more", name, n)
				names = append(names, name)
			}
		}
		return len(names)
	})
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ",")
}

// watched are the caches from which user_events allocates events, names, fields,
// validators and enablers. Those that a process is made of, or an open file, are
// not among them (filp, kmalloc-96, kmalloc-192, kmalloc-256), nor those whose
// slabs have hundreds of objects: looking at the counts changes those.
var watched = []string{
	"kmalloc-32", "kmalloc-64", "kmalloc-128", "kmalloc-512", "kmalloc-1k", "kmalloc-2k",
}

// watchedHere are those of watched that tell something on this kernel. With
// lockdep each lock carries a name and a class, and objects of kmalloc-96 move
// into kmalloc-128.
func watchedHere() []string {
	if _, err := os.Stat("/proc/lockdep_stats"); err != nil {
		return watched
	}
	return slices.DeleteFunc(slices.Clone(watched), func(name string) bool { return name == "kmalloc-128" })
}

// eventsMadeAndDeleted makes and deletes one event again and again. (One: a
// name that tracefs has not seen costs a directory entry that it keeps for a
// while.)
func eventsMadeAndDeleted(t *kit.T) {
	const times = 40
	ev := t.Event("u32 a; char[20] b; __data_loc char[] c")
	w, deleter := t.Word(), t.Open()
	work := func(n int) func() {
		return func() {
			for range n {
				d := t.Open()
				r := d.Register(ev, w.Bit(0))
				if t.PlacesOutliveFiles() {
					t.Check(d.Unreg(r))
				}
				d.Close()
				if t.PlacesOutliveFiles() {
					ev.Goes()
				} else {
					t.Check(deleter.Delete(ev.Name))
				}
			}
		}
	}
	t.Saw("grown", grown(t, work(5), work(times), times/2))
}

// failedRegistrations registers what the kernel refuses at different depths:
// before it looks at the description, while it parses it, and because of the
// address.
func failedRegistrations(t *kit.T) {
	const times = 200
	d, args := t.Open(), t.Anonymous(1)
	descs := []string{"uetest_odd long x", "uetest_odd u32", "uetest_odd u32 a; char[99999] b"}
	var odd []string
	work := func(n int) func() {
		return func() {
			for i := range n {
				reg := uapi.Reg{NameArgs: args.PutString(256, descs[i%len(descs)]), EnableSize: 4, EnableAddr: args.Addr(1024)}
				if _, err := d.RegAt(args, 0, reg); err == nil {
					odd = append(odd, descs[i%len(descs)])
				}
			}
		}
	}
	got := grown(t, work(6), work(times*len(descs)), times/2)
	t.Saw("accepted", len(odd))
	t.Saw("grown", got)
}

package main

import (
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"uetest/internal/uapi"
	"uetest/selftests/kit"
)

// enablerCaches are where struct user_event_enabler lies: 48 bytes on g1, 96 on
// g3, which charges it to the program's memory cgroup where there is one.
var enablerCaches = [...]string{"kmalloc-64", "kmalloc-96"}

// enablerObjects returns how many objects the caches hold.
func enablerObjects(t *kit.T) int {
	sum := 0
	for _, n := range t.Slabs(enablerCaches[:]...) {
		sum += n
	}
	return sum
}

// cheapest returns the least processor time that each of two events takes to be
// toggled on and off: most of the time that passes is waiting for grace periods.
func cheapest(t *kit.T, a, b *kit.Event) (least, other time.Duration) {
	toggle := func(ev *kit.Event) time.Duration {
		begin := threadTime(t)
		ev.On()
		ev.Off()
		return threadTime(t) - begin
	}
	least, other = toggle(a), toggle(b)
	for range 4 {
		least, other = min(least, toggle(a)), min(other, toggle(b))
	}
	return least, other
}

// threadTime is the processor time of the test's thread.
func threadTime(t *kit.T) time.Duration {
	var now unix.Timespec
	t.Check(unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &now))
	return time.Duration(now.Nano())
}

// writes returns how often the kernel wrote, or tried to, during f: it pins a
// page each time (mm/gup.c).
func writes(t *kit.T, f func()) int {
	const counter = "nr_foll_pin_acquired"
	before := t.Counters("/proc/vmstat")[counter]
	f()
	return t.Counters("/proc/vmstat")[counter] - before
}

// unboundedEnablers registers one place of one event often, on one descriptor.
// Each registration is a kernel object that is charged to nobody, and a write
// at each toggle, under event_mutex. What that takes is logged: a busy host makes
// times no observation.
func unboundedEnablers(t *kit.T) {
	const many = 10000
	w, few := t.Word(), t.Event("u32 count")
	t.Open().Register(few, t.Word().Bit(0))
	d, ev := t.Open(), t.Event("u32 count")
	d.Register(ev, w.Bit(0))
	before := enablerObjects(t)
	args := t.Anonymous(1)
	reg := uapi.Reg{NameArgs: args.PutString(256, ev.Desc), EnableSize: 4, EnableAddr: w.Addr()}
	var again error
	for i := 0; i < many && again == nil; i++ {
		_, again = d.RegAt(args, 0, reg)
	}
	t.Saw("again", again)
	t.Saw("objects-in-thousands", (enablerObjects(t)-before+500)/1000)
	t.Saw("writes-of-one-word", writes(t, ev.On))
	ev.Off()
	alone, all := cheapest(t, few, ev)
	t.Logf("processor time of a toggle on and off: one place %v, all places %v", alone, all)
	d.Close()
	// With KASAN what was freed stays for a while in a quarantine, which counting
	// empties a part of.
	thousands := func() int { return (enablerObjects(t) - before + 500) / 1000 }
	left := thousands()
	for deadline := time.Now().Add(time.Second); left > 0 && time.Now().Before(deadline); left = thousands() {
		time.Sleep(5 * time.Millisecond)
	}
	t.Saw("objects-after-close", left)
}

// placesCostAlike registers more and more places of one event. Each is a kernel
// object and a write at each toggle, with the last as with the first; what that
// takes in time and memory is measured on the way. Most of what it takes to enable
// an event with one place is to patch the kernel's text, so it takes thousands to
// see what a place adds.
func placesCostAlike(t *kit.T) {
	steps := [...]int{1, 300, 1000, 3000}
	most := steps[len(steps)-1]
	words := t.Anonymous(most*8/os.Getpagesize() + 1).Touch()
	ev, d, args := t.Event("u32 count"), t.Open(), t.Anonymous(1)
	desc := args.PutString(256, ev.Desc)
	objects, bytes := enablerObjects(t), t.SlabBytes(enablerCaches[:]...)
	n := 0
	for _, places := range steps {
		for ; n < places; n++ {
			_, err := d.RegAt(args, 0, uapi.Reg{NameArgs: desc, EnableSize: 4, EnableAddr: words.Addr(8 * n)})
			t.Check(err)
		}
		least := time.Hour
		for range 3 {
			begin := threadTime(t)
			ev.On()
			least = min(least, threadTime(t)-begin)
			ev.Off()
		}
		t.Measure("processor time to enable an event", float64(places), "places", float64(least)/float64(time.Microsecond), "µs")
		t.Measure("kernel memory of an event's places", float64(places), "places", float64(t.SlabBytes(enablerCaches[:]...)-bytes)/1024, "KiB")
	}
	t.Saw("objects-in-thousands", (enablerObjects(t)-objects+500)/1000)
	t.Saw("writes", writes(t, ev.On))
	ev.Off()
}

// exitedChildren has children register a page of their own through the
// descriptor of their parent, and exit.
func exitedChildren(t *kit.T) {
	const children = 25
	d, ev, log := t.Open(), t.Event("u32 count"), t.KernelLog()
	d.Register(ev, t.SharedAnonymous(1).Touch().Word(0).Bit(0))
	own := t.Anonymous(1).Touch()
	before := t.Slab("mm_struct")
	for range children {
		c := t.Fork()
		c.Store(own.Word(256), 0)
		c.Register(d.FD, ev, own.Word(256).Bit(0))
		c.Exit()
	}
	kept := func() int { return settled(t, "mm_struct", before) }
	t.Saw("kept", kit.Share(kept(), children))
	ev.On()
	t.Saw("on-lines", log.Failures())
	ev.Off()
	t.Saw("off-lines", log.Failures())
	d.Close()
	t.Saw("after-close", kit.Share(kept(), children))
	ev.On()
	t.Saw("on-lines-after-close", log.Failures())
}

// settled returns how many more objects a cache holds than before, once the
// kernel has had the time to give back what it gives back later.
func settled(t *kit.T, cache string, before int) int {
	n := t.Slab(cache) - before
	for deadline := time.Now().Add(100 * time.Millisecond); n > 0 && time.Now().Before(deadline); n = t.Slab(cache) - before {
		time.Sleep(5 * time.Millisecond)
	}
	return n
}

// partialWalk kills the process that writes 1 to the event's enable file while
// the kernel goes through the enablers, the latest first: once the first bit
// is set. pin_user_pages_remote gives up for a task that is being killed, and
// so does each enabler that is left.
//
// Both run on one CPU, and the killer's timer interrupts the walk: on two, a
// busy host can stop one of them for longer than the walk takes. It can be late
// with the timer too, so there are some tries.
func partialWalk(t *kit.T) {
	const places, tries = 3000, 4
	var one unix.CPUSet
	one.Set(0)
	t.Check(unix.SchedSetaffinity(0, &one))
	d, ev, log := t.Open(), t.Event("u32 count"), t.KernelLog()
	words := t.SharedAnonymous(places*8/os.Getpagesize() + 1).Touch()
	for i := range places {
		d.Register(ev, words.Word(8*i).Bit(0))
	}
	set := func() (n int) {
		for i := range places {
			n += int(words.Word(8 * i).Load())
		}
		return n
	}
	n, lines := 0, 0
	for range tries {
		ev.Off()
		killWhileEnabling(t, ev, func() bool { return words.Word(0).Load()|words.Word(8*(places-1)).Load() != 0 })
		lines = log.Failures()
		// On g3 a worker tries again.
		for deadline := time.Now().Add(time.Second); set()+lines < places && time.Now().Before(deadline); {
			time.Sleep(5 * time.Millisecond)
		}
		n = set()
		t.Logf("%d of %d set, %d lines", n, places, lines)
		if n < places {
			break
		}
	}
	t.Saw("enable-file", t.ReadFile(ev.Path("enable")))
	t.Saw("all-set", n == places)
	t.Saw("a-line-for-each-missed", n+lines == places)
	ev.Off()
	ev.On()
	t.Saw("all-set-next-time", set() == places)
}

// killWhileEnabling has a child enable the event, and kills it once that has
// begun.
func killWhileEnabling(t *kit.T, ev *kit.Event, begun func() bool) {
	c := t.Fork()
	fd, err := c.Syscall(unix.SYS_OPENAT, ^uintptr(0), c.Bytes(kit.Tracefs+"/"+ev.Path("enable")), unix.O_WRONLY, 0)
	t.Check(err)
	t.Check(unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: 1}, 0))
	c.Start(unix.SYS_WRITE, uintptr(fd), c.Bytes("1"), 1)
	tick := unix.Timespec{Nsec: 100_000}
	for n := 0; !begun(); n++ {
		if n == 10_000 { // a second, more with what lies between
			t.Fatalf("no bit was set")
		}
		// Raw: the runtime must not hand the thread's work to another meanwhile.
		_, _, _ = unix.RawSyscall(unix.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&tick)), 0, 0)
	}
	c.Kill()
	t.Check(unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr}, 0))
}

// addressZero registers the address 0 many times and counts the lines exactly:
// nothing limits their rate.
func addressZero(t *kit.T) {
	const many = 100
	d, ev, log := t.Open(), t.Event("u32 count"), t.KernelLog()
	args := t.Anonymous(1).Touch()
	var err error
	for range many {
		_, err = d.RegAt(args, 0, uapi.Reg{NameArgs: args.PutString(256, ev.Desc), EnableSize: 4})
	}
	t.Saw("reg", err)
	t.Saw("reg-lines", log.Failures())
	if err != nil {
		d.Register(ev, t.Word().Bit(0)) // or there is nothing to toggle
	}
	ev.On()
	t.Saw("on-lines", log.Failures())
	ev.Off()
	t.Saw("off-lines", log.Failures())
}

// bitBeyond asks for the bit 32. On g1 the field has 5 bits, and 32 is the
// lowest of the reserved ones.
func bitBeyond(t *kit.T) {
	d, ev, w := t.Open(), t.Event("u32 count"), t.Word()
	r := uapi.Reg{Reserved: 1, EnableSize: 4, EnableAddr: w.Addr()}
	if t.Family() == uapi.G3 {
		r.EnableBit = 32
	}
	_, err := d.Reg(ev.Desc, r)
	t.Saw("reg", err)
	if err != nil {
		d.Register(ev, t.Word().Bit(0))
	}
	ev.On()
	t.Saw("word", w.Load())
	t.Saw("next", w.Next(1).Load())
}

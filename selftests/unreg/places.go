package main

import (
	"runtime"

	"golang.org/x/sys/unix"

	"uetest/selftests/kit"
)

// registeredPlace takes a place back while the event is on, and toggles.
func registeredPlace(t *kit.T) {
	d, ev, r := registered(t)
	ev.On()
	t.Saw("on", r.At.Word.Load())
	t.Saw("unreg", d.Unreg(r))
	t.Saw("then", r.At.Word.Load())
	ev.Off()
	on, off := toggled(t, ev, r.At.Word)
	t.Saw("toggled-on", on)
	t.Saw("toggled-off", off)
}

// The bit says that the event is off already; what the program put there goes
// all the same.
func disabledEvent(t *kit.T) {
	d, _, r := registered(t)
	r.At.Word.Store(1 << r.At.N)
	t.Check(d.Unreg(r))
	t.Saw("word", r.At.Word.Load())
}

func keepsOtherBits(t *kit.T) {
	d, _, r := registered(t)
	w := r.At.Word
	for n := -1; n <= 1; n++ {
		w.Next(n).Store(^uint32(0))
	}
	t.Check(d.Unreg(r))
	t.Saw("before", w.Next(-1).Load())
	t.Saw("word", w.Load())
	t.Saw("behind", w.Next(1).Load())
}

// A second event shares the word, a second place the event.
func oneOfTwoPlaces(t *kit.T) {
	d, ev, r := registered(t)
	other := t.Event("u32 count")
	d.Register(other, r.At.Word.Bit(4))
	s := d.Register(ev, t.Word().Bit(0))
	ev.On()
	other.On()
	t.Check(d.Unreg(r))
	t.Saw("word", r.At.Word.Load())
	t.Saw("other-place", s.Enabled())
	ev.Off()
	other.Off()
	t.Saw("word-off", r.At.Word.Load())
	t.Saw("other-place-off", s.Enabled())
}

// A place belongs to the program and not to a file of it: any will do.
func otherFile(t *kit.T) {
	_, ev, r := registered(t)
	t.Saw("unreg", t.Open().Unreg(r))
	ev.On()
	t.Saw("on", r.Enabled())
}

func afterClose(t *kit.T) {
	d, ev, r := registered(t)
	ev.On()
	d.Close()
	t.Saw("closed", r.Enabled())
	t.Saw("unreg", t.Open().Unreg(r))
	t.Saw("then", r.Enabled())
}

// The file goes on holding the event and its index.
func indexStays(t *kit.T) {
	d, ev, r := registered(t)
	t.Check(d.Unreg(r))
	ev.On()
	n, err := d.Write(r.Index, make([]byte, 4))
	t.Saw("write", kit.Result(n, err))
	t.Saw("again", d.Register(ev, r.At).Index == r.Index)
}

func registerAgain(t *kit.T) {
	d, ev, r := registered(t)
	ev.On()
	t.Check(d.Unreg(r))
	_, err := d.TryRegister(ev, r.At)
	t.Saw("again", err)
	t.Saw("at-once", r.Enabled())
	ev.Off()
	t.Saw("off", r.Enabled())
}

// The place goes to another event, and the first one writes it no more.
func registerOther(t *kit.T) {
	d, ev, r := registered(t)
	other := t.Event("u32 count")
	t.Check(d.Unreg(r))
	_, err := d.TryRegister(other, r.At)
	t.Saw("other", err)
	other.On()
	ev.On()
	ev.Off()
	t.Saw("on", r.Enabled())
	other.Off()
	t.Saw("off", r.Enabled())
}

// A page that can't be written any more is no reason to keep the place.
func gone(t *kit.T, d *kit.Data, r *kit.Registration) {
	t.Saw("unreg", d.Unreg(r))
	t.Saw("again", d.Unreg(r))
}

func unmapped(t *kit.T) {
	d, ev := t.Open(), t.Event("u32 count")
	mem := t.Anonymous(1).Touch()
	r := d.Register(ev, mem.Word(256).Bit(0))
	mem.Unmap()
	gone(t, d, r)
}

func readOnlyPage(t *kit.T) {
	d, ev := t.Open(), t.Event("u32 count")
	mem := t.Anonymous(1).Touch()
	r := d.Register(ev, mem.Word(256).Bit(0))
	ev.On()
	mem.Protect(unix.PROT_READ)
	gone(t, d, r)
	t.Saw("left", r.Enabled())
	mem.Protect(unix.PROT_READ | unix.PROT_WRITE)
	ev.Off()
	t.Settle()
	t.Saw("later", r.Enabled())
}

// thenMappedAgain takes a place back before its page goes, as g1 can't: what
// is mapped there next is left alone.
func thenMappedAgain(t *kit.T) {
	d, ev := t.Open(), t.Event("u32 count")
	mem := t.Anonymous(1).Touch()
	r := d.Register(ev, mem.Word(256).Bit(0))
	t.Check(d.Unreg(r))
	// MAP_FIXED puts fresh memory in the place of the old, in one step.
	_, _, errno := unix.Syscall6(unix.SYS_MMAP, uintptr(mem.Addr(0)), uintptr(len(mem.Bytes())),
		unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_FIXED, ^uintptr(0), 0)
	if errno != 0 {
		t.Fatalf("mmap: %v", errno)
	}
	mem.Touch()
	on, _ := toggled(t, ev, r.At.Word)
	t.Saw("on", on)
}

// olderThread asks on a thread that was there before the program registered
// anything. The kernel keeps what belongs to the address space by task
// (current->user_event_mm): a thread inherits it when it is made, and one that
// is older has none of it.
func olderThread(t *kit.T) {
	ask, answer := make(chan func() error), make(chan error)
	go func() {
		runtime.LockOSThread()
		for f := range ask {
			answer <- f()
		}
	}()
	on := func(f func() error) error {
		ask <- f
		return <-answer
	}
	t.Check(on(func() error { return nil })) // it is there
	d, ev, r := registered(t)
	mem := t.Anonymous(1)
	second := on(func() error { _, err := d.TryRegister(ev, r.At); return err })
	t.Saw("place-twice", second)
	if second == nil {
		t.Check(on(func() error { return d.UnregWith(mem, 0, of(r)) }))
	}
	t.Saw("unreg", on(func() error { return d.UnregWith(mem, 0, of(r)) }))
	ev.On()
	t.Saw("on", r.Enabled())
	close(ask)
}

// whileToggled takes a place back and registers it again while another thread
// toggles the event: after each UNREG the bit is clear and stays so.
func whileToggled(t *kit.T) {
	const rounds = 40
	d, ev, r := registered(t)
	stop, done := make(chan struct{}), make(chan error)
	go func() {
		var err error
		for err == nil {
			select {
			case <-stop:
				done <- nil
				return
			default:
			}
			if err = ev.SetEnable(true); err == nil {
				err = ev.SetEnable(false)
			}
		}
		done <- err
	}()
	refused, set := 0, 0
	for range rounds {
		if d.Unreg(r) != nil {
			refused++
		}
		for range 50 {
			set += r.Enabled()
		}
		if _, err := d.TryRegister(ev, r.At); err != nil {
			refused++
		}
	}
	close(stop)
	t.Check(<-done)
	t.Saw("refused", refused)
	t.Saw("set-after-unreg", set)
}

// The event is held by its places and its files; without either it goes.
func lastPlaceOfEvent(t *kit.T) {
	d, ev, r := registered(t)
	d.Close()
	t.Settle()
	t.Saw("place", ev.Exists())
	t.Check(t.Open().Unreg(r))
	t.Saw("none", !ev.Goes())
}

package main

import (
	"encoding/binary"
	"sync"
	"sync/atomic"

	"uetest/internal/uapi"
	"uetest/selftests/kit"
)

// wide is the number of bits of a word of eight bytes, which g3 brought.
const wide = 64

// long is the word of eight bytes that begins with w.
func long(w kit.Word) uint64 {
	lo, hi := uint64(w.Load()), uint64(w.Next(1).Load())
	if binary.NativeEndian.Uint16([]byte{1, 0}) == 1 {
		return hi<<32 | lo
	}
	return lo<<32 | hi
}

func registerWide(d *kit.Data, ev *kit.Event, w kit.Word, bit int) error {
	_, err := d.Reg(ev.Desc, uapi.Reg{EnableAddr: w.Addr(), EnableBit: uint8(bit), EnableSize: 8})
	return err
}

// eachOf64 registers one event at every bit from 0 to 63, each in a word of
// its own, and compares whole words at each step.
func eachOf64(fill uint32) func(*kit.T) {
	return func(t *kit.T) {
		d, ev, page := t.Open(), t.Event("u32 count"), t.Anonymous(1).Touch()
		word := func(n int) kit.Word { return page.Word(256 + 16*n) }
		base := uint64(fill)<<32 | uint64(fill)
		wrong := func(want func(bit uint64) uint64) string {
			var bits []int
			for n := range wide {
				if long(word(n)) != want(1<<n) {
					bits = append(bits, n)
				}
			}
			return list(bits)
		}
		clear := func(bit uint64) uint64 { return base &^ bit }
		for n := range wide {
			word(n).Store(fill)
			word(n).Next(1).Store(fill)
			t.Check(registerWide(d, ev, word(n), n))
		}
		t.Saw("wrong-registered", wrong(clear))
		ev.On()
		t.Saw("wrong-on", wrong(func(bit uint64) uint64 { return base | bit }))
		ev.Off()
		t.Saw("wrong-off", wrong(clear))
	}
}

// eightBytesNeighboursKept compares the whole page around a word while each of
// its bits is set and cleared.
func eightBytesNeighboursKept(t *kit.T) {
	d, ev, page := t.Open(), t.Event("u32 count"), t.Anonymous(1).Touch()
	const own = 1024
	for n := range wide {
		t.Check(registerWide(d, ev, page.Word(own), n))
	}
	changed := 0
	for _, fill := range []byte{0, 0xff} {
		for i := range page.Bytes() {
			page.Bytes()[i] = fill
		}
		ev.On()
		ev.Off()
		for i, b := range page.Bytes() {
			if b != fill && (i < own || i >= own+8) {
				changed++
			}
		}
	}
	t.Saw("changed", changed)
}

// One address and one bit are one place, whatever the size of the word.
func oneBitTwoSizes(t *kit.T) {
	d, ev, w := t.Open(), t.Event("u32 count"), t.Word()
	d.Register(ev, w.Bit(5))
	t.Saw("size-8", registerWide(d, ev, w, 5))
	t.Check(registerWide(d, ev, w, 6))
	_, err := d.TryRegister(ev, w.Bit(6))
	t.Saw("size-4", err)
}

// A bit of memory has two names, and only the name is looked at: bit 37 of a
// word of eight bytes is bit 5 of the second half. The last toggle wins.
func sameBitOfMemory(t *kit.T) {
	d, w := t.Open(), t.Word()
	ev, other := t.Event("u32 count"), t.Event("u32 count")
	t.Check(registerWide(d, ev, w, 37))
	_, err := d.TryRegister(other, w.Next(1).Bit(5))
	t.Saw("second", err)
	ev.On()
	other.On()
	t.Saw("both-on", w.Next(1).Load())
	other.Off()
	t.Saw("one-on", w.Next(1).Load())
}

// threeWays registers a place that is taken with another event, on another
// file and with another name of the same event.
func threeWays(t *kit.T) {
	d, ev, w := t.Open(), t.Event("u32 count"), t.Word()
	d.Register(ev, w.Bit(7))
	_, err := d.TryRegister(t.Event("u32 count"), w.Bit(7))
	t.Saw("other-event", err)
	_, err = t.Open().TryRegister(ev, w.Bit(7))
	t.Saw("other-file", err)
	_, err = t.Fork().TryRegister(d.FD, ev, w.Bit(7))
	t.Saw("in-a-child", err)
	_, err = d.TryRegister(ev, w.Bit(8))
	t.Saw("other-bit", err)
}

// structOfG3 is what a program built with the header of g3 gets: it asks for a
// bit of a word of a size, and g1 takes the size for reserved bits and what is
// over five bits of the number as well.
func structOfG3(t *kit.T) {
	layout, ev := uapi.G3.Layout(), t.Event("u32 count")
	d, args, w := t.Open(), t.Anonymous(1), t.Word()
	register := func(bit, size uint8, at kit.Word) error {
		layout.Put(args.Bytes(), uapi.Reg{
			EnableBit: bit, EnableSize: size, EnableAddr: at.Addr(), NameArgs: args.PutString(256, ev.Desc),
		})
		return d.Ioctl(uapi.IocReg, args.Pointer(0))
	}
	t.Saw("bit-0-size-4", register(0, 4, w))
	t.Saw("bit-63-size-8", register(63, 8, w.Next(2)))
	t.Saw("bit-40-size-4", register(40, 4, w.Next(4)))
	ev.On()
	t.Saw("first", w.Load())
	t.Saw("low", w.Next(2).Load())
	t.Saw("high", w.Next(3).Load())
	t.Saw("third", w.Next(4).Load())
}

// concurrentEightBytes has the program count in bits 0 to 30 of a word of eight
// bytes while the kernel toggles bits 31 to 63. Where a place can be registered
// but once, it takes the other bits, and children that share the page, to make
// a toggle some hundred writes: 5800 in all, where 9000 found updates that are
// not atomic in 23 of 30 runs of race.
func concurrentEightBytes(t *kit.T) {
	const children, rounds = 10, 8
	d, ev := t.Open(), t.Event("u32 count")
	w := t.SharedAnonymous(1).Touch().Word(256)
	for bit := 31; bit < wide; bit++ {
		t.Check(registerWide(d, ev, w, bit))
	}
	for range children {
		t.Fork().Store(w.Next(8), 1) // brings the page into its page table
	}
	var stop atomic.Bool
	var wg sync.WaitGroup
	var added uint32
	started := make(chan struct{})
	wg.Go(func() {
		for first := true; !stop.Load(); first = false {
			for range burst {
				w.Add(1)
			}
			added += burst
			if first {
				close(started)
			}
		}
	})
	<-started
	for range rounds {
		ev.On()
		ev.Off()
	}
	stop.Store(true)
	wg.Wait()
	t.Saw("lost", int(added&(1<<31-1))-int(w.Load()))
	t.Saw("high", w.Next(1).Load())
}

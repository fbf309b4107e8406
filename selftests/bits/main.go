// Bits is the area of the registered word: the kernel changes the bit that
// was asked for and leaves the rest to the program.
package main

import (
	"fmt"
	"maps"
	"math/bits"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"uetest/internal/uapi"
	"uetest/selftests/kit"
)

func main() {
	kit.Main(kit.Tests{
		"bits/each-sets-alone":                 eachSetsAlone,
		"bits/each-clears-alone":               eachClearsAlone,
		"bits/neighbour-words-kept":            neighbourWordsKept,
		"bits/word-at-4-mod-8":                 wordAt4Mod8,
		"bits/first-word-of-page":              firstWordOfPage,
		"bits/two-events-in-one-word":          twoEventsInOneWord,
		"bits/two-bits-for-one-event":          twoBitsForOneEvent,
		"bits/same-place-twice":                samePlaceTwice,
		"bits/last-toggle-wins":                lastToggleWins,
		"bits/register-clears-shared-bit":      registerClearsSharedBit,
		"bits/register-clears-leftover":        registerClearsLeftover,
		"bits/register-keeps-others":           registerKeepsOthers,
		"bits/program-writes-are-kept":         programWritesAreKept,
		"bits/program-clears-its-bit":          programClearsItsBit,
		"bits/concurrent-adds-are-not-lost":    concurrentAdds,
		"bits/concurrent-updates-of-neighbour": concurrentNeighbour,
		"bits/concurrent-adds-eight-bytes":     concurrentEightBytes,
		"bits/each-of-64-sets-alone":           eachOf64(0),
		"bits/each-of-64-clears-alone":         eachOf64(^uint32(0)),
		"bits/eight-bytes-neighbours-kept":     eightBytesNeighboursKept,
		"bits/one-bit-two-sizes":               oneBitTwoSizes,
		"bits/same-bit-of-memory":              sameBitOfMemory,
		"bits/three-ways-to-name-a-place":      threeWays,
		"bits/struct-of-g3":                    structOfG3,
	})
}

// all is the number of bits of a word.
const all = 32

// list shows the numbers of the bits that went wrong.
func list(bits []int) string {
	if len(bits) == 0 {
		return "none"
	}
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(bits), " ", ","), "[]")
}

// each registers one event at every bit from 0 to 31, each in a word of its
// own that is filled beforehand, and compares whole words after each step. It
// returns the bits whose word is not as wanted.
func each(t *kit.T, fill uint32, off, on func(bit uint32) uint32) (registered, enabled, disabled []int) {
	d, ev, page := t.Open(), t.Event("u32 count"), t.Anonymous(1).Touch()
	word := func(n int) kit.Word { return page.Word(256 + 16*n) }
	wrong := func(want func(uint32) uint32) (bits []int) {
		for n := range all {
			if word(n).Load() != want(1<<n) {
				bits = append(bits, n)
			}
		}
		return bits
	}
	for n := range all {
		word(n).Store(fill)
		d.Register(ev, word(n).Bit(n))
	}
	registered = wrong(off)
	ev.On()
	enabled = wrong(on)
	ev.Off()
	return registered, enabled, wrong(off)
}

func eachSetsAlone(t *kit.T) {
	registered, on, off := each(t, 0,
		func(uint32) uint32 { return 0 },
		func(bit uint32) uint32 { return bit })
	t.Saw("wrong-registered", list(registered))
	t.Saw("wrong-on", list(on))
	t.Saw("wrong-off", list(off))
}

func eachClearsAlone(t *kit.T) {
	const ones = ^uint32(0)
	registered, on, off := each(t, ones,
		func(bit uint32) uint32 { return ones &^ bit },
		func(uint32) uint32 { return ones })
	t.Saw("wrong-registered", list(registered))
	t.Saw("wrong-on", list(on))
	t.Saw("wrong-off", list(off))
}

// surrounded has the kernel set and clear every bit of w, by registering it
// while an event is on and while it is off, and returns the bits at which
// another byte of the memory changed. The memory is zeroes, then ones.
func surrounded(t *kit.T, mem *kit.Mem, w kit.Word) (wrong []int) {
	own := int(w.Addr() - mem.Addr(0))
	d, ev := t.Open(), t.Event("u32 count")
	d.Register(ev, t.Word().Bit(0))
	bad := map[int]bool{}
	registerAll := func() {
		for n := range all {
			for _, fill := range []byte{0, 0xff} {
				b := mem.Bytes()
				for i := range b {
					b[i] = fill
				}
				r := d.Register(ev, w.Bit(n))
				if t.PlacesOutliveFiles() { // and can't be registered twice
					t.Check(d.Unreg(r))
				}
				for i := range b {
					if b[i] != fill && (i < own || i >= own+4) {
						bad[n] = true
					}
				}
			}
		}
	}
	registerAll()
	ev.On()
	registerAll()
	return slices.Sorted(maps.Keys(bad))
}

func neighbourWordsKept(t *kit.T) {
	page := t.Anonymous(1).Touch()
	t.Saw("changed", list(surrounded(t, page, page.Word(1024))))
}

// A word at 4 modulo 8 is one where an access of eight bytes is not aligned.
func wordAt4Mod8(t *kit.T) {
	page := t.Anonymous(1).Touch()
	t.Saw("changed", list(surrounded(t, page, page.Word(1028))))
}

// The page before the word's own is filled as well and has to stay.
func firstWordOfPage(t *kit.T) {
	pages := t.Anonymous(2).Touch()
	t.Saw("changed", list(surrounded(t, pages, pages.Word(len(pages.Bytes())/2))))
}

func twoEventsInOneWord(t *kit.T) {
	d, w := t.Open(), t.Word()
	low, high := t.Event("u32 count"), t.Event("u32 count")
	d.Register(low, w.Bit(3))
	d.Register(high, w.Bit(17))
	low.On()
	t.Saw("low", w.Load())
	high.On()
	t.Saw("both", w.Load())
	low.Off()
	t.Saw("high", w.Load())
	high.Off()
	t.Saw("none", w.Load())
}

func twoBitsForOneEvent(t *kit.T) {
	d, w, ev := t.Open(), t.Word(), t.Event("u32 count")
	r, s := d.Register(ev, w.Bit(0)), d.Register(ev, w.Bit(31))
	t.Saw("same-index", r.Index == s.Index)
	ev.On()
	t.Saw("on", w.Load())
	ev.Off()
	t.Saw("off", w.Load())
}

func samePlaceTwice(t *kit.T) {
	d, w, ev := t.Open(), t.Word(), t.Event("u32 count")
	d.Register(ev, w.Bit(5))
	_, err := d.TryRegister(ev, w.Bit(5))
	t.Saw("second", err)
	ev.On()
	t.Saw("on", w.Load())
	ev.Off()
	t.Saw("off", w.Load())
}

func lastToggleWins(t *kit.T) {
	d, w := t.Open(), t.Word()
	ev, other := t.Event("u32 count"), t.Event("u32 count")
	d.Register(ev, w.Bit(9))
	d.Register(other, t.Word().Bit(0)) // so that it is there whatever the next says
	_, err := d.TryRegister(other, w.Bit(9))
	t.Saw("second", err)
	ev.On()
	other.On()
	t.Saw("both-on", w.Load())
	other.Off()
	t.Saw("one-on", w.Load())
}

func registerClearsSharedBit(t *kit.T) {
	d, w := t.Open(), t.Word()
	ev, other := t.Event("u32 count"), t.Event("u32 count")
	d.Register(ev, w.Bit(9))
	ev.On()
	t.Saw("on", w.Load())
	_, err := d.TryRegister(other, w.Bit(9))
	t.Saw("second", err)
	t.Saw("still-on", w.Load())
}

// The word says what the kernel knows from the moment it is registered, so a
// bit that the program left set goes.
func registerClearsLeftover(t *kit.T) {
	w := t.Word()
	w.Store(1 << 6)
	t.Open().Register(t.Event("u32 count"), w.Bit(6))
	t.Saw("registered", w.Load())
}

func registerKeepsOthers(t *kit.T) {
	d, w, ev := t.Open(), t.Word(), t.Event("u32 count")
	d.Register(ev, t.Word().Bit(0))
	ev.On()
	w.Store(0x12345600)
	d.Register(ev, w.Bit(0))
	t.Saw("while-on", w.Load())
}

func programWritesAreKept(t *kit.T) {
	w, ev := t.Word(), t.Event("u32 count")
	t.Open().Register(ev, w.Bit(31))
	w.Or(0x0f)
	ev.On()
	w.Or(0xf0)
	t.Saw("on", w.Load())
	ev.Off()
	t.Saw("off", w.Load())
}

// The kernel writes at a toggle and at no other time: not when another event
// is toggled and not when the same one is enabled for the second time.
func programClearsItsBit(t *kit.T) {
	d, w := t.Open(), t.Word()
	ev, other := t.Event("u32 count"), t.Event("u32 count")
	d.Register(ev, w.Bit(2))
	d.Register(other, w.Bit(3))
	ev.On()
	w.Store(0)
	other.On()
	other.Off()
	ev.On()
	t.Saw("cleared", w.Load())
	ev.Off()
	ev.On()
	t.Saw("next-toggle", w.Load())
}

// Both below race a program that adds against a kernel that toggles. One
// event is registered at the place often, so that each toggle is as many
// writes in a row: under emulation a toggle takes milliseconds, a write well
// under one microsecond.
//
// What counts is writes during which the program ran as well, which on a busy
// host is a small part of them. So steps, single places at the bits of another word
// between the many, show the program how far the kernel is: if it has got one
// or two steps further during a burst of adds, both ran. Measured on the RFC
// with __set_bit and __clear_bit for the atomic ones, two CPUs, TCG: of 50 races
// on a host with twice the load it can bear the 47 with 20,500 such writes and
// more all lost adds, the 3 with 250 to 11,250 none; 28 reached the target, in
// some 0.4 s, and lost thousands. On one CPU nothing can be lost.
const (
	writes = 8000        // a toggle
	stride = writes / 32 // between two steps
	target = 60_000      // writes while the program adds
	burst  = 512         // adds between two looks
	limit  = 8 * time.Second
)

// race adds to the word counter on a thread of its own while an event that is
// registered at bit is toggled, and returns how often it added.
func race(t *kit.T, at kit.Bit, counter kit.Word) (added uint32) {
	d, ev, args, steps := t.Open(), t.Event("u32 count"), t.Anonymous(1), t.Word()
	desc := args.PutString(256, ev.Desc)
	register := func(at kit.Bit) {
		_, err := d.RegAt(args, 0, uapi.Reg{
			NameArgs: desc, EnableSize: 4, EnableBit: uint8(at.N), EnableAddr: at.Word.Addr(),
		})
		t.Check(err)
	}
	for i := range writes {
		register(at)
		if i%stride == 0 {
			register(steps.Bit(i / stride))
		}
	}
	var stop atomic.Bool
	var together atomic.Int32
	var wg sync.WaitGroup
	started := make(chan struct{})
	wg.Go(func() {
		last := steps.Load()
		for first := true; !stop.Load(); first = false {
			for range burst {
				counter.Add(1)
			}
			added += burst
			now := steps.Load()
			if n := bits.OnesCount32(now ^ last); n == 1 || n == 2 {
				together.Add(int32(n * stride))
			}
			last = now
			if first {
				close(started)
			}
		}
	})
	<-started
	toggles := 0
	for begin := time.Now(); together.Load() < target && time.Since(begin) < limit; toggles++ {
		ev.On()
		ev.Off()
	}
	stop.Store(true)
	wg.Wait()
	t.Logf("%d adds during %d writes of %d, on %d CPUs", added, together.Load(), 2*toggles*writes, runtime.NumCPU())
	return added
}

// The program counts in bits 0 to 30 while the kernel sets and clears bit 31.
func concurrentAdds(t *kit.T) {
	w := t.Word()
	added := race(t, w.Bit(31), w)
	t.Saw("lost", int(added&(1<<31-1))-int(w.Load()))
}

// The program counts in the word behind, which an access of eight bytes by the
// kernel covers.
func concurrentNeighbour(t *kit.T) {
	w := t.Word()
	added := race(t, w.Bit(31), w.Next(1))
	t.Saw("lost", int(added)-int(w.Next(1).Load()))
}

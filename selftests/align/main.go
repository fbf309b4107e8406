// Align is the area of the address that is registered: which ones the kernel
// takes, and what it does with one that can't be written.
package main

import (
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"uetest/internal/uapi"
	"uetest/selftests/kit"
)

func main() {
	kit.Main(kit.Tests{
		"align/plus-one":                 plus(1),
		"align/plus-two":                 plus(2),
		"align/plus-three":               plus(3),
		"align/every-word-of-a-line":     everyWordOfALine,
		"align/straddles-two-pages":      straddlesTwoPages,
		"align/kernel-address":           kernelAddress,
		"align/kernel-address-unaligned": kernelAddressUnaligned,
		"align/address-zero":             addressZero,
		"align/user-limit":               userLimit,
		"align/refused-makes-no-event":   refusedMakesNoEvent,
		"align/words-of-eight-bytes":     wordsOfEightBytes,
		"align/end-of-page-eight-bytes":  endOfPageEightBytes,
	})
}

// register registers ev at an address, bit 0.
func register(t *kit.T, ev *kit.Event, address uint64) error {
	_, err := t.Open().Reg(ev.Desc, uapi.Reg{EnableAddr: address, EnableSize: 4})
	return err
}

// plus registers an address that is off by some bytes, and looks whether the
// kernel wrote there all the same: REG clears the bit of a disabled event.
func plus(off int) func(*kit.T) {
	return func(t *kit.T) {
		page := t.Anonymous(1).Touch()
		for i := range page.Bytes() {
			page.Bytes()[i] = 0xff
		}
		t.Saw("reg", register(t, t.Event("u32 count"), page.Addr(64+off)))
		t.Saw("written", slices.ContainsFunc(page.Bytes(), func(b byte) bool { return b != 0xff }))
	}
}

func everyWordOfALine(t *kit.T) {
	page := t.Anonymous(1).Touch()
	d, ev := t.Open(), t.Event("u32 count")
	refused := 0
	for off := 64; off < 128; off += 4 {
		if _, err := d.TryRegister(ev, page.Word(off).Bit(1)); err != nil {
			refused++
		}
	}
	t.Saw("refused", refused)
	ev.On()
	set := 0
	for off := 64; off < 128; off += 4 {
		if page.Word(off).Load() == 1<<1 {
			set++
		}
	}
	t.Saw("set", set)
}

// The rule exists so that a word can't lie in two pages.
func straddlesTwoPages(t *kit.T) {
	pages := t.Anonymous(2).Touch()
	t.Saw("reg", register(t, t.Event("u32 count"), pages.Addr(os.Getpagesize()-2)))
}

// kernelHalf is an address that belongs to the kernel, aligned, on every
// machine whose pointers have 64 bits; with 32 bits the last page does.
func kernelHalf() uint64 {
	high := ^uintptr(0)
	return uint64(high &^ 0xfff)
}

func kernelAddress(t *kit.T) {
	t.Saw("reg", register(t, t.Event("u32 count"), kernelHalf()))
}

// Alignment is checked before access.
func kernelAddressUnaligned(t *kit.T) {
	t.Saw("reg", register(t, t.Event("u32 count"), kernelHalf()+2))
}

func addressZero(t *kit.T) {
	log, ev := t.KernelLog(), t.Event("u32 count")
	t.Saw("reg", register(t, ev, 0))
	t.Saw("lines", log.Failures())
	ev.On()
	t.Saw("on-lines", log.Failures())
	ev.Off()
	t.Saw("off-lines", log.Failures())
}

// taskSizeMax is TASK_SIZE_MAX.
func taskSizeMax(t *kit.T) uint64 {
	cpuinfo, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		t.Fatalf("%v", err)
	}
	says := func(word string) bool { return strings.Contains(string(cpuinfo), word) }
	switch {
	case runtime.GOARCH == "amd64" && says(" la57"): // arch/x86/include/asm/page_64_types.h
		return 1<<56 - uint64(os.Getpagesize())
	case runtime.GOARCH == "amd64":
		return 1<<47 - uint64(os.Getpagesize())
	case runtime.GOARCH == "arm64": // CONFIG_ARM64_VA_BITS_48
		return 1 << 48
	case runtime.GOARCH == "riscv64" && says("sv57"): // arch/riscv/include/asm/pgtable.h
		return 1 << 56
	case runtime.GOARCH == "riscv64" && says("sv48"):
		return 1 << 47
	case runtime.GOARCH == "riscv64" && says("sv39"):
		return 1 << 38
	}
	t.Fatalf("the limit of %s is not known here", runtime.GOARCH)
	return 0
}

// userLimit registers the last word below TASK_SIZE_MAX and the first behind
// it.
func userLimit(t *kit.T) {
	limit := taskSizeMax(t)
	t.Saw("last", register(t, t.Event("u32 count"), limit-4))
	t.Saw("behind", register(t, t.Event("u32 count"), limit))
}

func refusedMakesNoEvent(t *kit.T) {
	ev, page := t.Event("u32 count"), t.Anonymous(1).Touch()
	before := t.Status().Active
	t.Saw("reg", register(t, ev, page.Addr(66)))
	t.Saw("listed", ev.Exists())
	t.Saw("more", t.Status().Active-before)
}

// wordsOfEightBytes tries each address of two words of eight bytes.
func wordsOfEightBytes(t *kit.T) {
	d, ev, page := t.Open(), t.Event("u32 count"), t.Anonymous(1).Touch()
	var taken []string
	for off := range 16 {
		if _, err := d.Reg(ev.Desc, uapi.Reg{EnableAddr: page.Addr(64 + off), EnableSize: 8}); err == nil {
			taken = append(taken, strconv.Itoa(off))
		} else if err != unix.EINVAL {
			t.Fatalf("offset %d: %v", off, err)
		}
	}
	t.Saw("taken", strings.Join(taken, ","))
}

// The last eight bytes of a page are a word, and its last bit is the page's.
func endOfPageEightBytes(t *kit.T) {
	d, ev, pages := t.Open(), t.Event("u32 count"), t.Anonymous(2).Touch()
	end := os.Getpagesize()
	_, err := d.Reg(ev.Desc, uapi.Reg{EnableAddr: pages.Addr(end - 8), EnableBit: 63, EnableSize: 8})
	t.Saw("last", err)
	ev.On()
	t.Saw("low", pages.Word(end-8).Load())
	t.Saw("high", pages.Word(end-4).Load())
	t.Saw("next-page", pages.Word(end).Load())
	_, err = d.Reg(ev.Desc, uapi.Reg{EnableAddr: pages.Addr(end - 4), EnableSize: 8})
	t.Saw("straddles", err)
}

package main

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"uetest/internal/uapi"
	"uetest/selftests/kit"
)

// The fields that g3 put where g1 has its reserved bits: the size of the word,
// the number of a bit that may be as large as the word, the flags.

// taken registers with each value that a field can have, at an aligned word of
// its own each, and returns those that REG takes as ranges, "0-31,63". Another
// error than EINVAL is none of the field's.
func taken(t *kit.T, values int, with func(n int) uapi.Reg) string {
	d, ev, mem := t.Open(), t.Event("u32 count"), t.Anonymous(4).Touch()
	var ranges []string
	for n, from := 0, -1; n <= values; n++ {
		ok := false
		if n < values {
			r := with(n)
			r.EnableAddr = mem.Addr(16 * n)
			_, err := d.Reg(ev.Desc, r)
			if ok = err == nil; !ok && err != unix.EINVAL {
				t.Fatalf("value %d: %v", n, err)
			}
		}
		switch {
		case ok && from < 0:
			from = n
		case !ok && from == n-1 && n > 0:
			ranges, from = append(ranges, fmt.Sprint(from)), -1
		case !ok && from >= 0:
			ranges, from = append(ranges, fmt.Sprintf("%d-%d", from, n-1)), -1
		}
	}
	return or(ranges)
}

func enableSizes(t *kit.T) {
	t.Saw("taken", taken(t, 256, func(n int) uapi.Reg { return uapi.Reg{EnableSize: uint8(n)} }))
}

func enableBits(t *kit.T) {
	for _, size := range []uint8{4, 8} {
		t.Saw(fmt.Sprintf("of-%d-bytes", size), taken(t, 256, func(n int) uapi.Reg {
			return uapi.Reg{EnableSize: size, EnableBit: uint8(n)}
		}))
	}
}

// regFlags tries each flag alone. Those that are taken with another format or
// lifetime of the event get an event of their own.
func regFlags(t *kit.T) {
	d := t.Open()
	var ok []string
	for n := range 16 {
		_, err := d.Reg(t.Event("u32 count").Desc, uapi.Reg{EnableAddr: t.Word().Addr(), EnableSize: 4, Flags: 1 << n})
		if err == nil {
			ok = append(ok, fmt.Sprint(n))
		} else if err != unix.EINVAL {
			t.Fatalf("flag %d: %v", n, err)
		}
	}
	t.Saw("taken", strings.Join(ok, ","))
}

// orderOfNewChecks registers with two things wrong at a time, in the order in
// which user_reg_get and user_events_ioctl_reg of 6.12 look at them.
func orderOfNewChecks(t *kit.T) {
	d, ev, w := t.Open(), t.Event("u32 count"), t.Word()
	d.Register(ev, w.Bit(0))
	mem, kernel := t.Anonymous(1), uint64(^uintptr(0)&^0xfff)
	syntax := t.Event("long x").Desc
	try := func(name string, r uapi.Reg) error {
		if name != "" {
			r.NameArgs = mem.PutString(256, name)
		}
		_, err := d.RegAt(mem, 0, r)
		return err
	}
	t.Saw("bit-and-kernel", try(ev.Desc, uapi.Reg{EnableSize: 4, EnableBit: 32, EnableAddr: kernel}))
	t.Saw("kernel-and-name", try("", uapi.Reg{EnableSize: 4, EnableAddr: kernel}))
	t.Saw("place-and-name", try("", uapi.Reg{EnableSize: 4, EnableAddr: w.Addr()}))
	t.Saw("place-and-syntax", try(syntax, uapi.Reg{EnableSize: 4, EnableAddr: w.Addr()}))
	t.Saw("syntax-and-unwritable", try(syntax, uapi.Reg{EnableSize: 4}))
	t.Saw("fields-and-unwritable", try(ev.Name+" u8 other", uapi.Reg{EnableSize: 4}))
	t.Saw("unwritable-place-twice", try(ev.Desc, uapi.Reg{EnableSize: 4}))
}

// unwritable registers where the kernel can't write although the address is the
// program's: the event is made and held by the descriptor all the same.
func unwritable(t *kit.T) {
	d, ev, before := t.Open(), t.Event("u32 count"), t.Status().Active
	mem := t.Anonymous(1).Touch()
	mem.Protect(unix.PROT_READ)
	_, err := d.TryRegister(ev, mem.Word(256).Bit(0))
	t.Saw("reg", err)
	t.Saw("more", t.Status().Active-before)
	const first = 0 // index of the descriptor
	ev.On()
	n, err := d.Write(first, make([]byte, 4))
	t.Saw("write", kit.Result(n, err))
	mem.Protect(unix.PROT_READ | unix.PROT_WRITE)
	_, err = d.TryRegister(ev, mem.Word(256).Bit(0))
	t.Saw("writable", err)
	t.Saw("on", int(mem.Word(256).Load()))
}

// maxEvents lowers the number of events that there may be to what there are and
// one more.
func maxEvents(t *kit.T) {
	const file = "/proc/sys/kernel/user_events_max"
	d, ev := t.Open(), t.Event("u32 count")
	d.Register(ev, t.Word().Bit(0))
	t.Saw("max", strings.TrimSpace(readProc(t, file)))
	setMax(t, file, t.Status().Active+1)
	last, over := t.Event("u32 count"), t.Event("u32 count")
	_, err := d.TryRegister(last, t.Word().Bit(0))
	t.Saw("last", err)
	_, err = d.TryRegister(over, t.Word().Bit(0))
	t.Saw("over", err)
	t.Saw("over-listed", over.Exists())
	t.Saw("by-dynamic-events", kit.TryAppendFile("dynamic_events", "u:"+over.Desc))
	setMax(t, file, 1)
	_, err = d.TryRegister(ev, t.Word().Bit(0))
	t.Saw("one-that-is-there", err)
	setMax(t, file, t.Status().Active+1)
	_, err = d.TryRegister(over, t.Word().Bit(0))
	t.Saw("raised", err)
}

func readProc(t *kit.T, file string) string {
	b, err := os.ReadFile(file)
	t.Check(err)
	return string(b)
}

// setMax sets the limit; the test's end puts back what was there before.
func setMax(t *kit.T, file string, n int) {
	old := readProc(t, file)
	t.Check(os.WriteFile(file, []byte(fmt.Sprint(n)), 0))
	t.Cleanup(func() { t.Check(os.WriteFile(file, []byte(old), 0)) })
}

package main

import (
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"uetest/internal/uapi"
	"uetest/selftests/kit"
)

func unregNull(t *kit.T) { t.Saw("unreg", t.Open().Ioctl(uapi.IocUnreg, nil)) }

// of is what UNREG takes for a registration.
func of(r *kit.Registration) uapi.Unreg {
	return uapi.Unreg{DisableBit: uint8(r.At.N), DisableAddr: r.At.Word.Addr()}
}

// sized takes a place back with a struct of a size in a page that is filled
// behind it.
func sized(t *kit.T, size uint32, fill byte) error {
	d, _, r := registered(t)
	mem := t.Anonymous(2)
	tail := mem.Bytes()[uapi.UnregSize:]
	for i := range tail {
		tail[i] = fill
	}
	u := of(r)
	if u.Size = size; size != 0 {
		return d.UnregWith(mem, 0, u)
	}
	u.Put(mem.Bytes()) // which takes 0 for the right size
	clear(mem.Bytes()[:4])
	return d.Ioctl(uapi.IocUnreg, mem.Pointer(0))
}

func sizes(t *kit.T) {
	for _, size := range []int{0, 15, 16, 64, 4096, 4097} {
		t.Saw(strconv.Itoa(size), sized(t, uint32(size), 0))
	}
}

// tailNotZero has what this kernel can't know set. The kernel looks at the
// reserved fields of its copy although it made none (user_unreg_get), so what
// it finds there is left over from before: EINVAL, or E2BIG all the same.
func tailNotZero(t *kit.T) {
	err := sized(t, 64, 1)
	t.Saw("refused", err == unix.E2BIG || err == unix.EINVAL)
}

// The size can be read, the rest lies in a page that can't.
func unreadableTail(t *kit.T) {
	mem, page := t.Anonymous(2).Touch(), os.Getpagesize()
	at := page - 4
	mem.Bytes()[at] = byte(uapi.UnregSize)
	t.Check(unix.Mprotect(mem.Bytes()[page:], unix.PROT_NONE))
	t.Saw("unreg", t.Open().Ioctl(uapi.IocUnreg, mem.Pointer(at)))
}

// reservedFields sets each bit that is reserved, one at a time, and then looks
// whether the place is still there.
func reservedFields(t *kit.T) {
	d, ev, r := registered(t)
	mem := t.Anonymous(1)
	refusals := map[string]int{}
	try := func(u uapi.Unreg) {
		name, err := kit.Value(d.UnregWith(mem, 0, u))
		t.Check(err)
		refusals[name]++
	}
	for n := range 8 {
		u := of(r)
		u.Reserved = 1 << n
		try(u)
	}
	for n := range 16 {
		u := of(r)
		u.Reserved2 = 1 << n
		try(u)
	}
	var shown []string
	for name, n := range refusals {
		shown = append(shown, name+":"+strconv.Itoa(n))
	}
	slices.Sort(shown)
	t.Saw("unreg", strings.Join(shown, ","))
	ev.On()
	t.Saw("on", r.Enabled())
}

// nothingRegistered asks in a process that has no enablers at all.
func nothingRegistered(t *kit.T) {
	t.Saw("unreg", t.Open().UnregAt(t.Word().Addr(), 0))
}

// otherPlace asks for the neighbours of a place, and for none at all.
func otherPlace(t *kit.T) {
	d, ev, r := registered(t)
	w := r.At.Word
	t.Saw("bit-before", d.UnregAt(w.Addr(), r.At.N-1))
	t.Saw("bit-behind", d.UnregAt(w.Addr(), r.At.N+1))
	t.Saw("word-behind", d.UnregAt(w.Next(1).Addr(), r.At.N))
	t.Saw("bit-32-more", d.UnregAt(w.Next(-1).Addr(), r.At.N+32)) // the same bit of memory
	t.Saw("bit-64-more", d.UnregAt(w.Addr(), r.At.N+64))
	t.Saw("zero", d.UnregAt(0, 0))
	ev.On()
	t.Saw("on", r.Enabled())
}

func twice(t *kit.T) {
	d, _, r := registered(t)
	t.Saw("first", d.Unreg(r))
	t.Saw("second", d.Unreg(r))
}

// The number that a 32-bit program computes is none of the kernel's.
func commandOf32Bits(t *kit.T) {
	d, _, r := registered(t)
	mem := t.Anonymous(1)
	of(r).Put(mem.Bytes())
	t.Saw("unreg", d.Ioctl(uapi.IOW('*', 2, 4), mem.Pointer(0)))
	t.Saw("on-status", uapi.Ioctl(t.OpenStatus(unix.O_RDWR), uapi.IocUnreg, mem.Pointer(0)))
}

func readOnlyFile(t *kit.T) {
	_, _, r := registered(t)
	t.Saw("unreg", t.OpenWith(unix.O_RDONLY).Unreg(r))
}

// orderOfChecks has two things wrong at a time.
func orderOfChecks(t *kit.T) {
	d, mem := t.Open(), t.Anonymous(4)
	try := func(u uapi.Unreg) error {
		if u.Size > uint32(uapi.UnregSize) {
			clear(mem.Bytes())
		}
		return d.UnregWith(mem, 0, u)
	}
	t.Saw("size-and-reserved", try(uapi.Unreg{Size: 4097, Reserved: 1}))
	t.Saw("short-and-reserved", try(uapi.Unreg{Size: 15, Reserved: 1}))
	t.Saw("reserved-and-unknown", try(uapi.Unreg{Reserved2: 1}))
}

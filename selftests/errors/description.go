package main

import (
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"uetest/internal/uapi"
	"uetest/selftests/kit"
)

// named registers with the description at an address.
func named(t *kit.T, address uint64) error {
	_, r := good(t)
	r.NameArgs = address
	_, err := t.Open().RegAt(t.Anonymous(1), 0, r)
	return err
}

// try registers a description.
func try(t *kit.T, ev *kit.Event) error {
	_, r := good(t)
	_, err := t.Open().Reg(ev.Desc, r)
	return err
}

func nameNull(t *kit.T) { t.Saw("reg", named(t, 0)) }

func nameUnmapped(t *kit.T) {
	mem := t.Anonymous(1)
	mem.Protect(unix.PROT_NONE)
	t.Saw("reg", named(t, mem.Addr(0)))
}

func nameRunsOffThePage(t *kit.T) {
	mem, page := t.Anonymous(2).Touch(), os.Getpagesize()
	copy(mem.Bytes()[page-4:], "name")
	t.Check(unix.Mprotect(mem.Bytes()[page:], unix.PROT_NONE))
	t.Saw("reg", named(t, mem.Addr(page-4)))
}

// description registers one of the given length without its zero; the limit
// of 512 (MAX_EVENT_DESC) counts the zero.
func description(length int) func(*kit.T) {
	return func(t *kit.T) {
		ev := t.Event("u8 ")
		ev.Desc += strings.Repeat("f", length-len(ev.Desc))
		t.Saw("reg", try(t, ev))
		t.Saw("listed", ev.Exists())
	}
}

func nameEmpty(t *kit.T) {
	ev := t.EventOf("", "")
	t.Saw("reg", try(t, ev))
	t.Saw("listed", ev.Exists())
}

func nameWithSlash(t *kit.T) {
	ev := t.Event("")
	ev.Name += "/b"
	ev.Desc = ev.Name
	t.Saw("reg", try(t, ev))
	t.Saw("listed", ev.Exists())
}

// A flag that nobody knows is cut off the name and forgotten.
func nameWithFlag(t *kit.T) {
	ev := t.Event("")
	ev.Desc += ":FLAG u32 count"
	t.Saw("reg", try(t, ev))
	t.Saw("listed", ev.Exists())
}

// accepted returns the names, underscores for blanks, of the field lists that
// REG takes, or of those that it refuses with another error than EINVAL.
func accepted(t *kit.T, fields []string) (taken, odd string) {
	var ok, other []string
	for _, f := range fields {
		show := strings.ReplaceAll(strings.ReplaceAll(f, " ", "_"), "=", "_")
		switch err := try(t, t.Event(f)); err {
		case nil:
			ok = append(ok, show)
		case unix.EINVAL:
		default:
			other = append(other, show)
		}
	}
	return or(ok), or(other)
}

func or(list []string) string {
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(list, ",")
}

// typesAccepted registers each type that user_field_size knows.
func typesAccepted(t *kit.T) {
	types := []string{
		"s64", "u64", "s32", "u32", "int", "unsigned int", "s16", "u16", "short", "unsigned short",
		"s8", "u8", "char", "unsigned char", "char[1]", "char[1024]", "unsigned char[20]",
		"__data_loc char[]", "__data_loc unsigned char[]", "__rel_loc char[]", "__rel_loc unsigned char[]",
	}
	var refused []string
	for _, typ := range types {
		if err := try(t, t.Event(typ+" f")); err != nil {
			refused = append(refused, strings.ReplaceAll(typ, " ", "_"))
		}
	}
	if err := try(t, t.Event("struct any f 64")); err != nil {
		refused = append(refused, "struct")
	}
	t.Saw("refused", or(refused))
}

func typesRefused(t *kit.T) {
	ok, odd := accepted(t, []string{
		"long f", "unsigned long f", "s128 f", "float f", "u32[4] f", "int[2] f", "unsigned f",
		"char[0] f", "char[1025] f", "char[ f", "char[x] f", "char[-1] f", "char* f",
		"struct any f", "struct any f 0", "struct any f x", "bool f",
	})
	t.Saw("accepted", ok)
	t.Saw("other-errors", odd)
}

func fieldsRefused(t *kit.T) {
	ok, odd := accepted(t, []string{
		"u32", "u32 a b", "u32 a 4", "u32 a; u32", "a", "u32  a", "unsigned int", "struct s", "u32 a, u32 b",
	})
	t.Saw("accepted", ok)
	t.Saw("other-errors", odd)
}

func trailingSemicolon(t *kit.T) {
	ev := t.Event("u32 a;")
	t.Saw("reg", try(t, ev))
	t.Saw("listed", ev.Exists())
}

func refusedMakesNoEvent(t *kit.T) {
	ev, before := t.Event("u32 a; long b"), t.Status().Active
	t.Saw("reg", try(t, ev))
	t.Saw("listed", ev.Exists())
	t.Saw("more", t.Status().Active-before)
	_, err := os.Stat(kit.Tracefs + "/" + ev.Path(""))
	t.Saw("folder", err == nil)
}

// A refused registration takes no index on the descriptor and no place in any
// table: the same name then works.
func refusedCanBeCorrected(t *kit.T) {
	d, ev, w := t.Open(), t.Event("long a"), t.Word()
	_, err := d.TryRegister(ev, w.Bit(0))
	t.Saw("refused", err)
	ev.Desc = ev.Name + " u32 a"
	r, err := d.TryRegister(ev, w.Bit(0))
	t.Saw("corrected", err)
	t.Saw("index", r.Index)
	ev.On()
	t.Saw("on", r.Enabled())
}

func delNull(t *kit.T) { t.Saw("del", t.Open().Ioctl(uapi.IocDel, nil)) }

func delUnknown(t *kit.T) {
	ev := t.Event("u32 count")
	t.Saw("del", t.Open().Delete(ev.Name))
}

func del512(t *kit.T) {
	d := t.Open()
	t.Saw("511", d.Delete(strings.Repeat("n", 511)))
	t.Saw("512", d.Delete(strings.Repeat("n", 512)))
}

// DEL takes the name alone: a description names another event.
func delWantsNoArgs(t *kit.T) {
	ev := t.Event("u32 count")
	t.AppendFile("dynamic_events", "u:"+ev.Desc) // stays, on every generation
	d := t.Open()
	t.Saw("description", d.Delete(ev.Desc))
	t.Saw("name", d.Delete(ev.Name))
}

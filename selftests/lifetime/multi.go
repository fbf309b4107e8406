package main

import (
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"uetest/internal/uapi"
	"uetest/selftests/kit"
)

// With the flag MULTI_FORMAT one name stands for an event for each list of
// fields. Each has a name of its own in tracefs, NAME.N in the system
// user_events_multi, where N counts up for as long as the kernel runs.

// format registers the event with a list of fields as one format of several,
// and returns its index and the bit that tells it.
func format(t *kit.T, d *kit.Data, ev *kit.Event, fields string) (int, kit.Word) {
	w := t.Word()
	out, err := d.Reg(strings.TrimSpace(ev.Name+" "+fields), uapi.Reg{EnableAddr: w.Addr(), EnableSize: 4, Flags: uapi.RegMultiFormat})
	t.Check(err)
	return int(out.WriteIndex), w
}

// formats returns the names in tracefs of the event's formats, the oldest first,
// by the status file: a folder that is being removed is EINVAL to getdents(2).
func formats(t *kit.T, ev *kit.Event) []string {
	var names []string
	for name := range t.Status().Events {
		if strings.HasPrefix(name, ev.Name+".") {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, func(a, b string) int {
		if len(a) != len(b) {
			return len(a) - len(b)
		}
		return strings.Compare(a, b)
	})
	return names
}

// formatsOfOneName registers a name with two lists of fields, and one of them
// for the second time.
func formatsOfOneName(t *kit.T) {
	d, ev := t.Open(), t.Event("")
	first, _ := format(t, d, ev, "u32 count")
	second, _ := format(t, d, ev, "u8 a; u8 b")
	again, _ := format(t, d, ev, "u32 count")
	none, _ := format(t, d, ev, "")
	t.Saw("first", first)
	t.Saw("second", second)
	t.Saw("again", again)
	t.Saw("without-fields", none)
	t.Saw("formats", len(formats(t, ev)))
	t.Saw("single", ev.Exists())
}

// multiBesideSingle registers a name as one format of several and as the only
// one: two events that know nothing of each other.
func multiBesideSingle(t *kit.T) {
	d, ev := t.Open(), t.Event("u32 count")
	single := d.Register(ev, t.Word().Bit(0))
	multi, _ := format(t, d, ev, "u32 count")
	t.Saw("same-index", single.Index == multi)
	_, err := d.TryRegister(t.EventOf(ev.Name, ev.Name+" u8 a"), t.Word().Bit(0))
	t.Saw("single-other-fields", err)
	t.Saw("single", ev.Exists())
	t.Saw("formats", len(formats(t, ev)))
}

// formatsFollowAlone enables one format, then both by their system's file.
func formatsFollowAlone(t *kit.T) {
	d, ev := t.Open(), t.Event("")
	_, v := format(t, d, ev, "u32 count")
	_, w := format(t, d, ev, "u8 a")
	names := formats(t, ev)
	if len(names) != 2 {
		t.Fatalf("formats %q, not two", names)
	}
	enable := func(path, text string) { t.WriteFile("events/user_events_multi/"+path, text) }
	saw := func(key string) {
		t.Saw(key+"-first", int(v.Load()))
		t.Saw(key+"-second", int(w.Load()))
	}
	enable(names[1]+"/enable", "1")
	saw("one")
	enable("enable", "1")
	saw("system")
	enable("enable", "0")
	saw("off")
}

// deleteFormats asks to delete by the name that they were registered with. The
// kernel deletes the newest first and stops at one that is held.
func deleteFormats(t *kit.T) {
	d, e, ev := t.Open(), t.Open(), t.Event("")
	const flags = uapi.RegMultiFormat | uapi.RegPersist
	v, w := t.Word(), t.Word()
	for _, f := range []struct {
		file   *kit.Data
		at     kit.Word
		fields string
	}{{d, v, " u32 count"}, {e, w, " u8 a"}} {
		_, err := f.file.Reg(ev.Name+f.fields, uapi.Reg{EnableAddr: f.at.Addr(), EnableSize: 4, Flags: flags})
		t.Check(err)
	}
	names := formats(t, ev)
	t.Saw("formats", len(names))
	t.Saw("by-its-own-name", t.Open().Delete(names[0]))
	t.Check(e.UnregAt(w.Addr(), 0))
	e.Close()
	t.Settle()
	t.Saw("oldest-held", t.Open().Delete(ev.Name))
	t.Saw("held", len(formats(t, ev)))
	t.Check(d.UnregAt(v.Addr(), 0))
	d.Close()
	t.Saw("delete", t.Open().DeleteWhenFree(ev.Name))
	t.Saw("left", len(formats(t, ev)))
	t.Saw("again", t.Open().Delete(ev.Name))
}

// formatsGo has each format live as long as its own references.
func formatsGo(t *kit.T) {
	d, e, ev := t.Open(), t.Open(), t.Event("")
	_, v := format(t, d, ev, "u32 count")
	_, w := format(t, e, ev, "u8 a")
	t.Check(d.UnregAt(v.Addr(), 0))
	d.Close()
	t.Await(func() bool { return len(formats(t, ev)) == 1 })
	t.Saw("one-let-go", len(formats(t, ev)))
	t.Check(e.UnregAt(w.Addr(), 0))
	e.Close()
	t.Await(func() bool { return len(formats(t, ev)) == 0 })
	t.Saw("both", len(formats(t, ev)))
}

// How the formats are listed: the status file by their own names, dynamic_events
// by the one that they were registered with.
func formatsListed(t *kit.T) {
	d, ev := t.Open(), t.Event("")
	format(t, d, ev, "u32 count")
	name := formats(t, ev)[0]
	count := func(text, what string) (n int) {
		for _, l := range strings.Split(text, "\n") {
			if l == what {
				n++
			}
		}
		return n
	}
	status := t.ReadFile(uapi.StatusFile)
	t.Saw("status-own-name", count(status, name))
	t.Saw("status-name", count(status, ev.Name))
	t.Saw("dynamic-events", count(t.ReadFile("dynamic_events"), "u:"+ev.Name+" u32 count"))
	id, err := unix.Open(kit.Tracefs+"/events/user_events_multi/"+name+"/id", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	t.Saw("id-file", err)
	if err == nil {
		_ = unix.Close(id)
	}
}

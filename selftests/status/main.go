// Status is the area of the files that tell about events: the status file,
// what it counts and maps, and what tracefs lists.
package main

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"uetest/internal/uapi"
	"uetest/selftests/kit"
)

func main() {
	kit.Main(kit.Tests{
		"status/line-while-idle":     lineWhileIdle,
		"status/line-used-by-ftrace": lineUsedByFtrace,
		"status/line-used-by-perf":   lineUsedByPerf,
		"status/line-used-by-both":   lineUsedByBoth,
		"status/line-trigger":        lineTrigger,
		"status/footer":              footer,
		"status/counts":              counts,
		"status/deleted":             deleted,
		"status/modes":               modes,
		"status/write":               write,
		"status/seek":                seek,
		"status/fresh-on-each-open":  freshOnEachOpen,
		"status/dynamic-events":      dynamicEvents,
		"status/format":              format,

		"status/mmap-one-page":          mmap(1, unix.PROT_READ, unix.MAP_SHARED),
		"status/mmap-two-pages":         mmap(2, unix.PROT_READ, unix.MAP_SHARED),
		"status/mmap-private":           mmap(1, unix.PROT_READ, unix.MAP_PRIVATE),
		"status/mmap-data-file":         mmapDataFile,
		"status/page-bit-of-each-event": pageBitOfEachEvent,
		"status/page-changes-one-bit":   pageChangesOneBit,
		"status/page-bit-is-reused":     pageBitIsReused,
		"status/page-bit-survives":      pageBitSurvives,
		"status/index-is-the-page-bit":  indexIsThePageBit,
	})
}

// registered is an event registered at an ordinary place.
func registered(t *kit.T) (*kit.Event, *kit.Registration) {
	ev := t.Event("u32 count")
	return ev, t.Open().Register(ev, t.Word().Bit(0))
}

// line returns the event's line of the status file with NAME for its name and
// N for its index, and underscores for blanks.
func line(t *kit.T, ev *kit.Event) string {
	for _, l := range strings.Split(t.ReadFile(uapi.StatusFile), "\n") {
		before, after, ok := strings.Cut(l, ev.Name)
		if !ok || after != "" && after[0] != ' ' {
			continue
		}
		if n, ok := strings.CutSuffix(before, ":"); ok {
			if _, err := strconv.Atoi(n); err == nil {
				before = "N:"
			}
		}
		return strings.ReplaceAll(before+"NAME"+after, " ", "_")
	}
	return "none"
}

func lineWhileIdle(t *kit.T) {
	ev, _ := registered(t)
	t.Saw("line", line(t, ev))
	ev.On()
	ev.Off()
	t.Saw("again", line(t, ev))
}

func lineUsedByFtrace(t *kit.T) {
	ev, _ := registered(t)
	ev.On()
	t.Saw("line", line(t, ev))
}

func lineUsedByPerf(t *kit.T) {
	ev, _ := registered(t)
	t.PerfOpen(ev)
	t.Saw("line", line(t, ev))
}

func lineUsedByBoth(t *kit.T) {
	ev, _ := registered(t)
	t.PerfOpen(ev)
	ev.On()
	t.Saw("line", line(t, ev))
}

// A trigger makes ftrace use the event.
func lineTrigger(t *kit.T) {
	ev, _ := registered(t)
	t.WriteFile(ev.Path("trigger"), "traceon")
	t.Saw("line", line(t, ev))
	t.WriteFile(ev.Path("trigger"), "!traceon")
	t.Saw("removed", line(t, ev))
}

// footer shows the names behind the blank line, and the one number that is
// always the same.
func footer(t *kit.T) {
	registered(t)
	text := t.ReadFile(uapi.StatusFile)
	_, foot, ok := strings.Cut(text, "\n\n")
	t.Saw("blank-line", ok)
	var names []string
	for _, l := range strings.Split(foot, "\n") {
		name, n, _ := strings.Cut(l, ": ")
		if name == "Max" {
			name += ":" + n
		}
		names = append(names, name)
	}
	t.Saw("names", strings.Join(names, ","))
}

func counts(t *kit.T) {
	start := t.Status()
	saw := func(key string) {
		s := t.Status()
		t.Saw(key, strconv.Itoa(s.Active-start.Active)+"/"+strconv.Itoa(s.Busy-start.Busy))
	}
	d, ev, other := t.Open(), t.Event("u32 count"), t.Event("u32 count")
	d.Register(ev, t.Word().Bit(0))
	saw("registered")
	t.Open().Register(ev, t.Word().Bit(0))
	saw("registered-twice")
	d.Register(other, t.Word().Bit(0))
	saw("another")
	ev.On()
	saw("on")
	t.PerfOpen(ev)
	saw("perf-too")
	other.On()
	saw("both-on")
	ev.Off()
	other.Off()
	saw("perf-left")
}

func deleted(t *kit.T) {
	ev, other := t.Event("u32 count"), t.Event("u32 count")
	d, e := t.Open(), t.Open()
	r := d.Register(ev, t.Word().Bit(0))
	e.Register(other, t.Word().Bit(0))
	d.LetGo(r)
	if err := e.DeleteWhenFree(ev.Name); err != unix.ENOENT { // gone by itself
		t.Check(err)
	}
	t.Saw("deleted", line(t, ev))
	t.Saw("other", line(t, other) != "none")
}

func modes(t *kit.T) {
	for _, f := range []struct{ key, name string }{{"status", uapi.StatusFile}, {"data", uapi.DataFile}} {
		info, err := os.Stat(kit.Tracefs + "/" + f.name)
		t.Check(err)
		t.Saw(f.key, "0"+strconv.FormatUint(uint64(info.Mode().Perm()), 8))
	}
}

func write(t *kit.T) {
	t.Saw("write", kit.Result(unix.Write(t.OpenStatus(unix.O_RDWR), []byte{1, 2, 3, 4})))
}

func seek(t *kit.T) {
	fd := t.OpenStatus(unix.O_RDONLY)
	first := make([]byte, 4096)
	n, err := unix.Read(fd, first)
	t.Check(err)
	_, err = unix.Seek(fd, 0, unix.SEEK_SET)
	t.Saw("seek", err)
	again := make([]byte, 4096)
	m, err := unix.Read(fd, again)
	t.Check(err)
	t.Saw("same", string(first[:n]) == string(again[:m]))
}

func freshOnEachOpen(t *kit.T) {
	ev, _ := registered(t)
	fd := t.OpenStatus(unix.O_RDONLY)
	ev.On() // after open(2), before read(2)
	b := make([]byte, 4096)
	n, err := unix.Read(fd, b)
	t.Check(err)
	s, err := kit.ParseStatus(string(b[:n]))
	t.Check(err)
	t.Saw("used-by", s.Events[ev.Name].UsedBy)
}

// dynamicEvents shows the line of dynamic_events, underscores for blanks.
func dynamicEvents(t *kit.T) {
	ev := t.Event("u32 a; char[20] b; struct any c 64; __data_loc char[] d")
	t.Open().Register(ev, t.Word().Bit(0))
	shown := "none"
	for _, l := range strings.Split(t.ReadFile("dynamic_events"), "\n") {
		if strings.Contains(l, ev.Name) {
			shown = strings.ReplaceAll(strings.ReplaceAll(l, ev.Name, "NAME"), " ", "_")
		}
	}
	t.Saw("listed", shown)
}

// format shows the fields behind the common ones, and what they are printed
// with.
func format(t *kit.T) {
	ev := t.Event("u32 a; s64 b; unsigned char c")
	t.Open().Register(ev, t.Word().Bit(0))
	text := t.ReadFile(ev.Path("format"))
	tidy := strings.NewReplacer("field:", "", "offset:", "", "size:", "", "signed:", "", ";", "", "\t", ":", " ", "_", "=", "~")
	own := 0
	_, fields, _ := strings.Cut(text, "\n\n") // a blank line parts the common fields
	for _, l := range strings.Split(fields, "\n") {
		if l, ok := strings.CutPrefix(l, "\tfield:"); ok {
			own++
			t.Saw("field"+strconv.Itoa(own), tidy.Replace(l))
		}
		if l, ok := strings.CutPrefix(l, "print fmt: "); ok {
			t.Saw("print", tidy.Replace(l))
		}
	}
}

package main

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"uetest/internal/uapi"
	"uetest/selftests/kit"
)

// perf counts and samples what the program itself writes.
func perf(t *kit.T) {
	if t.Args() != nil {
		ev, r := received(t)
		p := t.PerfOpen(ev)
		p.Sample()
		t.Saw("open", r.Enabled())
		n, err := t.Inherit(t.File(0)).Write(r.Index, payload())
		t.Saw("write", kit.Result(n, err))
		t.Saw("count", p.Count())
		var samples []string
		for _, b := range p.Records() {
			samples = append(samples, string(b[:4]))
		}
		t.Saw("samples", strings.Join(append(samples, "."), ","))
		p.Close()
		t.Saw("closed", r.Enabled())
		return
	}
	fd := t.Memfd(1)
	d, ev := t.Open(), t.Event("u32 a")
	r := d.Register(ev, fileWord(t, fd).Bit(0))
	each(t, kit.Part{Args: handed(ev, r), Files: []int{d.FD, fd}})
}

// statusFile compares what both programs read, and what they map: where there
// is a status page it tells a 32-bit program too.
func statusFile(t *kit.T) {
	if args := t.Args(); args != nil {
		s := t.Status()
		line, ok := s.Events[args[1]]
		t.Saw("listed", ok)
		t.Saw("used-by", line.UsedBy)
		fd := t.OpenStatus(unix.O_RDWR)
		_, err := unix.Write(fd, []byte{0})
		t.Saw("write", err)
		t.Saw("ioctl", uapi.Ioctl(fd, uapi.IocReg, nil))
		page, err := unix.Mmap(fd, 0, os.Getpagesize(), unix.PROT_READ, unix.MAP_SHARED)
		if err != nil {
			t.Saw("page", err)
			return
		}
		bit := number(t, 2)
		t.Saw("page", int(page[bit>>3]>>(bit&7)&1))
		t.Check(unix.Munmap(page))
		return
	}
	_, ev, r := enabled(t, "u32 a", t.Word().Bit(0))
	each(t, kit.Part{Args: []string{"reader", ev.Name, strconv.Itoa(int(r.StatusBit))}})
}

// dynamicEvents is the one way for a 32-bit program to make an event. On g3 an
// event with fields is found by its fields as well as by its name.
func dynamicEvents(t *kit.T) {
	ev := t.Event("")
	t.Saw("make", kit.TryAppendFile("dynamic_events", "u:"+ev.Name))
	t.Saw("exists", ev.Exists())
	t.Saw("on", ev.SetEnable(true))
	t.Saw("busy", kit.TryAppendFile("dynamic_events", "-:user_events/"+ev.Name))
	t.Saw("off", ev.SetEnable(false))
	t.Saw("remove", kit.TryAppendFile("dynamic_events", "-:user_events/"+ev.Name))
	t.Saw("gone", !ev.Exists())
}

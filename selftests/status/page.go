package main

import (
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"uetest/selftests/kit"
)

// mapped maps pages of an open file and lets go of them again.
func mapped(fd, pages, prot, flags int) error {
	b, err := unix.Mmap(fd, 0, pages*os.Getpagesize(), prot, flags)
	if err != nil {
		return err
	}
	return unix.Munmap(b)
}

func mmap(pages, prot, flags int) func(*kit.T) {
	return func(t *kit.T) {
		t.Saw("mmap", mapped(t.OpenStatus(unix.O_RDWR), pages, prot, flags))
	}
}

func mmapDataFile(t *kit.T) {
	t.Saw("mmap", mapped(t.Open().FD, 1, unix.PROT_READ, unix.MAP_SHARED))
}

// page maps the status page.
func page(t *kit.T) []byte {
	return t.Map(t.OpenStatus(unix.O_RDWR), 1, unix.PROT_READ, unix.MAP_SHARED).Bytes()
}

// Bit 0 is kept for failures, so no event has it.
func pageBitOfEachEvent(t *kit.T) {
	d := t.Open()
	seen := map[uint32]bool{}
	for range 20 {
		seen[d.Register(t.Event(""), t.Word().Bit(0)).StatusBit] = true
	}
	t.Saw("different", len(seen))
	t.Saw("bit-0", seen[0])
	t.Saw("in-page", func() bool {
		for bit := range seen {
			if int(bit) >= 8*os.Getpagesize() {
				return false
			}
		}
		return true
	}())
}

// The whole page is compared before and while the event is on.
func pageChangesOneBit(t *kit.T) {
	ev, r := registered(t)
	p := page(t)
	before := string(p)
	ev.On()
	changed, own := 0, false
	for i := range p {
		if diff := p[i] ^ before[i]; diff != 0 {
			changed++
			own = i == int(r.StatusBit/8) && diff == 1<<(r.StatusBit%8)
		}
	}
	t.Saw("bytes", changed)
	t.Saw("own-bit", own)
	ev.Off()
	t.Saw("restored", string(p) == before)
}

func pageBitIsReused(t *kit.T) {
	d, ev, other := t.Open(), t.Event(""), t.Event("")
	e := t.Open()
	first := d.Register(ev, t.Word().Bit(0)).StatusBit
	d.Close()
	t.Check(e.Delete(ev.Name))
	t.Saw("reused", e.Register(other, t.Word().Bit(0)).StatusBit == first)
}

// The page belongs to the kernel: a mapping made by a descriptor that is
// closed goes on telling.
func pageBitSurvives(t *kit.T) {
	ev, r := registered(t)
	fd, err := unix.Open(kit.Tracefs+"/user_events_status", unix.O_RDWR|unix.O_CLOEXEC, 0)
	t.Check(err)
	m := t.Map(fd, 1, unix.PROT_READ, unix.MAP_SHARED)
	t.Check(unix.Close(fd))
	ev.On()
	t.Saw("on", m.Bytes()[r.StatusBit/8]&(1<<(r.StatusBit%8)) != 0)
}

func indexIsThePageBit(t *kit.T) {
	ev, r := registered(t)
	shown := t.Status().Events[ev.Name].Index
	t.Saw("same", shown == int(r.StatusBit))
	t.Saw("line", strings.HasPrefix(line(t, ev), "N:"))
}

package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"uetest/selftests/kit"
)

// wordBeforeAHole registers the last word of a page behind whose frame there is
// no memory: the catalogue's machine has a hole every few megabytes. set_bit
// and clear_bit access an unsigned long, here the word and four bytes that do
// not exist (user_event_enabler_write, blob 633f24c2a1ac). Upstream aligns the
// access down first (align_addr_bit).
func wordBeforeAHole(t *kit.T) {
	ends := endsOfMemory(t)
	mem, page := beforeAHole(t, ends)
	t.Saw("before-a-hole", mem != nil)
	if mem == nil {
		return
	}
	w := mem.Word((page+1)*os.Getpagesize() - 4)
	d, ev := t.Open(), t.Event("u32 count")
	r, err := d.TryRegister(ev, w.Bit(7))
	t.Saw("reg", err)
	ev.On()
	t.Saw("on", r.Enabled())
	ev.Off()
	t.Saw("off", r.Enabled())
}

// beforeAHole returns memory, and which of its pages lies in a frame that is
// the last one before a hole, or nil if the allocator gives none.
func beforeAHole(t *kit.T, ends map[uint64]bool) (*kit.Mem, int) {
	const chunk, most = 1024, 40 // pages at a time, and how often: 160 MiB
	pagemap, err := os.Open("/proc/self/pagemap")
	t.Check(err)
	defer func() { _ = pagemap.Close() }()
	entries := make([]byte, 8*chunk)
	for range most {
		mem := t.Map(-1, chunk, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_POPULATE)
		_, err := pagemap.ReadAt(entries, int64(mem.Addr(0))/int64(os.Getpagesize())*8)
		t.Check(err)
		for i := range chunk {
			// Bits 0 to 54 are the frame, which only root sees
			// (Documentation/admin-guide/mm/pagemap.rst).
			if ends[binary.NativeEndian.Uint64(entries[8*i:])&(1<<55-1)] {
				return mem, i
			}
		}
	}
	return nil, 0
}

// endsOfMemory returns the last frame of each range of memory.
func endsOfMemory(t *kit.T) map[uint64]bool {
	text, err := os.ReadFile("/proc/iomem")
	t.Check(err)
	ends := map[uint64]bool{}
	for line := range strings.Lines(string(text)) {
		var first, last uint64
		if !strings.HasSuffix(line, " : System RAM\n") {
			continue
		}
		if _, err := fmt.Sscanf(line, "%x-%x", &first, &last); err != nil {
			t.Fatalf("/proc/iomem: %q: %v", line, err)
		}
		ends[last/uint64(os.Getpagesize())] = true
	}
	t.Logf("%d ranges of memory", len(ends))
	return ends
}

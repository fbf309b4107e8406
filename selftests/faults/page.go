package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"uetest/internal/feature"
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
	for range most {
		mem := t.Map(-1, chunk, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_POPULATE)
		for i, frame := range frames(t, mem) {
			if ends[frame] {
				return mem, i
			}
		}
	}
	return nil, 0
}

// frames returns the numbers of the frames in which the pages lie: bits 0 to 54
// of an entry, for root alone (Documentation/admin-guide/mm/pagemap.rst).
func frames(t *kit.T, mem *kit.Mem) []uint64 {
	pagemap, err := os.Open("/proc/self/pagemap")
	if err != nil {
		t.Skip(feature.Pagemap)
	}
	defer func() { _ = pagemap.Close() }()
	page := os.Getpagesize()
	entries := make([]byte, 8*len(mem.Bytes())/page)
	_, err = pagemap.ReadAt(entries, int64(mem.Addr(0))/int64(page)*8)
	t.Check(err)
	numbers := make([]uint64, len(entries)/8)
	for i := range numbers {
		numbers[i] = binary.NativeEndian.Uint64(entries[8*i:]) & (1<<55 - 1)
	}
	return numbers
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

// wordsBeforeOwnPages registers the last word of every page of a huge page but
// the last, behind which lies memory of the program's own: what the access
// reaches is not harmed, since it is atomic.
func wordsBeforeOwnPages(t *kit.T) {
	page := os.Getpagesize()
	huge := hugePage(t)
	t.Saw("huge", inARow(t, huge))
	const behind = 0xa5c35a3c
	d, ev := t.Open(), t.Event("u32 count")
	var words []kit.Word
	for at := page; at < len(huge.Bytes()); at += 4 * page {
		w := huge.Word(at - 4)
		w.Next(1).Store(behind)
		d.Register(ev, w.Bit(31))
		words = append(words, w)
	}
	count := func(key string, want uint32) {
		right, kept := 0, 0
		for _, w := range words {
			if w.Load() == want {
				right++
			}
			if w.Next(1).Load() == behind {
				kept++
			}
		}
		t.Saw(key, right)
		t.Saw(key+"-kept", kept)
	}
	ev.On()
	count("on", 1<<31)
	ev.Off()
	count("off", 0)
}

// hugePage returns memory that fills a huge page, touched.
func hugePage(t *kit.T) *kit.Mem {
	const size = 2 << 20 // on amd64 and arm64 with pages of 4 KiB
	// A machine with less than 512 MiB has them off (hugepage_init, mm/huge_memory.c).
	const enabled = "/sys/kernel/mm/transparent_hugepage/enabled"
	was, err := os.ReadFile(enabled)
	if err != nil {
		t.Skip(feature.HugePages)
	}
	t.Check(os.WriteFile(enabled, []byte("madvise"), 0))
	if _, old, ok := strings.Cut(string(was), "["); ok {
		old, _, _ = strings.Cut(old, "]")
		t.Cleanup(func() { t.Check(os.WriteFile(enabled, []byte(old), 0)) })
	}
	mem := t.Anonymous(2 * size / os.Getpagesize())
	t.Check(unix.Madvise(mem.Bytes(), unix.MADV_HUGEPAGE))
	start := int(-mem.Addr(0) & (size - 1))
	return mem.Part(start, size).Touch()
}

// inARow reports whether the pages of memory lie behind each other.
func inARow(t *kit.T, mem *kit.Mem) bool {
	frames := frames(t, mem)
	for i := range frames {
		if frames[i] == 0 || frames[i] != frames[0]+uint64(i) {
			return false
		}
	}
	return true
}

package kit

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"uetest/internal/feature"
)

// At is memory that is mapped, or not, whatever the test does: the stack, the
// vDSO, a hole. Nothing of it is undone. Only a word's address may be used
// where nothing is mapped.
func (t *T) At(addr uint64, pages int) *Mem {
	// An address that the Go runtime did not give out: by way of memory, since
	// a conversion would be one that vet knows to be wrong.
	start := uintptr(addr)
	p := *(*unsafe.Pointer)(unsafe.Pointer(&start))
	return &Mem{t, unsafe.Slice((*byte)(p), pages*os.Getpagesize())}
}

// Wrap is memory that the program has anyway. Nothing of it is undone.
func (t *T) Wrap(b []byte) *Mem { return &Mem{t, b} }

// MapFile maps a file from an offset on, see Map.
func (t *T) MapFile(fd int, off int64, pages, prot, flags int) *Mem {
	b, err := unix.Mmap(fd, off, pages*os.Getpagesize(), prot, flags)
	if err != nil {
		t.Fatalf("mmap of %d pages from %d, prot %#x, flags %#x: %v", pages, off, prot, flags, err)
	}
	m := &Mem{t, b}
	t.later(undoMemory, m.unmap)
	return m
}

// Mapping returns where /proc/self/maps has the mapping of that name first:
// "[stack]", "[vdso]", a path.
func (t *T) Mapping(name string) (start, end uint64) {
	text, err := os.ReadFile("/proc/self/maps")
	t.Check(err)
	start, end, ok := findMapping(string(text), name)
	if !ok {
		t.Fatalf("/proc/self/maps has no %s", name)
	}
	return start, end
}

// findMapping finds "start-end perms offset dev inode   name" (proc(5)).
func findMapping(maps, name string) (start, end uint64, ok bool) {
	for line := range strings.Lines(maps) {
		f := strings.Fields(line)
		if len(f) < 6 || strings.Join(f[5:], " ") != name {
			continue
		}
		from, to, _ := strings.Cut(f[0], "-")
		start, err1 := strconv.ParseUint(from, 16, 64)
		end, err2 := strconv.ParseUint(to, 16, 64)
		return start, end, err1 == nil && err2 == nil
	}
	return 0, 0, false
}

// Advise is madvise(2) of the whole mapping.
func (m *Mem) Advise(advice int) {
	if err := unix.Madvise(m.b, advice); err != nil {
		m.t.Fatalf("madvise %d: %v", advice, err)
	}
}

// Lock is mlock(2), which brings every page in.
func (m *Mem) Lock() {
	if err := unix.Mlock(m.b); err != nil {
		m.t.Fatalf("mlock: %v", err)
	}
}

// Sync is msync(2) with MS_SYNC: what was written is in the file.
func (m *Mem) Sync() {
	if err := unix.Msync(m.b, unix.MS_SYNC); err != nil {
		m.t.Fatalf("msync: %v", err)
	}
}

// Replace maps something else at the same addresses, which unmaps what was
// there: mmap(2) with MAP_FIXED.
func (m *Mem) Replace(fd, prot, flags int) {
	if _, err := unix.MmapPtr(fd, 0, m.Pointer(0), uintptr(len(m.b)), prot, flags|unix.MAP_FIXED); err != nil {
		m.t.Fatalf("mmap in the place of another mapping: %v", err)
	}
}

// MoveTo moves the pages to where another mapping of the same size is, which
// is gone then: mremap(2). The old addresses are unmapped.
func (m *Mem) MoveTo(to *Mem) {
	size := uintptr(len(m.b))
	const mayMove, fixed = 1, 2
	_, _, errno := unix.Syscall6(unix.SYS_MREMAP, uintptr(m.Pointer(0)), size, size, mayMove|fixed, uintptr(to.Pointer(0)), 0)
	if errno != 0 {
		m.t.Fatalf("mremap: %v", errno)
	}
	m.b = nil // not mapped any more: nothing to undo
}

// Page is what /proc/self/pagemap tells of a page
// (Documentation/admin-guide/mm/pagemap.rst).
type Page struct {
	Present   bool
	Swapped   bool
	SoftDirty bool
	Frame     uint64 // the number of the page frame, if present
}

// Page looks at the page of a word, without touching it.
func (w Word) Page() Page {
	f, err := os.Open("/proc/self/pagemap")
	if errors.Is(err, os.ErrNotExist) {
		w.m.t.Skip(feature.Pagemap)
	}
	w.m.t.Check(err)
	defer func() { _ = f.Close() }() // read only
	var b [8]byte
	_, err = f.ReadAt(b[:], int64(w.Addr())/int64(os.Getpagesize())*8)
	w.m.t.Check(err)
	return parsePage(getWord64(b[:]))
}

func parsePage(entry uint64) Page {
	p := Page{Present: entry>>63&1 == 1, Swapped: entry>>62&1 == 1, SoftDirty: entry>>55&1 == 1}
	if p.Present {
		p.Frame = entry & (1<<55 - 1)
	}
	return p
}

package kit

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"

	"uetest/internal/feature"
	"uetest/internal/uapi"
)

// Mem is mapped memory. Words under test live here and never in the Go heap,
// whose pages the garbage collector and every other goroutine write.
type Mem struct {
	t *T
	b []byte
}

// Map maps memory that is unmapped at the end of the test: mmap(2) with prot
// and flags as there, length in pages. No page of it has been touched.
func (t *T) Map(fd, pages, prot, flags int) *Mem {
	b, err := unix.Mmap(fd, 0, pages*os.Getpagesize(), prot, flags)
	if err != nil {
		t.Fatalf("mmap of %d pages, prot %#x, flags %#x: %v", pages, prot, flags, err)
	}
	m := &Mem{t, b}
	t.later(undoMemory, m.unmap)
	return m
}

// MapAt is Map at an address, where nothing may be mapped yet. It returns
// nothing mapped elsewhere (MAP_FIXED_NOREPLACE).
func (t *T) MapAt(addr uint64, fd, pages, prot, flags int) *Mem {
	size := pages * os.Getpagesize()
	var at unsafe.Pointer
	*(*uintptr)(unsafe.Pointer(&at)) = uintptr(addr) // of no Go object
	p, err := unix.MmapPtr(fd, 0, at, uintptr(size), prot, flags|unix.MAP_FIXED_NOREPLACE)
	if err == nil && p != at {
		err = errors.Join(errors.New("mapped elsewhere: the kernel knows no MAP_FIXED_NOREPLACE"), unix.MunmapPtr(p, uintptr(size)))
	}
	if err != nil {
		t.Fatalf("mmap of %d pages at %#x: %v", pages, addr, err)
	}
	m := &Mem{t, unsafe.Slice((*byte)(p), size)}
	t.later(undoMemory, m.unmap)
	return m
}

// Anonymous maps private anonymous memory. It is untouched: no page table
// entry has been filled in.
func (t *T) Anonymous(pages int) *Mem {
	return t.Map(-1, pages, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
}

// SharedAnonymous maps anonymous memory that is shared across fork. It is
// untouched.
func (t *T) SharedAnonymous(pages int) *Mem {
	return t.Map(-1, pages, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_ANONYMOUS)
}

// Memfd creates a file of zeroes in memory, in pages, and returns its
// descriptor.
func (t *T) Memfd(pages int) int {
	fd, err := unix.MemfdCreate("uetest", unix.MFD_CLOEXEC)
	if err == unix.ENOSYS {
		t.Skip(feature.Memfd)
	}
	if err != nil {
		t.Fatalf("memfd_create: %v", err)
	}
	t.later(undoMemory, func() error { return unix.Close(fd) })
	if err := unix.Ftruncate(fd, int64(pages*os.Getpagesize())); err != nil {
		t.Fatalf("ftruncate of a memfd: %v", err)
	}
	return fd
}

func (m *Mem) unmap() error {
	if m.b == nil {
		return nil
	}
	b := m.b
	m.b = nil
	// Not Munmap: that knows the memory of Mmap alone, and not of MmapPtr.
	if err := unix.MunmapPtr(unsafe.Pointer(unsafe.SliceData(b)), uintptr(len(b))); err != nil {
		return fmt.Errorf("munmap: %w", err)
	}
	return nil
}

// Unmap unmaps the memory now. Its words must not be used any more.
func (m *Mem) Unmap() { m.t.Check(m.unmap()) }

// Touch writes a zero to each page, so that each is present and writable.
func (m *Mem) Touch() *Mem {
	for i := 0; i < len(m.b); i += os.Getpagesize() {
		m.b[i] = 0
	}
	return m
}

// Protect changes the protection of the whole mapping, mprotect(2).
func (m *Mem) Protect(prot int) {
	if err := unix.Mprotect(m.b, prot); err != nil {
		m.t.Fatalf("mprotect to %#x: %v", prot, err)
	}
}

// Part is a part of the memory, which is not unmapped by itself.
func (m *Mem) Part(off, size int) *Mem { return &Mem{m.t, m.b[off:][:size:size]} }

// Bytes is the memory itself.
func (m *Mem) Bytes() []byte { return m.b }

// Addr returns the address at an offset into the memory, which may be its end.
func (m *Mem) Addr(off int) uint64 {
	return uint64(uintptr(unsafe.Pointer(unsafe.SliceData(m.b)))) + uint64(off)
}

// Pointer is Addr as system calls take it, for an offset within the memory.
func (m *Mem) Pointer(off int) unsafe.Pointer { return unsafe.Pointer(&m.b[off]) }

// PutString writes s and its terminating zero, and returns its address.
func (m *Mem) PutString(off int, s string) uint64 {
	n := copy(m.b[off:], s)
	if n < len(s) || off+n >= len(m.b) {
		m.t.Fatalf("a string of %d bytes does not fit at %d of %d", len(s), off, len(m.b))
	}
	m.b[off+n] = 0
	return m.Addr(off)
}

// PutReg writes a struct user_reg of the running kernel's layout.
func (m *Mem) PutReg(off int, r uapi.Reg) { m.t.Layout().Put(m.b[off:], r) }

// Word is an aligned 32-bit word in mapped memory. A program and the kernel
// both write it, so it is accessed atomically.
type Word struct {
	m   *Mem
	off int
}

// Word returns the word at an offset, a multiple of 4.
func (m *Mem) Word(off int) Word {
	if off%4 != 0 || off < 0 || off+4 > len(m.b) {
		m.t.Fatalf("no word at %d of %d bytes", off, len(m.b))
	}
	return Word{m, off}
}

// wordOffset is where Word places a word: away from both ends of the page, so
// that no neighbour that the kernel may touch lies in another page.
const wordOffset = 256

// Word returns a word in a private anonymous page of its own, which has been
// touched: the memory that works on every generation.
func (t *T) Word() Word { return t.Anonymous(1).Touch().Word(wordOffset) }

// BadWord returns a word that can be neither read nor written. On g1 it may be
// registered, and each write to it fails and is logged.
func (t *T) BadWord() Word {
	m := t.Anonymous(1)
	m.Protect(unix.PROT_NONE)
	return m.Word(wordOffset)
}

func (w Word) ptr() *uint32 { return (*uint32)(w.m.Pointer(w.off)) }

// Addr returns the word's address.
func (w Word) Addr() uint64 { return w.m.Addr(w.off) }

// Load reads the word.
func (w Word) Load() uint32 { return atomic.LoadUint32(w.ptr()) }

// Store writes the word.
func (w Word) Store(v uint32) { atomic.StoreUint32(w.ptr(), v) }

// Or sets bits atomically.
func (w Word) Or(v uint32) { atomic.OrUint32(w.ptr(), v) }

// Add adds atomically.
func (w Word) Add(v uint32) { atomic.AddUint32(w.ptr(), v) }

// Next returns the word n words further; n may be negative.
func (w Word) Next(n int) Word { return w.m.Word(w.off + 4*n) }

// Bit returns the bit n, 0 to 31, of the word, as a place to be registered.
func (w Word) Bit(n int) Bit { return Bit{w, n} }

// Bit is one bit of a word.
type Bit struct {
	Word Word
	N    int
}

// scratch returns the page in which the kit prepares ioctl arguments, cleared.
func (t *T) scratch() *Mem {
	if t.space == nil {
		t.space = t.Anonymous(1)
	}
	clear(t.space.b)
	return t.space
}

// putIndex writes a write index as user_events expects it before a payload.
func putIndex(b []byte, index uint32) { binary.NativeEndian.PutUint32(b, index) }

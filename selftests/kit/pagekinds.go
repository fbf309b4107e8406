package kit

import (
	"encoding/binary"
	"errors"
	"os"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"uetest/internal/feature"
)

func getWord64(b []byte) uint64 { return binary.NativeEndian.Uint64(b) }

// HugePageSize is the size of a huge page, transparent or of hugetlb's default
// pool, on the machines that uetest knows with pages of 4 KiB.
const HugePageSize = 2 << 20

// WriteSystemFile writes a file outside of tracefs and writes its old content
// back at the end of the test. Without the file the kernel lacks the feature.
func (t *T) WriteSystemFile(path, text string, lacks feature.Name) {
	old, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		t.Skip(lacks)
	}
	t.Check(err)
	if _, choice, ok := strings.Cut(string(old), "["); ok { // "always [madvise] never"
		choice, _, _ = strings.Cut(choice, "]")
		old = []byte(choice)
	}
	t.later(undoMemory, func() error { return os.WriteFile(path, old, 0) })
	t.Check(os.WriteFile(path, []byte(text), 0))
}

// HugeTLB maps one page of the hugetlb pool, private and never touched. There
// is one page in the pool until the end of the test.
func (t *T) HugeTLB() *Mem {
	t.WriteSystemFile("/proc/sys/vm/nr_hugepages", "1", feature.Hugetlb)
	return t.Map(-1, HugePageSize/os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_HUGETLB)
}

// FreeHugeTLB returns how many pages of the hugetlb pool nobody has.
func (t *T) FreeHugeTLB() int {
	text, err := os.ReadFile("/proc/meminfo")
	t.Check(err)
	return parseCounters(string(text))["HugePages_Free:"]
}

// Huge maps private anonymous memory that is one huge page once it has been
// touched, MADV_HUGEPAGE, and returns the word in its middle, untouched.
func (t *T) Huge() Word {
	// A kernel with less than 512 MiB has none unless it is told to
	// (hugepage_init of mm/huge_memory.c).
	t.WriteSystemFile("/sys/kernel/mm/transparent_hugepage/enabled", "madvise", feature.HugePages)
	t.WriteSystemFile("/sys/kernel/mm/transparent_hugepage/use_zero_page", "1", feature.HugePages)
	m := t.Anonymous(2 * HugePageSize / os.Getpagesize()) // an aligned one lies in it
	m.Advise(unix.MADV_HUGEPAGE)
	off := int(-m.Addr(0) & (HugePageSize - 1))
	return m.Word(off + HugePageSize/2 + wordOffset)
}

// IsHuge reports whether the mapping of a word has huge pages in its page
// table, AnonHugePages of /proc/self/smaps (proc(5)).
func (w Word) IsHuge() bool {
	text, err := os.ReadFile("/proc/self/smaps")
	w.m.t.Check(err)
	return anonHuge(string(text), w.Addr()) > 0
}

// anonHuge returns the AnonHugePages of the mapping that has the address, in
// kB.
func anonHuge(smaps string, addr uint64) int {
	within := false
	for line := range strings.Lines(smaps) {
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		if from, to, ok := strings.Cut(f[0], "-"); ok {
			start, err1 := strconv.ParseUint(from, 16, 64)
			end, err2 := strconv.ParseUint(to, 16, 64)
			within = err1 == nil && err2 == nil && start <= addr && addr < end
		}
		if within && f[0] == "AnonHugePages:" && len(f) > 1 {
			n, err := strconv.Atoi(f[1])
			if err != nil {
				return 0
			}
			return n
		}
	}
	return 0
}

// SecretMemory maps a page of memfd_secret(2), which the kernel itself can't
// reach.
func (t *T) SecretMemory() *Mem {
	// Package unix has neither MemfdSecret nor its number for each machine that
	// the kit compiles for; the number is the same on all of them.
	const memfdSecret = 447 // include/uapi/asm-generic/unistd.h
	nr, _, errno := unix.Syscall(memfdSecret, unix.O_CLOEXEC, 0, 0)
	if errno == unix.ENOSYS {
		t.Skip(feature.SecretMemory)
	}
	if errno != 0 {
		t.Fatalf("memfd_secret: %v", errno)
	}
	fd := int(nr)
	t.later(undoMemory, func() error { return unix.Close(fd) })
	t.Check(unix.Ftruncate(fd, int64(os.Getpagesize())))
	return t.Map(fd, 1, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
}

// ClearSoftDirty forgets which pages of the program were written, and
// write-protects them to find out anew.
func (t *T) ClearSoftDirty() {
	if !feature.Has(feature.SoftDirty) {
		t.Skip(feature.SoftDirty)
	}
	t.Check(os.WriteFile("/proc/self/clear_refs", []byte("4"), 0))
}

// Merge has KSM merge all pages of m, which have to be alike, and waits until
// the page of w has been merged. They are unmerged at the end of the test.
func (m *Mem) Merge(w Word) {
	t := m.t
	const ksm = "/sys/kernel/mm/ksm/"
	t.WriteSystemFile(ksm+"sleep_millisecs", "1", feature.KSM)
	t.WriteSystemFile(ksm+"pages_to_scan", "1000", feature.KSM)
	t.WriteSystemFile(ksm+"run", "1", feature.KSM)
	// Unmerge; the latest is undone first, so that run gets its old value then.
	t.later(undoMemory, func() error { return os.WriteFile(ksm+"run", []byte("2"), 0) })
	m.Advise(unix.MADV_MERGEABLE)
	other := m.Word(len(m.b) - os.Getpagesize())
	t.Until("KSM has merged the pages", func() bool {
		p, q := w.Page(), other.Page()
		return p.Present && q.Present && p.Frame == q.Frame
	})
}

// Swap makes the RAM disk a swap device until the end of the test.
func (t *T) Swap() {
	fd := t.RAMDisk(unix.O_RDWR)
	page := make([]byte, os.Getpagesize())
	size, err := unix.Seek(fd, 0, unix.SEEK_END)
	t.Check(err)
	// union swap_header of include/linux/swap.h: behind 1 KiB for a boot block
	// the version and the last page; the signature ends the page.
	binary.NativeEndian.PutUint32(page[1024:], 1)
	binary.NativeEndian.PutUint32(page[1028:], uint32(size/int64(len(page))-1))
	copy(page[len(page)-10:], "SWAPSPACE2")
	_, err = unix.Pwrite(fd, page, 0)
	t.Check(err)
	t.Check(unix.Fsync(fd))
	path, err := unix.BytePtrFromString(ramDisk)
	t.Check(err)
	_, _, errno := unix.Syscall(unix.SYS_SWAPON, uintptr(unsafe.Pointer(path)), 0, 0)
	if errno == unix.ENOSYS {
		t.Skip(feature.Swap)
	}
	if errno != 0 {
		t.Fatalf("swapon %s: %v", ramDisk, errno)
	}
	t.later(undoMemory, func() error {
		if _, _, errno := unix.Syscall(unix.SYS_SWAPOFF, uintptr(unsafe.Pointer(path)), 0, 0); errno != 0 {
			return errno
		}
		return nil
	})
}

const ramDisk = "/dev/ram0"

// RAMDisk opens the RAM disk with the flags of open(2). It holds what the last
// test left there.
func (t *T) RAMDisk(flags int) int {
	fd, err := unix.Open(ramDisk, flags|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ENOENT) {
		t.Skip(feature.RAMDisk)
	}
	if err != nil {
		t.Fatalf("open %s: %v", ramDisk, err)
	}
	t.later(undoMemory, func() error { return unix.Close(fd) })
	return fd
}

// SwapOut has the kernel swap out the mapping, MADV_PAGEOUT, and waits until
// the page of w is gone.
func (m *Mem) SwapOut(w Word) {
	m.t.Until("the page is swapped out", func() bool {
		m.Advise(unix.MADV_PAGEOUT)
		return w.Page().Swapped
	})
}

// untilLimit is how long the kernel may take for what it does in its own time:
// milliseconds, a second where a test shares its processor with others.
const untilLimit = 3 * time.Second

// Until waits until something that the kernel does in its own time has been
// done; that it is not done means that the test could not do its work.
func (t *T) Until(what string, done func() bool) {
	for deadline := time.Now().Add(untilLimit); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited %v until %s, in vain", untilLimit, what)
		}
	}
}

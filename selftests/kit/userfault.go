package kit

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"uetest/internal/feature"
)

// Userfault is a userfaultfd(2) over one mapping: whoever faults there waits
// until the fault has been resolved. A thread of its own resolves every fault,
// so nobody waits for long.
type Userfault struct {
	t    *T
	fd   int
	mem  *Mem
	stop [2]int // pipe

	hold     time.Duration
	waiting  func() bool
	resolver sync.WaitGroup
	faults   atomic.Int32
	waited   atomic.Bool
	failed   atomic.Pointer[error]
}

// UserfaultMode says which accesses are told.
type UserfaultMode uint64

// The modes, UFFDIO_REGISTER_MODE_* of include/uapi/linux/userfaultfd.h.
const (
	Missing        UserfaultMode = 1 << 0 // to a page that is not there
	WriteProtected UserfaultMode = 1 << 1 // writes to a page that was protected
)

// Numbers and structs of include/uapi/linux/userfaultfd.h; the ioctl numbers
// are those of every machine but mips, powerpc and sparc.
const (
	uffdioAPI          = 0xc018aa3f
	uffdioRegister     = 0xc020aa00
	uffdioCopy         = 0xc028aa03
	uffdioZeropage     = 0xc020aa04
	uffdioWriteProtect = 0xc018aa06

	uffdPagefaultFlagWP = 1 << 0 // a feature of the descriptor
)

type uffdRange struct{ start, len uint64 }

// Userfault watches over m in the given mode. In mode WriteProtected the pages
// that are there are protected now.
//
// A fault is resolved once waiting, if there is one, has said that its caller
// does not wait for the fault, but hold after it came at the latest: then the
// caller did wait, see Waited.
func (m *Mem) Userfault(mode UserfaultMode, hold time.Duration, waiting func() bool) *Userfault {
	t := m.t
	fd, _, errno := unix.Syscall(unix.SYS_USERFAULTFD, unix.O_CLOEXEC|unix.O_NONBLOCK, 0, 0)
	if errno == unix.ENOSYS {
		t.Skip(feature.Userfault)
	}
	if errno != 0 {
		t.Fatalf("userfaultfd: %v", errno)
	}
	u := &Userfault{t: t, fd: int(fd), mem: m, hold: hold, waiting: waiting}
	t.Check(unix.Pipe2(u.stop[:], unix.O_CLOEXEC))
	// Before anything else is undone: what still waits goes on.
	t.later(undoChildren, u.close)

	api := struct{ api, features, ioctls uint64 }{api: 0xaa}
	if mode&WriteProtected != 0 {
		api.features = uffdPagefaultFlagWP
	}
	if errno := u.ioctl(uffdioAPI, unsafe.Pointer(&api)); errno == unix.EINVAL {
		t.Skip(feature.UserfaultWP)
	} else if errno != 0 {
		t.Fatalf("UFFDIO_API: %v", errno)
	}
	whole := uffdRange{m.Addr(0), uint64(len(m.b))}
	reg := struct {
		uffdRange
		mode, ioctls uint64
	}{whole, uint64(mode), 0}
	if errno := u.ioctl(uffdioRegister, unsafe.Pointer(&reg)); errno != 0 {
		t.Fatalf("UFFDIO_REGISTER: %v", errno)
	}
	if mode&WriteProtected != 0 {
		t.Check(u.protect(whole, true))
	}
	u.resolver.Add(1)
	go u.resolve()
	return u
}

func (u *Userfault) ioctl(cmd uintptr, arg unsafe.Pointer) unix.Errno {
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(u.fd), cmd, uintptr(arg))
	return errno
}

func (u *Userfault) protect(r uffdRange, on bool) error {
	wp := struct {
		uffdRange
		mode uint64
	}{uffdRange: r}
	if on {
		wp.mode = 1 // UFFDIO_WRITEPROTECT_MODE_WP
	}
	if errno := u.ioctl(uffdioWriteProtect, unsafe.Pointer(&wp)); errno != 0 {
		return errno
	}
	return nil
}

// resolve runs in a goroutine of its own and uses nothing of T. If it can't go
// on it closes the descriptor, so that nobody waits for it.
func (u *Userfault) resolve() {
	defer u.resolver.Done()
	if err := u.resolveAll(); err != nil {
		err = errors.Join(err, unix.Close(u.fd))
		u.failed.Store(&err)
	}
}

// resolveAll resolves faults until it is told to stop.
func (u *Userfault) resolveAll() error {
	for {
		fds := []unix.PollFd{{Fd: int32(u.fd), Events: unix.POLLIN}, {Fd: int32(u.stop[0]), Events: unix.POLLIN}}
		if _, err := unix.Poll(fds, -1); err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("poll: %w", err)
		}
		if fds[1].Revents != 0 {
			return nil
		}
		// struct uffd_msg: u8 event, 7 reserved bytes, then for a page fault
		// u64 flags and u64 address.
		var msg struct {
			event uint64
			flags uint64
			addr  uint64
			more  uint64
		}
		b := (*[unsafe.Sizeof(msg)]byte)(unsafe.Pointer(&msg))[:]
		n, err := unix.Read(u.fd, b)
		if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR) {
			continue
		}
		if err == nil && n == len(b) {
			u.faults.Add(1)
			u.await()
			err = u.let(msg.addr, msg.flags)
		}
		if err != nil {
			return err
		}
	}
}

// await holds the fault back while nobody is known not to wait for it.
func (u *Userfault) await() {
	if u.waiting == nil {
		return
	}
	for deadline := time.Now().Add(u.hold); u.waiting(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			u.waited.Store(true)
			return
		}
	}
}

// let resolves one fault: the page is zero, or may be written.
func (u *Userfault) let(addr, flags uint64) error {
	size := uint64(os.Getpagesize())
	page := uffdRange{addr &^ (size - 1), size}
	const flagWP = 1 << 1 // UFFD_PAGEFAULT_FLAG_WP
	if flags&flagWP != 0 {
		return u.protect(page, false)
	}
	zero := struct {
		uffdRange
		mode     uint64
		zeropage int64
	}{uffdRange: page}
	errno := u.ioctl(uffdioZeropage, unsafe.Pointer(&zero))
	if errno == unix.EINVAL {
		errno = u.copyHuge(addr) // hugetlb has no zero page
	}
	if errno != 0 && errno != unix.EEXIST {
		return fmt.Errorf("userfaultfd: the page can't be brought: %w", errno)
	}
	return nil
}

// copyHuge brings a page of hugetlb.
func (u *Userfault) copyHuge(addr uint64) unix.Errno {
	zeroes, err := unix.MmapPtr(-1, 0, nil, HugePageSize, unix.PROT_READ, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return unix.ENOMEM
	}
	defer func() { _ = unix.MunmapPtr(zeroes, HugePageSize) }()
	from := struct {
		dst, src, len, mode uint64
		copied              int64
	}{dst: addr &^ (HugePageSize - 1), src: uint64(uintptr(zeroes)), len: HugePageSize}
	return u.ioctl(uffdioCopy, unsafe.Pointer(&from))
}

// Faults returns how many faults there were.
func (u *Userfault) Faults() int { return int(u.faults.Load()) }

// Waited reports whether a caller was still waiting when its fault was let
// through for want of time.
func (u *Userfault) Waited() bool { return u.waited.Load() }

// close lets go of the mapping, and of whoever still waits for a fault in it.
func (u *Userfault) close() error {
	err := unix.Close(u.stop[1]) // the resolver sees the end of the file
	u.resolver.Wait()
	err = errors.Join(err, unix.Close(u.stop[0]))
	if failed := u.failed.Load(); failed != nil {
		return errors.Join(err, *failed)
	}
	return errors.Join(err, unix.Close(u.fd))
}

package feature

import (
	"bytes"
	"encoding/binary"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// readmeSays looks for a word in tracefs' README, which lists what the kernel
// was built with.
func readmeSays(word string) func() bool {
	return func() bool {
		text, err := os.ReadFile(Tracefs + "/README")
		return err == nil && bytes.Contains(text, []byte(word))
	}
}

// softDirty writes memory and asks whether the kernel has noticed: bit 55 of
// its entry (Documentation/admin-guide/mm/pagemap.rst) is never set on a kernel
// that does not keep track.
func softDirty() bool {
	f, err := os.Open("/proc/self/pagemap")
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }() // read only
	entry := make([]byte, 8)
	entry[0] = 1 // written now, whatever the heap was before
	page := int64(uintptr(unsafe.Pointer(&entry[0]))) / int64(os.Getpagesize())
	if _, err := f.ReadAt(entry, page*8); err != nil {
		return false
	}
	return binary.NativeEndian.Uint64(entry)&(1<<55) != 0
}

// userfaultWP asks a userfaultfd for its features, UFFDIO_API of
// include/uapi/linux/userfaultfd.h.
func userfaultWP() bool {
	fd, _, errno := unix.Syscall(unix.SYS_USERFAULTFD, unix.O_CLOEXEC, 0, 0)
	if errno != 0 {
		return false
	}
	defer func() { _ = unix.Close(int(fd)) }()
	const ioctlAPI, featureWP = 0xc018aa3f, 1 << 0
	api := struct{ api, features, ioctls uint64 }{api: 0xaa}
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, fd, ioctlAPI, uintptr(unsafe.Pointer(&api))); errno != 0 {
		return false
	}
	return api.features&featureWP != 0
}

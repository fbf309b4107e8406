package kit

import (
	"errors"
	"fmt"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"uetest/internal/uapi"
)

// From g3 on a place belongs to the address space and not to the file: it is
// told until it is unregistered or the program ends, and it holds the event.

// UnregAt takes a place back, DIAG_IOCSUNREG (g3).
func (d *Data) UnregAt(addr uint64, bit int) error {
	args := d.t.scratch()
	u := (*uapi.Unreg)(args.Pointer(0))
	*u = uapi.Unreg{Size: uint32(uapi.UnregSize), DisableBit: uint8(bit), DisableAddr: addr}
	return d.Ioctl(uapi.IocUnreg, unsafe.Pointer(u))
}

// Unreg takes the place of a registration back (g3).
func (d *Data) Unreg(r *Registration) error { return d.UnregAt(r.addr, r.At.N) }

// undoReg takes a registration back at the end of the test where the close of
// its descriptor does not. ENOENT: the test did so itself; EFAULT: the place
// is taken back, but its page is gone and the bit could not be cleared.
func (d *Data) undoReg(r *Registration) error {
	with := d
	if d.FD < 0 {
		with = d.t.Open()
	}
	err := with.Unreg(r)
	if err == nil || errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EFAULT) {
		return nil
	}
	return fmt.Errorf("unregister %#x bit %d: %w", r.addr, r.At.N, err)
}

// releaseLimit is how long the kernel may take to let go of an event: on g3 it
// does so behind an RCU grace period, in a worker.
const releaseLimit = 2 * time.Second

// released deletes an event, or finds it gone, and tries again while it is
// busy where the kernel lets go of it in its own time.
func (d *Data) released(name string) error {
	for deadline := time.Now().Add(releaseLimit); ; time.Sleep(time.Millisecond) {
		err := d.Delete(name)
		switch {
		case err == nil || errors.Is(err, unix.ENOENT):
			return nil
		case d.t.family == uapi.G3 && errors.Is(err, unix.EBUSY) && time.Now().Before(deadline):
			continue
		}
		return fmt.Errorf("delete event %q: %w", name, err)
	}
}

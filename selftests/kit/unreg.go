package kit

import (
	"encoding/binary"
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"

	"uetest/internal/uapi"
)

// From g3 on a place belongs to the address space and not to the file: it is
// told until it is unregistered or the program ends, and it holds the event.

// enabler is an enabler as UNREG names it.
type enabler struct {
	addr uint64
	bit  uint8
}

// registered keeps what a REG that succeeded has made, to be undone.
func (t *T) registered(arg unsafe.Pointer) {
	if !t.PlacesOutliveFiles() {
		return
	}
	if len(t.enablers) == 0 {
		t.later(undoEnablers, t.unregisterAll)
	}
	l, b := t.Layout(), unsafe.Slice((*byte)(arg), uapi.RegSize)
	t.enablers = append(t.enablers, enabler{binary.NativeEndian.Uint64(b[l.EnableAddr:]), b[l.EnableBit]})
}

// unregisterAll takes back what is still registered. ENOENT: the test did so
// itself; EFAULT: the place is taken back, but its page is gone and the bit
// could not be cleared.
func (t *T) unregisterAll() error {
	d := t.Open()
	defer func() { _ = d.close() }()
	for _, e := range t.enablers {
		err := d.UnregAt(e.addr, int(e.bit))
		if err != nil && !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.EFAULT) {
			return fmt.Errorf("unregister %#x, bit %d: %w", e.addr, e.bit, err)
		}
	}
	return nil
}

// PlacesOutliveFiles reports whether the kernel goes on telling a place after
// its file is closed, until its address space goes or it is unregistered (g3).
func (t *T) PlacesOutliveFiles() bool { return t.Family() == uapi.G3 }

// UnregAt takes a place back, DIAG_IOCSUNREG (g3).
func (d *Data) UnregAt(addr uint64, bit int) error {
	return d.UnregWith(d.t.scratch(), 0, uapi.Unreg{DisableBit: uint8(bit), DisableAddr: addr})
}

// UnregWith writes u at an offset of m and takes back what it names. A size of
// 0 stands for the right one.
func (d *Data) UnregWith(m *Mem, off int, u uapi.Unreg) error {
	u.Put(m.b[off:])
	return d.Ioctl(uapi.IocUnreg, m.Pointer(off))
}

// Unreg takes the place of a registration back (g3).
func (d *Data) Unreg(r *Registration) error { return d.UnregAt(r.addr, r.At.N) }

// Unreg takes a place back in the child, by one of its descriptors.
func (c *Child) Unreg(fd int, at Bit) error {
	const unregAt = 1024 // of text: behind any description
	args := c.box.text[unregAt:]
	uapi.Unreg{DisableBit: uint8(at.N), DisableAddr: at.Word.Addr()}.Put(args)
	_, err := c.Syscall(unix.SYS_IOCTL, uintptr(fd), uapi.IocUnreg, uintptr(unsafe.Pointer(&args[0])))
	return err
}

// DeleteWhenFree asks for the event to be deleted, again while it is busy where
// the kernel lets go of it later. There an event that goes by itself is ENOENT
// in the end.
func (d *Data) DeleteWhenFree(name string) error {
	var err error
	d.t.Await(func() bool {
		err = d.Delete(name)
		return !errors.Is(err, unix.EBUSY)
	})
	return err
}

// LetGo closes the descriptor, and takes the places of the registrations back
// where a close leaves them.
func (d *Data) LetGo(registrations ...*Registration) {
	if d.t.PlacesOutliveFiles() {
		for _, r := range registrations {
			d.t.Check(d.Unreg(r))
		}
	}
	d.Close()
}

// released deletes an event, or finds it gone.
func (d *Data) released(name string) error {
	err := d.DeleteWhenFree(name)
	if errors.Is(err, unix.ENOTTY) {
		// A 32-bit program has no ioctl; what it made it made by this file.
		err = TryAppendFile("dynamic_events", "-:user_events/"+name)
	}
	if err != nil && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("delete event %q: %w", name, err)
	}
	return nil
}

package kit

import (
	"path/filepath"
	"unsafe"

	"golang.org/x/sys/unix"

	"uetest/internal/feature"
	"uetest/internal/uapi"
)

// Data is an open user_events_data.
type Data struct {
	t  *T
	FD int // -1 after Close
}

// Open opens user_events_data for reading and writing.
func (t *T) Open() *Data { return t.OpenWith(unix.O_RDWR) }

// OpenWith opens user_events_data with the flags of open(2). The descriptor is
// closed on exec and at the end of the test.
func (t *T) OpenWith(flags int) *Data {
	fd, err := unix.Open(filepath.Join(Tracefs, uapi.DataFile), flags|unix.O_CLOEXEC, 0)
	if err == unix.ENOENT {
		t.Skip(feature.UserEvents)
	}
	if err != nil {
		t.Fatalf("open %s: %v", uapi.DataFile, err)
	}
	t.ask(fd)
	return t.data(fd)
}

// ask finds out about the kernel, once, on the first descriptor. On g0 it maps
// the status page then, so that every child of a fork inherits it.
func (t *T) ask(fd int) {
	if t.family != uapi.None {
		return
	}
	g, err := uapi.Family(fd)
	t.Check(err)
	t.family = g
	if g.StatusPage() {
		t.statusPage()
	}
}

func (t *T) data(fd int) *Data {
	d := &Data{t, fd}
	t.later(undoData, d.close)
	return d
}

func (d *Data) close() error {
	if d.FD < 0 {
		return nil
	}
	fd := d.FD
	d.FD = -1
	return unix.Close(fd)
}

// Close closes the descriptor.
func (d *Data) Close() { d.t.Check(d.close()) }

// Dup returns a second descriptor of the same open file, dup(2).
func (d *Data) Dup() *Data {
	fd, err := unix.FcntlInt(uintptr(d.FD), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		d.t.Fatalf("dup: %v", err)
	}
	return d.t.data(fd)
}

// Ioctl calls ioctl(2). The error is nil or an errno.
func (d *Data) Ioctl(cmd uintptr, arg unsafe.Pointer) error {
	err := uapi.Ioctl(d.FD, cmd, arg)
	if err == nil && cmd == uapi.IocReg {
		d.t.registered(arg)
	}
	return err
}

// IoctlResult is Ioctl with what the call returned, which Ioctl takes for a
// success whatever it is.
func (d *Data) IoctlResult(cmd uintptr, arg unsafe.Pointer) (int, error) {
	n, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(d.FD), cmd, uintptr(arg))
	if errno != 0 {
		return -1, errno
	}
	if cmd == uapi.IocReg {
		d.t.registered(arg)
	}
	return int(n), nil
}

// Family is the running kernel's generation as far as the ABI tells without
// side effects: G0, G1 or G3.
func (t *T) Family() uapi.Generation {
	if t.family == uapi.None {
		t.Open()
	}
	return t.family
}

// Layout is the running kernel's struct user_reg.
func (t *T) Layout() uapi.Layout { return t.Family().Layout() }

// StatusPage reports whether the kernel tells by the status page (g0).
func (t *T) StatusPage() bool { return t.Family().StatusPage() }

// Reg registers with arguments of the test's own making, but for the address
// of the description, which is put in. It returns what the kernel stored.
func (d *Data) Reg(desc string, r uapi.Reg) (out uapi.Reg, err error) {
	args := d.t.scratch()
	const descAt = 256
	r.NameArgs = args.PutString(descAt, desc)
	return d.RegAt(args, 0, r)
}

// RegAt writes r at an offset of m and registers it there. NameArgs is taken
// as it is.
func (d *Data) RegAt(m *Mem, off int, r uapi.Reg) (out uapi.Reg, err error) {
	m.PutReg(off, r)
	err = d.Ioctl(uapi.IocReg, m.Pointer(off))
	r.WriteIndex, r.StatusBit = d.t.Layout().Outputs(m.b[off:])
	return r, err
}

// Registration is an event registered on a descriptor.
type Registration struct {
	t         *T
	Index     int    // what a write starts with
	StatusBit uint32 // g0
	At        Bit    // g1 and later
	addr      uint64 // of At, also once its memory is gone
}

// TryRegister registers the event so that it is told at the given bit. On g0
// the place is ignored: there is but the status page.
func (d *Data) TryRegister(ev *Event, at Bit) (*Registration, error) {
	out, err := d.Reg(ev.Desc, place(at))
	if err != nil {
		return nil, err
	}
	return &Registration{d.t, int(out.WriteIndex), out.StatusBit, at, out.EnableAddr}, nil
}

// Register is TryRegister where nothing else than success is of interest.
func (d *Data) Register(ev *Event, at Bit) *Registration {
	r, err := d.TryRegister(ev, at)
	if err != nil {
		d.t.Fatalf("register %q: %v", ev.Desc, err)
	}
	return r
}

// place is the arguments that say where an event is told.
func place(at Bit) uapi.Reg {
	r := uapi.Reg{EnableBit: uint8(at.N), EnableSize: 4}
	if at.Word.m != nil {
		r.EnableAddr = at.Word.Addr()
	}
	return r
}

// Enabled reads the bit that tells the event's state to this process: 0 or 1.
// On g0 it lies in the status page, after that in the registered word.
func (r *Registration) Enabled() int {
	if r.t.StatusPage() {
		byt, mask := r.statusByte()
		return bit(uint32(r.t.statusPage().b[byt]), mask)
	}
	return bit(r.At.Word.Load(), 1<<r.At.N)
}

// statusByte is where the event's bit lies in the status page: the byte at
// index/8, the bit index%8 in it (MAP_STATUS_BYTE and MAP_STATUS_MASK of
// kernel/trace/trace_events_user.c, blob ae78c2d53c8a).
func (r *Registration) statusByte() (byt int, mask uint32) {
	return int(r.StatusBit >> 3), 1 << (r.StatusBit & 7)
}

func bit(v, mask uint32) int {
	if v&mask != 0 {
		return 1
	}
	return 0
}

// statusPage is the mapped status page of g0.
func (t *T) statusPage() *Mem {
	if t.page == nil {
		fd := t.OpenStatus(unix.O_RDWR)
		t.page = t.Map(fd, 1, unix.PROT_READ, unix.MAP_SHARED)
	}
	return t.page
}

// OpenStatus opens user_events_status.
func (t *T) OpenStatus(flags int) int {
	fd, err := unix.Open(filepath.Join(Tracefs, uapi.StatusFile), flags|unix.O_CLOEXEC, 0)
	if err == unix.ENOENT {
		t.Skip(feature.UserEvents)
	}
	if err != nil {
		t.Fatalf("open %s: %v", uapi.StatusFile, err)
	}
	t.later(undoData, func() error { return unix.Close(fd) })
	return fd
}

// Write writes one record: the index, then the payload, in one write(2).
func (d *Data) Write(index int, payload []byte) (int, error) {
	d.t.Wrote(payload...)
	b := make([]byte, 4+len(payload))
	putIndex(b, uint32(index))
	copy(b[4:], payload)
	return unix.Write(d.FD, b)
}

// Delete asks for the event to be deleted by its name (DIAG_IOCSDEL).
func (d *Data) Delete(name string) error {
	args := d.t.scratch()
	args.PutString(0, name)
	return d.Ioctl(uapi.IocDel, args.Pointer(0))
}

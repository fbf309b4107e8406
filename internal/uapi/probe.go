package uapi

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// DataFile and StatusFile are the files of user_events under tracefs.
const (
	DataFile   = "user_events_data"
	StatusFile = "user_events_status"
)

// Probe asks the running kernel which generation it is. tracefs is the mount
// point, usually /sys/kernel/tracing. It returns None without an error if the
// kernel has no user_events.
//
// Only where the kernel turns out to be a g0 is an event created, and deleted
// again: nothing else tells g0 from g0+stable.
func Probe(tracefs string) (Generation, error) {
	data := filepath.Join(tracefs, DataFile)
	fd, err := unix.Open(data, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err == unix.ENOENT {
		if _, err := os.Stat(filepath.Join(tracefs, "trace")); err != nil {
			return None, fmt.Errorf("no tracefs at %s: mount one there first: %w", tracefs, err)
		}
		return None, nil
	}
	if err != nil {
		return None, fmt.Errorf("open %s: %w", data, err)
	}
	defer func() { _ = unix.Close(fd) }()

	g, err := Family(fd)
	if err != nil {
		return None, err
	}
	switch g {
	case G0:
		return refineG0(data)
	case G1:
		return refineG1("/proc/kallsyms")
	}
	return g, nil
}

// Family tells G0, G1 and G3 apart, without side effects, on an open
// user_events_data. It can't tell G0Stable from G0, nor G2 from G1: their
// layouts and ioctls are the same.
//
// It registers and unregisters arguments that every generation refuses, and
// reads the generation from where the refusal comes: size is checked first,
// then name_args, and UNREG exists only on g3.
func Family(fd int) (Generation, error) {
	a := answers{
		reg20: tryReg(fd, layoutG0.Size),
		reg28: tryReg(fd, layoutG1.Size),
		unreg: Ioctl(fd, IocUnreg, nil),
	}
	g, ok := families[a]
	if !ok {
		return None, fmt.Errorf("user_events of no known generation: REG of %d zero bytes: %v, of %d: %v, UNREG of NULL: %v",
			layoutG0.Size, a.reg20, layoutG1.Size, a.reg28, a.unreg)
	}
	return g, nil
}

type answers struct{ reg20, reg28, unreg error }

var families = map[answers]Generation{
	{unix.EFAULT, unix.EFAULT, unix.ENOTTY}: G0,
	{unix.EINVAL, unix.EFAULT, unix.ENOTTY}: G1,
	{unix.EINVAL, unix.EINVAL, unix.EFAULT}: G3,
}

// tryReg registers a struct user_reg of the given size that is otherwise zero.
func tryReg(fd, size int) error {
	var b [RegSize]byte
	binary.NativeEndian.PutUint32(b[:], uint32(size))
	return Ioctl(fd, IocReg, unsafe.Pointer(&b[0]))
}

// Ioctl calls ioctl(2). The error is nil or a unix.Errno.
func Ioctl(fd int, cmd uintptr, arg unsafe.Pointer) error {
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), cmd, uintptr(arg))
	runtime.KeepAlive(arg)
	if errno != 0 {
		return errno
	}
	return nil
}

// refineG0 tells a g0 with the stable fixes from one without by writing to an
// event that is not enabled: the stable fix "tracing/user_events: Return
// -EBADF on disabled events" made that an error. The other fixes show only in
// leaks, in a crash, or in a comparison that takes an event as well.
func refineG0(data string) (g Generation, err error) {
	name := fmt.Sprintf("uetest_probe_%d", os.Getpid())
	fd, err := unix.Open(data, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return None, fmt.Errorf("open %s: %w", data, err)
	}
	defer func() {
		_ = unix.Close(fd) // the event can be deleted only once nobody holds it
		if e := deleteEvent(data, name); e != nil && err == nil {
			err = fmt.Errorf("probe left the event %s behind: %w", name, e)
		}
	}()

	cname := append([]byte(name), 0)
	var pin runtime.Pinner
	defer pin.Unpin()
	pin.Pin(&cname[0])
	var reg [RegSize]byte
	layoutG0.Put(reg[:], Reg{NameArgs: uint64(uintptr(unsafe.Pointer(&cname[0])))})
	if err := Ioctl(fd, IocReg, unsafe.Pointer(&reg[0])); err != nil {
		return None, fmt.Errorf("probe: register %s: %w", name, err)
	}
	index, _ := layoutG0.Outputs(reg[:])
	var payload [4]byte
	binary.NativeEndian.PutUint32(payload[:], index)
	switch n, err := unix.Write(fd, payload[:]); {
	case err == unix.EBADF:
		return G0Stable, nil
	case err == nil && n == len(payload):
		return G0, nil
	default:
		return None, fmt.Errorf("probe: write to a disabled event gave %d, %v; expected EBADF (stable) or %d", n, err, len(payload))
	}
}

func deleteEvent(data, name string) error {
	fd, err := unix.Open(data, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	cname := append([]byte(name), 0)
	return Ioctl(fd, IocDel, unsafe.Pointer(&cname[0]))
}

// fixupSymbol is the work function that RFC 2/2 adds. Its address is taken, so
// the compiler can't inline it away.
const fixupSymbol = "user_event_enabler_fault_fixup"

// The file is in the order of addresses, so functions of one object file stand
// together: the search ends some way behind ioctlSymbol, which every generation
// has because its address is in a table. trace_events_user.o has some 120
// symbols. A whole read takes 70 ms of a boot under emulation.
const (
	ioctlSymbol = "user_events_ioctl"
	neighbours  = 1000 // lines
)

// refineG1 tells g2 from g1 by a symbol, because the ABI is the same.
func refineG1(kallsyms string) (Generation, error) {
	f, err := os.Open(kallsyms)
	if errors.Is(err, os.ErrNotExist) {
		return None, fmt.Errorf("can't tell g1 from g2 without %s: build the kernel with CONFIG_KALLSYMS", kallsyms)
	}
	if err != nil {
		return None, err
	}
	defer func() { _ = f.Close() }() // read only
	lines, last := 0, -1
	s := bufio.NewScanner(f)
	for ; s.Scan() && lines != last; lines++ {
		switch {
		case hasSymbol(s.Bytes(), fixupSymbol):
			return G2, nil
		case hasSymbol(s.Bytes(), ioctlSymbol):
			last = lines + neighbours
		}
	}
	if err := s.Err(); err != nil {
		return None, fmt.Errorf("%s: %w", kallsyms, err)
	}
	if lines == 0 {
		return None, fmt.Errorf("can't tell g1 from g2: %s is empty", kallsyms)
	}
	return G1, nil
}

// hasSymbol reports whether a line of kallsyms, "address type name" and
// perhaps a tab and "[module]", names the symbol, also as a part that the
// compiler split off ("name.cold", "name.isra.0"). The file has tens of
// thousands of lines, so this takes no memory.
func hasSymbol(line []byte, symbol string) bool {
	const before = " t " // the type is one letter
	i := bytes.IndexByte(line, ' ')
	if i < 0 || len(line) < i+len(before)+len(symbol) {
		return false
	}
	name := line[i+len(before):]
	if string(name[:len(symbol)]) != symbol {
		return false
	}
	rest := name[len(symbol):]
	return len(rest) == 0 || rest[0] == '.' || rest[0] == '\t'
}

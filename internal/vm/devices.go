package vm

import (
	"fmt"
	"strings"
)

// A device knows its own arguments.
type device interface {
	args() []string
}

// escape makes s a value in a list of QEMU options, where a comma ends one and
// two stand for themselves (qemu(1), "-drive").
func escape(s string) string { return strings.ReplaceAll(s, ",", ",,") }

// memoryID is QEMU's name of a guest's memory.
const memoryID = "ram"

// memoryFile is the guest's memory as an inherited file. Shared, the file is the
// memory; else it is where unwritten pages come from, and what the guest writes
// is its own (MAP_PRIVATE, mmap(2)). The path opens the file that the descriptor
// is, whatever has become of its name (proc(5), /proc/pid/fd).
type memoryFile struct {
	fd     int
	size   int // MiB
	shared bool
}

func (m memoryFile) args() []string {
	share := "off"
	if m.shared {
		share = "on"
	}
	return []string{"-object", fmt.Sprintf("memory-backend-file,id=%s,size=%dM,mem-path=/proc/self/fd/%d,share=%s", memoryID, m.size, m.fd, share)}
}

// monitor is QMP on an inherited socket.
type monitor struct{ fd int }

func (m monitor) args() []string {
	return []string{
		"-chardev", fmt.Sprintf("socket,id=qmp,fd=%d", m.fd),
		"-mon", "chardev=qmp,mode=control",
	}
}

// serialConsole is the first serial port, written to a file. A virtio console
// is no faster (0.87 s a boot against 0.78) and lost one boot of 130.
type serialConsole struct{ path string }

// consoleID is the monitor's name of what is behind the serial port.
const consoleID = "console"

func (s serialConsole) args() []string {
	return []string{
		"-chardev", "file,id=" + consoleID + ",path=" + escape(s.path),
		"-serial", "chardev:" + consoleID,
	}
}

// terminal is the first serial port on an inherited socket, with all that goes
// to the socket in a file.
type terminal struct {
	path string
	fd   int
}

func (t terminal) args() []string {
	return []string{
		"-chardev", fmt.Sprintf("socket,id=%s,fd=%d,logfile=%s", consoleID, t.fd, escape(t.path)),
		"-serial", "chardev:" + consoleID,
	}
}

// gdbStub lets gdb in at a socket. A path cannot collide with what another
// guest listens at, a TCP port can.
type gdbStub struct{ path string }

func (g gdbStub) args() []string {
	return []string{
		"-chardev", "socket,id=gdb,server=on,wait=off,path=" + escape(g.path),
		"-gdb", "chardev:gdb",
	}
}

// resultPort is a virtio-serial port on an inherited socket: 1,000 lines of 200
// bytes in 18 ms, where the serial port takes half a second. Port 0 of the bus
// is reserved for a console, so two is the least (the default of 31 has the
// kernel set up 64 queues).
type resultPort struct {
	bus  string
	name string
	fd   int
}

func (p resultPort) args() []string {
	return []string{
		"-device", "virtio-serial-" + p.bus + ",max_ports=2",
		"-chardev", fmt.Sprintf("socket,id=results,fd=%d", p.fd),
		"-device", "virtserialport,chardev=results,name=" + escape(p.name),
	}
}

// recordedPort is a result port whose input is recorded: QEMU's standard input
// and output. Of what is behind a device QEMU records the input only if it was
// made by -serial and its like, not by -chardev (chardev/char.c,
// qemu_chr_new_permit_mux_mon). So there is a second serial port, which the
// machine does not have, and its other end goes to the virtio port.
type recordedPort struct{ bus, name string }

func (p recordedPort) args() []string {
	return []string{
		"-device", "virtio-serial-" + p.bus + ",max_ports=2",
		"-serial", "stdio",
		"-device", "virtserialport,chardev=serial1,name=" + escape(p.name),
	}
}

// panicDevice tells QEMU of a kernel panic (drivers/misc/pvpanic; on microvm
// found through ACPI, on q35 through PCI).
type panicDevice struct{ name string }

func (p panicDevice) args() []string { return []string{"-device", p.name} }

// Package vm runs a kernel in QEMU: the arguments as plain data, the life of
// the process, and the proof that an accelerator works.
//
// A guest has a console that goes to a file, one virtio-serial port for its
// results, and nothing else: no network, no disk, no display. The port and
// QEMU's monitor are socket pairs that QEMU inherits, so there is no path to
// choose, no port to collide on, and nothing to connect to before it is there.
//
// The end of a virtual machine says whose fault it is (see VM.Err). How long
// to wait for a guest is the caller's business; Accel.Scale says by how much
// the accelerator stretches a limit.
package vm

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"uetest/internal/blame"
	"uetest/internal/proc"
)

// Defaults of a Config.
const (
	// DefaultCPUs is 2, because a kernel with one CPU hides every race. A boot
	// takes 0.05 s longer than with one.
	DefaultCPUs = 2
	// DefaultMemory is in MiB. Boot time does not depend on it up to 2 GiB
	// (0.77 to 0.90 s), the host gives pages as they are touched.
	DefaultMemory = 512
)

// Config describes a virtual machine. It is plain data; Start does not keep it.
type Config struct {
	// QEMU is the executable; empty is Machine's.
	QEMU string
	// Machine is the zero value for Microvm.
	Machine Machine
	// CPU is a model of Machine.Models; empty is the machine's usual one.
	CPU string
	// Accel is who executes the guest's instructions; ProbeAccel knows who can.
	Accel Accel
	// CPUs is the number of virtual CPUs; 0 is DefaultCPUs, or 1 if Clock counts.
	CPUs int
	// Memory is in MiB; 0 is DefaultMemory.
	Memory int
	// Kernel is the path of an image that the machine can boot: for microvm an
	// uncompressed vmlinux with CONFIG_PVH or a bzImage.
	Kernel string
	// Initrd is the path of a cpio archive, or empty.
	Initrd string
	// Append are parameters for the kernel, verbatim, each one word. They come
	// after uetest's own, and the kernel lets the last one win.
	Append []string
	// Port is the name of the virtio-serial port that is VM.Channel on this
	// side; the guest finds it in /sys/class/virtio-ports/*/name.
	Port string
	// Console is the path of the file that gets what the kernel prints. An
	// existing file is emptied.
	Console string
	// Terminal has the console be a terminal as well: what the kernel prints
	// also goes to VM.Terminal, and what is written there is typed in the guest.
	// The caller has to read it all the time: a console that nobody reads stops
	// the guest.
	Terminal bool
	// GDB is the path of a socket where QEMU waits for gdb, or empty. With it the
	// guest does not start before gdb lets it, and no limit of this package
	// applies to what the guest does.
	GDB string
	// TSC is the frequency of the host's time stamp counter in kHz, for the
	// guest's kernel; 0 has Start measure it. A Clock that counts has its own.
	TSC int
	// Clock is what the guest's time is made of: the host's, or its own
	// instructions.
	Clock Clock
	// SaveTo is a directory that VM.Save leaves the guest in, or empty: then it
	// can't be saved. It is made if it is not there; Start puts the guest's
	// memory into it as a sparse file.
	SaveTo string

	// Trace has QEMU write down which code it meets; nil: none. Only under
	// emulation.
	Trace *Trace

	// restored: the guest is read from a snapshot and not booted.
	restored bool
}

// withDefaults fills in what Config leaves open.
func (c Config) withDefaults() Config {
	if c.Machine.Type == "" {
		c.Machine = Microvm
	}
	if c.QEMU == "" {
		c.QEMU = c.Machine.QEMU
	}
	if c.CPUs == 0 {
		c.CPUs = DefaultCPUs
		if c.Clock.Counts() {
			c.CPUs = 1
		}
	}
	if c.Clock.Counts() {
		c.TSC = countedTSC
	}
	if c.Memory == 0 {
		c.Memory = DefaultMemory
	}
	return c
}

// check finds mistakes that QEMU would report badly or not at all.
func (c Config) check() error {
	switch {
	case c.Kernel == "" && !c.restored: // the kernel is in the snapshot
		return errors.New("virtual machine without a kernel")
	case c.Console == "":
		return errors.New("virtual machine without a file for its console")
	case c.Port == "":
		return errors.New("virtual machine without a name for its port")
	case c.CPU != "" && !slices.Contains(c.Machine.Models, c.CPU):
		return fmt.Errorf("virtual machine %s for %s with the CPU model %q; expected one of %s", c.Machine.Type, c.Machine.Arch, c.CPU, strings.Join(c.Machine.Models, ", "))
	case c.Trace != nil && (c.Accel != TCG || c.Trace.File == "" || len(c.Trace.Code) == 0):
		return fmt.Errorf("virtual machine with a trace of %d stretches of code to %q on %s: it takes a file, code and emulation", len(c.Trace.Code), c.Trace.File, c.Accel)
	case c.CPUs < 0 || c.Memory < 0:
		return fmt.Errorf("virtual machine with %d CPUs and %d MiB of memory", c.CPUs, c.Memory)
	}
	return c.Clock.check(c)
}

// checkFiles finds mistakes in what is to be booted.
func (c Config) checkFiles() error {
	for _, path := range []string{c.Kernel, c.Initrd} {
		if path == "" || c.restored {
			continue
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		info, err := f.Stat()
		_ = f.Close()
		switch {
		case err != nil:
			return err
		case !info.Mode().IsRegular():
			return fmt.Errorf("%s: not a regular file, a kernel or an initramfs was expected", path)
		case info.Size() == 0:
			return fmt.Errorf("%s: empty, a kernel or an initramfs was expected", path)
		}
	}
	return nil
}

// Descriptors that QEMU inherits.
const (
	monitorFD = 3
	channelFD = 4
	inputFD   = 5 // the reading end of a pipe, see VM.ConsoleInput
	memoryFD  = 6 // of a guest that is to be saved or is restored
	stateFD   = 7 // of a guest that is restored

	terminalFD = 6 // with Config.Terminal: such a guest is neither saved nor restored
)

// Args are QEMU's arguments.
func (c Config) Args() []string {
	c = c.withDefaults()
	args := c.machineArgs()
	for _, d := range c.devices() {
		args = append(args, d.args()...)
	}
	args = append(args, c.Clock.args()...)
	args = append(args, c.Trace.args()...)
	if !c.restored {
		// The guest starts when the monitor listens, not before: an event that
		// comes earlier is lost, and a guest may be at its end by then.
		args = append(args, "-S")
	}
	return append(args,
		// The end of the guest is the end of QEMU. After a panic the kernel
		// goes on to print and to reset: stopping it at the pvpanic event, as
		// is the default, loses what is printed behind the notifiers
		// (kernel/panic.c: console_flush_on_panic).
		"-no-reboot", "-action", "panic=none")
}

// machineArgs are the arguments that say what boots in what, without what is
// behind its devices.
func (c Config) machineArgs() []string {
	m := c.Machine
	args := []string{
		// Nothing that is not named here: no network, disk, display, config.
		"-nodefaults", "-no-user-config", "-display", "none", "-nic", "none",
		// QEMU may not start programs, change its rights or its CPUs. No cost
		// that could be measured (0.61 s a boot with it and without).
		"-sandbox", sandbox,
		"-machine", strings.Join(append([]string{m.Type}, c.machineOptions()...), ","),
		"-accel", c.Accel.String(),
		"-cpu", c.cpu(),
		"-smp", strconv.Itoa(c.CPUs),
		"-m", strconv.Itoa(c.Memory),
	}
	if c.restored {
		// The monitor says when to read it, and the guest goes on when it has
		// been read.
		args = append(args, "-incoming", "defer")
	} else {
		args = append(args, "-kernel", c.Kernel)
		if c.Initrd != "" {
			args = append(args, "-initrd", c.Initrd)
		}
		args = append(args, "-append", strings.Join(c.kernelParameters(), " "))
	}
	return args
}

// cpu is the value of -cpu: the machine's own for a model that it says more of.
func (c Config) cpu() string {
	usual := c.Machine.CPU[c.Accel]
	if model, _, _ := strings.Cut(usual, ","); c.CPU == "" || c.CPU == model {
		return usual
	}
	return c.CPU
}

// inFile tells whether the guest's memory is a file.
func (c Config) inFile() bool { return c.SaveTo != "" || c.restored }

// machineOptions are those of -machine.
func (c Config) machineOptions() []string {
	if !c.inFile() {
		return c.Machine.Options
	}
	return append(slices.Clone(c.Machine.Options), "memory-backend="+memoryID)
}

// kernelParameters is the kernel's command line, word by word.
func (c Config) kernelParameters() []string {
	p := []string{
		"console=" + c.Machine.Console,
		"panic=-1", // reset at once: with -no-reboot the end of QEMU
	}
	p = append(p, c.Machine.Append...)
	if c.Accel == TCG && c.Machine.TSC {
		// Without it the kernel calibrates its clock against emulated timers
		// and now and then fails for good ("could not calculate TSC khz"): 3 of
		// 20 boots on an idle host, 4 of 4 on a loaded one; with it none of 120
		// and of 180, the latter at a load of 8 on two cores.
		// Under KVM the kernel asks kvmclock.
		p = append(p, "tsc_early_khz="+strconv.Itoa(c.TSC))
	}
	return append(p, c.Append...)
}

// devices are what the guest has and what is behind it.
func (c Config) devices() []device {
	var d []device
	if c.inFile() {
		d = append(d, memoryFile{fd: memoryFD, size: c.Memory, shared: !c.restored})
	}
	d = append(d,
		monitor{fd: monitorFD},
		c.console(),
		c.resultPort(),
	)
	if c.Machine.Panic != "" {
		d = append(d, panicDevice{c.Machine.Panic})
	}
	if c.GDB != "" {
		d = append(d, gdbStub{c.GDB})
	}
	return d
}

func (c Config) resultPort() device {
	if c.Clock.logs() {
		return recordedPort{bus: c.Machine.Bus, name: c.Port}
	}
	return resultPort{bus: c.Machine.Bus, name: c.Port, fd: channelFD}
}

func (c Config) console() device {
	if c.Terminal {
		return terminal{path: c.Console, fd: terminalFD}
	}
	return serialConsole{path: c.Console}
}

// ByHand is a command that boots the same machine in a terminal: its console is
// the terminal, and it has neither monitor nor result port, which take
// descriptors that a shell does not have. c is otherwise as for Start, but that
// the kernel and the image need not be there yet.
func (c Config) ByHand() (proc.Cmd, error) {
	c = c.withDefaults()
	if err := c.check(); err != nil {
		return proc.Cmd{}, blame.On(blame.Host, err)
	}
	if c.TSC == 0 {
		c.TSC = HostTSC()
	}
	args := append(c.machineArgs(), "-serial", "mon:stdio", "-no-reboot")
	args = append(args, c.Clock.args()...)
	if c.GDB != "" {
		args = append(append(args, gdbStub{c.GDB}.args()...), "-S")
	}
	return proc.Cmd{Path: c.QEMU, Args: args}, nil
}

// Command is QEMU with its arguments, for people; it lacks the descriptors.
func (c Config) Command() proc.Cmd {
	return proc.Cmd{Path: c.withDefaults().QEMU, Args: c.Args()}
}

// complete is a Config that can be started.
func (c Config) complete() (Config, error) {
	c = c.withDefaults()
	if err := cmp.Or(c.check(), c.checkFiles()); err != nil {
		return c, blame.On(blame.Host, err)
	}
	if c.SaveTo != "" {
		if err := CanSnapshot(c); err != nil {
			return c, blame.On(blame.Host, err)
		}
	}
	if c.TSC == 0 && !c.restored {
		c.TSC = HostTSC()
	}
	return c, nil
}

package pipeline

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"uetest/internal/blame"
	"uetest/internal/feature"
	"uetest/internal/proc"
	"uetest/internal/vm"
	"uetest/internal/wire"
	"uetest/kernel-patches"
	"uetest/selftests/catalog"
)

// machine is what a test asks of its guest: tests that ask the same may share one.
type machine struct {
	catalog.Machine
	cpus int
}

// usual is the guest of a test that asks for nothing.
func (d *driver) usual() machine { return machine{cpus: d.cpus()} }

// of is the guest that a test takes. What it needs wins over what the user asks
// for: without it the test says nothing. Where a guest has to have one CPU the
// tests that take two are skipped.
func (d *driver) of(t catalog.Test) machine {
	m := machine{t.Machine, d.cpus()}
	if slices.Contains(t.Needs, feature.SMP) && !d.single() {
		m.cpus = max(m.cpus, 2)
	}
	return m
}

// cpus is how many virtual CPUs a guest has if its test asks for none: those that
// the user wants, else those that the kernel's variants take. Emulated guests have
// one: two wait for each other, busily for one that the host does not run, and the
// catalogue takes 1.8 times the processor time. What two CPUs may break is for
// tests that ask for them.
func (d *driver) cpus() int {
	switch {
	case d.single():
		return 1
	case d.cfg.Machine.CPUs > 0:
		return d.cfg.Machine.CPUs
	}
	n := 1
	if d.guest.accel == vm.KVM && d.cfg.jobs() == 1 {
		n = vm.DefaultCPUs
	}
	return max(n, d.kernel.plan.Guest().CPUs)
}

// single reports whether a guest has one CPU whatever its test takes: its clock
// counts instructions, or QEMU does not emulate two of them well and the user did
// not ask for more.
func (d *driver) single() bool { return d.cfg.Clock.Counts() || d.oneCPU() != "" }

// oneCPU is why QEMU emulates one CPU alone; empty if it emulates several, or is
// told to.
func (d *driver) oneCPU() string {
	if d.cfg.Machine.CPUs > 0 || d.guest.accel != vm.TCG {
		return ""
	}
	return d.machine().OneCPU
}

// machine is the machine of every guest: the architecture's, unless the kernel has
// no drivers for that.
func (d *driver) machine() vm.Machine {
	if m := d.kernel.machine; m.Type != "" {
		return m
	}
	return d.guest.machine
}

// config is the guest that boots the kernel, without its files.
func (d *driver) config(m machine) vm.Config {
	want := d.cfg.Machine
	parameters := slices.Concat(want.Append, m.Append) // the kernel lets the last one win
	if d.cover != nil && d.kernel.info.Arch != kernelpatches.Arches[0] {
		// What is executed is found by addresses. An x86 kernel that is booted
		// without its decompressor does not move itself.
		parameters = append(parameters, "nokaslr")
	}
	return vm.Config{
		QEMU:    d.cfg.QEMU,
		Machine: d.machine(),
		CPU:     want.Model,
		Accel:   d.guest.accel,
		Kernel:  d.kernel.vmlinux,
		Initrd:  d.guest.image.Path,
		Port:    wire.PortName,
		Clock:   d.cfg.Clock,
		CPUs:    m.cpus,
		Memory:  cmp.Or(m.Memory, want.Memory, d.kernel.plan.Guest().Memory),
		Append:  parameters,
	}
}

// unlimited is a time limit for a guest that somebody looks at with gdb.
const unlimited = 365 * 24 * time.Hour

// A Stub is a guest that waits for gdb.
type Stub struct {
	Kernel  string   // its name
	Socket  string   // gdb's "target remote"
	Symbols string   // the image with its symbols
	Sources []string // directories with the source, the first that has a file wins; none if it is not known
	Stops   []string // functions in which the kernel begins the report that is in a recording
	Scripts string   // directory of the scripts that gdb would load with Symbols, if there are any
}

// socketPath is the longest path of a socket (sun_path, unix(7)).
const socketPath = 107

// withGDB puts a place for gdb into a machine, if somebody is to attach. forget
// removes it.
func (d *driver) withGDB(cfg vm.Config, number int) (_ vm.Config, forget func(), err error) {
	if d.cfg.Attach == nil {
		return cfg, func() {}, nil
	}
	// Without it the addresses of a kernel that moves itself are not those of
	// its symbols.
	cfg.Append = append(slices.Clip(cfg.Append), "nokaslr")
	if cfg.GDB = d.file("gdb-%d.sock", number); len(cfg.GDB) <= socketPath {
		return cfg, func() { _ = os.Remove(cfg.GDB) }, nil
	}
	dir, forget, err := proc.TempDir("gdb-*")
	if err == nil {
		cfg.GDB = filepath.Join(dir, "gdb.sock")
		if len(cfg.GDB) > socketPath {
			forget()
			err = blame.On(blame.Host, fmt.Errorf("%s: too long for the path of a socket; set TMPDIR to a shorter one", cfg.GDB))
		}
	}
	return cfg, forget, err
}

// announce tells where gdb finds a guest that waits for it.
func (d *driver) announce(cfg vm.Config) {
	if cfg.GDB == "" {
		return
	}
	s := Stub{Kernel: d.run.Kernel.Name, Socket: cfg.GDB, Symbols: d.kernel.symbols}
	if s.Symbols == "" { // a prebuilt image
		s.Symbols = d.kernel.vmlinux
	}
	script := s.Symbols + "-gdb.py" // gdb(1), "Auto-loading": OBJFILE-gdb.py
	if real, err := filepath.EvalSymlinks(s.Symbols); err == nil {
		script = real + "-gdb.py"
	}
	if _, err := os.Stat(script); err == nil {
		s.Scripts = filepath.Dir(script)
	}
	// Without its source gdb is still of use.
	s.Sources, _ = d.sources()
	d.cfg.Attach(s)
}

// sources returns where the source of the kernel is: the files that the patches
// change, written to the run's directory, and the tree they were applied to.
// The build directory won't do: it holds what was built in it last.
func (d *driver) sources() ([]string, error) {
	if d.kernel.source == "" {
		return nil, nil
	}
	built := time.Unix(0, 0)
	dir := filepath.Join(d.run.Dir, "source")
	for name, f := range d.kernel.changes {
		if f.Deleted {
			continue
		}
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return nil, err
		}
		if err := os.WriteFile(file, f.Data, 0o644); err != nil {
			return nil, err
		}
		// gdb warns of a source that is newer than what was made of it.
		if err := os.Chtimes(file, built, built); err != nil {
			return nil, err
		}
	}
	return []string{dir, d.kernel.source}, nil
}

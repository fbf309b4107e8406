package vm

// Machine is what differs between the machine types of QEMU, as data.
type Machine struct {
	Arch    string           // what it executes: "x86_64", "arm64" or "riscv64"
	Type    string           // -machine
	Options []string         // of -machine, key=value
	QEMU    string           // the executable that has it
	CPU     map[Accel]string // -cpu, if Config names no model
	Models  []string         // that Config may name; all of them run the kernels of the series
	Bus     string           // of virtio devices: the end of their names
	Panic   string           // the device that reports a panic to QEMU, or empty
	Console string           // the kernel's name of the first serial port
	TSC     bool             // has the host's time stamp counter under emulation
	Append  []string         // kernel parameters that it needs
	OneCPU  string           // why an emulated guest of it has one CPU unless somebody asks for more
	Unsaved string           // why no guest of it can be saved and restored, see CanSnapshot
}

// cpuX86 has everything that QEMU can do, so that the kernel takes the code
// paths of a new machine. Models made no difference to the boot (0.98 s for
// max, 0.90 for qemu64, 0.77 for EPYC: noise). Without 5-level paging, because
// that moves the limit of user addresses, and results should not depend on the
// host: TCG always has it, hosts have it or not.
var cpuX86 = map[Accel]string{TCG: "max,la57=off", KVM: "host,la57=off"}

// modelsX86 have what the kernel needs of 64-bit mode, from the least to all.
var modelsX86 = []string{"qemu64", "Nehalem", "Haswell", "Skylake-Server", "EPYC", "max"}

// appendX86 for both machines:
//
//   - reboot=t resets by a triple fault. reboot=k waits for a keyboard
//     controller and takes 1.4 s longer.
//   - tsc=reliable: no clocksource watchdog, which takes a vCPU that the host
//     did not run for a while for an unstable counter, and no search for warps
//     between the CPUs' counters, which under emulation are one.
var appendX86 = []string{"reboot=t", "tsc=reliable"}

// Microvm is QEMU's minimal x86 machine: virtio over MMIO, an ISA serial port.
// A boot to the first message of a small init takes 0.57 s with one CPU against
// 0.73 s of q35 (median of 9, interleaved, two cores, TCG, 6.1).
//
// What it leaves on is measured too. Without ACPI and the local APIC's timer
// (acpi=off, noapictimer) a boot takes 0.12 s less, but no panic is reported
// to QEMU and timers are not those of a real machine. Without the PIT or the
// RTC it takes 1.0 s more.
var Microvm = Machine{
	Arch:    "x86_64",
	Type:    "microvm",
	QEMU:    "qemu-system-x86_64",
	CPU:     cpuX86,
	Models:  modelsX86,
	Bus:     "device",
	Panic:   "pvpanic",
	Console: "ttyS0",
	TSC:     true,
	Append:  appendX86,
}

// Q35 is a PC with PCI, for kernels that lack virtio over MMIO. i8042=off: the
// kernel spends 0.45 s looking for a keyboard.
var Q35 = Machine{
	Arch:    "x86_64",
	Type:    "q35",
	Options: []string{"i8042=off"},
	QEMU:    "qemu-system-x86_64",
	CPU:     cpuX86,
	Models:  modelsX86,
	Bus:     "pci",
	Panic:   "pvpanic-pci",
	Console: "ttyS0",
	TSC:     true,
	Append:  appendX86,
}

// VirtARM64 is QEMU's machine for arm64 guests. Its virtio devices are on MMIO,
// as on microvm. PCI is there for pvpanic alone.
//
// The CPU has everything that QEMU can do. pauth-impdef: with the architecture's
// own algorithm the kernel's signed return addresses cost most of what emulation
// does.
//
// rodata=full, as distributions configure it: the kernel's own map of the memory
// is one of pages, without which there is no memfd_secret (can_set_direct_map).
var VirtARM64 = Machine{
	Arch:    "arm64",
	Type:    "virt",
	Options: []string{"gic-version=3"},
	QEMU:    "qemu-system-aarch64",
	CPU:     map[Accel]string{TCG: "max,pauth-impdef=on", KVM: "host"},
	Models:  []string{"cortex-a53", "cortex-a57", "cortex-a72", "cortex-a76", "neoverse-n1", "a64fx", "max"},
	Bus:     "device",
	Panic:   "pvpanic-pci",
	Console: "ttyAMA0",
	Append:  []string{"rodata=full"},
}

// VirtRISCV64 is QEMU's machine for riscv64 guests, with the firmware that QEMU
// brings (OpenSBI).
//
// riscv_isa_fallback: 7.2's device tree names a hart's extensions in "riscv,isa",
// which kernels of their own accord read up to 6.6
// (riscv_early_of_processor_hartid, arch/riscv/kernel/cpu.c).
//
// A restored guest hangs sooner or later: what armed a hart's timer is in the
// saved state, the timer itself is not (7.2: target/riscv/time_helper.c,
// hw/intc/riscv_aclint.c). Of 20 tests 6 waited for it without end.
//
// With two harts, each emulated by a thread, programs read near 0 in the vDSO now
// and then: 4 of 4 runs of area stress showed it, none with one thread for both
// (-accel tcg,thread=single), which takes six times as long.
var VirtRISCV64 = Machine{
	Arch:    "riscv64",
	Type:    "virt",
	QEMU:    "qemu-system-riscv64",
	CPU:     map[Accel]string{TCG: "rv64", KVM: "host"},
	Models:  []string{"rv64", "sifive-u54"},
	Bus:     "device",
	Panic:   "pvpanic-pci",
	Console: "ttyS0",
	Append:  []string{"riscv_isa_fallback"},
	OneCPU:  "programs of an emulated guest with two harts fault at random",
	Unsaved: "QEMU does not arm the timers of its harts again",
}

// MachineFor is the machine on which a guest of an architecture boots; ok is
// false for one that there is none for. The empty one is the host of most:
// Microvm.
func MachineFor(arch string) (m Machine, ok bool) {
	if arch == "" {
		return Microvm, true
	}
	for _, m := range []Machine{Microvm, VirtARM64, VirtRISCV64} {
		if m.Arch == arch {
			return m, true
		}
	}
	return Machine{}, false
}

package vm

// Machine is what differs between the machine types of QEMU, as data.
type Machine struct {
	Type    string           // -machine
	Options []string         // of -machine, key=value
	QEMU    string           // the executable that has it
	CPU     map[Accel]string // -cpu
	Bus     string           // of virtio devices: the end of their names
	Panic   string           // the device that reports a panic to QEMU, or empty
	Console string           // the kernel's name of the first serial port
	TSC     bool             // has the host's time stamp counter under emulation
	Append  []string         // kernel parameters that it needs
	Saves   bool             // a guest of it can be saved and restored, see CanSnapshot
}

// cpuX86 has everything that QEMU can do, so that the kernel takes the code
// paths of a new machine. Models made no difference to the boot (0.98 s for
// max, 0.90 for qemu64, 0.77 for EPYC: noise). Without 5-level paging, because
// that moves the limit of user addresses, and results should not depend on the
// host: TCG always has it, hosts have it or not.
var cpuX86 = map[Accel]string{TCG: "max,la57=off", KVM: "host,la57=off"}

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
	Type:    "microvm",
	QEMU:    "qemu-system-x86_64",
	CPU:     cpuX86,
	Bus:     "device",
	Panic:   "pvpanic",
	Console: "ttyS0",
	TSC:     true,
	Append:  appendX86,
	Saves:   true,
}

// Q35 is a PC with PCI, for kernels that lack virtio over MMIO. i8042=off: the
// kernel spends 0.45 s looking for a keyboard.
var Q35 = Machine{
	Type:    "q35",
	Options: []string{"i8042=off"},
	QEMU:    "qemu-system-x86_64",
	CPU:     cpuX86,
	Bus:     "pci",
	Panic:   "pvpanic-pci",
	Console: "ttyS0",
	TSC:     true,
	Append:  appendX86,
	Saves:   true,
}

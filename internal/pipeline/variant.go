package pipeline

import (
	"slices"
	"strings"

	"uetest/internal/feature"
	"uetest/internal/vm"
	"uetest/kernel-patches"
)

// mustHave are the features that a kernel was configured to have.
func mustHave(k kernelpatches.Kernel) []feature.Name {
	lacks := k.Guest().Lacks
	return slices.DeleteFunc(feature.On(k.Arch), func(f feature.Name) bool { return slices.Contains(lacks, string(f)) })
}

// cpus is how many virtual CPUs a guest has if its test asks for none: those
// that the user wants, else those that the kernel's variants take.
func (d *driver) cpus() int {
	n := d.cfg.cpus()
	if d.single() {
		return 1
	}
	if d.cfg.Machine.CPUs == 0 {
		n = max(n, d.kernel.plan.Guest().CPUs)
	}
	return n
}

// single reports whether a guest has one CPU whatever its test takes: its clock
// counts instructions, or QEMU does not emulate two of them well and the user did
// not ask for more.
func (d *driver) single() bool {
	return d.cfg.Clock.Counts() || d.cfg.Machine.CPUs == 0 && d.guest.accel == vm.TCG && d.machine().OneCPU != ""
}

// specName is what a release can hold of a kernel's name. What is left out makes
// no difference to which kernel it is: the configuration does.
func specName(name string) string {
	if len(name) > maxKernelName {
		name = strings.TrimRight(name[:maxKernelName], "+-._")
	}
	return name
}

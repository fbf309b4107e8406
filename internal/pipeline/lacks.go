package pipeline

import (
	"fmt"
	"slices"
	"strings"

	"uetest/internal/blame"
	"uetest/internal/feature"
	"uetest/internal/results"
	"uetest/internal/vm"
	"uetest/selftests/catalog"
)

// An options tells what a kernel has of an option of its configuration: "y", "m",
// "n" or another value; "" is n or m. ok is false if nothing is known.
type options func(name string) (value string, ok bool)

// need is an option without which a kernel can't be tested, or worse.
type need struct {
	option string
	why    string
	// text is in a kernel's image if and only if it has the option built in: a
	// name that user space sees, or a line that is printed at each boot. Tested
	// on kernels of 6.1 and 6.12. Empty if there is none.
	text string
	// arch is the architecture that has the option; empty if all have it.
	arch string
	// fatal: a guest does not get to its first message, or says that there is
	// nothing to test.
	fatal bool
}

var needs = []need{
	{"64BIT", "the guest's programs are of 64 bits", "", "", true},
	{"BINFMT_ELF", "the guest's programs are ELF files", "", "", true},
	{"BLK_DEV_INITRD", "the guest's programs are in an initramfs", "rootfs image as initramfs", "", true},
	{"PROC_FS", "the guest is set up over /proc", "", "", true},
	{"SYSFS", "the result port is found in /sys", "", "", true},
	{"DEVTMPFS", "the result port is opened in /dev", "devtmpfs: initialized", "", true},
	{"TMPFS", "tests write to /tmp", "", "", true},
	{"FUTEX", "Go programs wait with futex(2)", "", "", true},
	{"EPOLL", "Go programs wait with epoll(7)", "[eventpoll]", "", true},
	{"EVENTFD", "Go programs wake each other with eventfd(2)", "[eventfd]", "", true},
	{"VIRTIO_CONSOLE", "the results come over a virtio port", "virtio-ports", "", true},
	{"USER_EVENTS", "it is what is tested", "user_events_data", "", true},
	{"SERIAL_8250_CONSOLE", "without a console nobody sees why a boot fails", "", x86, false},
	{"PRINTK", "without a log nobody sees what the kernel complains of", "", "", false},
	{"BUG", "the kernel does not report what is wrong with it", "", "", false},
	{"KALLSYMS", "a trace has no names, and g2 is not told from g1", "", "", false},
}

// x86 is the architecture that QEMU has two machines for.
const x86 = "x86_64"

// machineFor is the machine that a kernel has drivers for; the zero value is the
// architecture's usual one. Of x86 it is the one that boots faster if it has
// drivers for both. found is false if it has them for none.
func machineFor(arch string, has options) (m vm.Machine, found bool) {
	mmio, known := has("VIRTIO_MMIO")
	if !known || arch != x86 {
		return vm.Machine{}, !known || mmio == "y"
	}
	// Where the devices are is told by ACPI.
	if acpi, known := has("ACPI"); mmio == "y" && (acpi == "y" || !known) {
		return vm.Machine{}, true
	}
	pci, _ := has("VIRTIO_PCI")
	return vm.Q35, pci == "y"
}

// lacks says what a kernel of those options lacks of what the guest and the tests
// need.
func lacks(has options, arch string, tests []catalog.Test) []results.Lack {
	var list []results.Lack
	for _, n := range needs {
		if got, known := has(n.option); known && got != "y" && (n.arch == "" || n.arch == arch) {
			list = append(list, results.Lack{Option: n.option, Got: got, Why: n.why, Fatal: n.fatal})
		}
	}
	if _, found := machineFor(arch, has); !found {
		l := results.Lack{Option: "VIRTIO_MMIO", Why: "the result port is a virtio device", Fatal: true}
		l.Got, _ = has("VIRTIO_MMIO")
		if arch == x86 {
			l.Option += " or CONFIG_VIRTIO_PCI"
		}
		list = append(list, l)
	}
	for _, f := range feature.On(arch) {
		option := feature.Option(f)
		if option == "" {
			continue
		}
		if got, known := has(option); known && got != "y" {
			if l, some := lackOf(f, got, tests); some {
				list = append(list, l)
			}
		}
	}
	return list
}

// lackOf is a feature that a kernel lacks, if a test needs it.
func lackOf(f feature.Name, got string, tests []catalog.Test) (results.Lack, bool) {
	n := 0
	for _, t := range tests {
		if slices.Contains(t.Needs, f) {
			n++
		}
	}
	tell := "tests that need it are skipped"
	if n == 1 {
		tell = "test that needs it is skipped"
	}
	return results.Lack{Option: feature.Option(f), Got: got, Tests: n, Why: fmt.Sprintf("%s: %d %s", f, n, tell)}, n > 0
}

// untestable is the error for a kernel that lacks what nothing can be tested
// without; nil if it lacks nothing of that kind. advice says what to do.
func untestable(what, from string, list []results.Lack, advice string) error {
	var b strings.Builder
	n := 0
	for _, l := range list {
		if l.Fatal {
			n++
			fmt.Fprintf(&b, "\n  %s", l)
		}
	}
	if n == 0 {
		return nil
	}
	return blame.On(blame.Nothing, fmt.Errorf("%s can't be tested, so says %s:%s\n%s", what, from, b.String(), advice))
}

// without takes from what a kernel must have what its configuration is known to
// lack.
func without(must []feature.Name, list []results.Lack) []feature.Name {
	return slices.DeleteFunc(slices.Clone(must), func(f feature.Name) bool {
		return slices.ContainsFunc(list, func(l results.Lack) bool { return l.Option == feature.Option(f) })
	})
}

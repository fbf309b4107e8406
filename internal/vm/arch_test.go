package vm

import (
	"runtime"
	"slices"
	"strings"
	"testing"

	"uetest/internal/blame"
)

func TestEveryArchitectureHasAMachine(t *testing.T) {
	for arch, want := range map[string]string{"": "microvm", "x86_64": "microvm", "arm64": "virt", "riscv64": "virt"} {
		m, ok := MachineFor(arch)
		if !ok || m.Type != want || arch != "" && m.Arch != arch {
			t.Errorf("%q: machine %s of %s, %v; want %s", arch, m.Type, m.Arch, ok, want)
		}
		usual, _, _ := strings.Cut(m.CPU[TCG], ",")
		if !slices.Contains(m.Models, usual) {
			t.Errorf("%s: the usual model %s is not among %q", m.Arch, usual, m.Models)
		}
	}
	if m, ok := MachineFor("s390x"); ok {
		t.Errorf("s390x has the machine %+v", m)
	}
}

// KVM runs guests of the host's own architecture; for others nothing is asked of
// the host.
func TestAForeignGuestIsEmulated(t *testing.T) {
	for arch, goarch := range goArch {
		if goarch == runtime.GOARCH {
			continue
		}
		a, why, err := ProbeAccel(t.Context(), ProbeConfig{QEMU: "true", Arch: arch})
		if err != nil || a != TCG || !strings.Contains(why, "a guest of "+arch+" needs emulation on "+runtime.GOARCH) {
			t.Errorf("%s: %v, %q, %v", arch, a, why, err)
		}
		_, _, err = ProbeAccel(t.Context(), ProbeConfig{QEMU: "true", Arch: arch, Want: "kvm"})
		if err == nil || blame.Of(err) != blame.Host || !strings.Contains(err.Error(), "needs emulation") {
			t.Errorf("%s under KVM: %v, want an error of the host", arch, err)
		}
	}
}

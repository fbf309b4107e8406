package pipeline

import (
	"testing"

	"uetest/internal/results"
	"uetest/internal/vm"
)

func TestWhyNoGuestHasTwoCPUs(t *testing.T) {
	riscv, why := vm.VirtRISCV64, vm.VirtRISCV64.OneCPU
	if why == "" {
		t.Fatal("a guest of riscv64 may have several CPUs: the test needs a machine that may not")
	}
	for _, tt := range []struct {
		name    string
		machine vm.Machine
		accel   vm.Accel
		asked   int
		clock   vm.Clock
		want    string
		single  bool
	}{
		{"QEMU emulates it badly", riscv, vm.TCG, 0, vm.Clock{}, why, true},
		{"the user asks for two", riscv, vm.TCG, 2, vm.Clock{}, "", false},
		{"KVM", riscv, vm.KVM, 0, vm.Clock{}, "", false},
		{"QEMU emulates it well", vm.Microvm, vm.TCG, 0, vm.Clock{}, "", false},
	} {
		d := &driver{cfg: &Config{Machine: results.Machine{CPUs: tt.asked}, Clock: tt.clock}, guest: &guest{machine: tt.machine, accel: tt.accel}}
		if got := d.oneCPU(); got != tt.want || d.single() != tt.single {
			t.Errorf("%s: %q, single %v", tt.name, got, d.single())
		}
	}
}

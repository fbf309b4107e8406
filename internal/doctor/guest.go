package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"uetest/internal/needs"
	"uetest/internal/vm"
)

// sandbox tells whether the QEMUs that are there can be confined.
func (e *examiner) sandbox(ctx context.Context) {
	for _, arch := range e.Arches {
		m, ok := vm.MachineFor(arch)
		if !ok || !has(m.QEMU) {
			continue // told with the packages
		}
		f := Finding{Name: "QEMU's sandbox", Level: Levels[needs.Main], State: OK, Found: "works in " + m.QEMU}
		if err := vm.ProbeSandbox(ctx, m.QEMU); err != nil {
			f.State, f.Found = Lacks, reason(err)
			f.Without = "no guest can boot: QEMU is not run without it"
			f.Get = []string{"a QEMU that is built with seccomp, as Debian's is; in a container, a seccomp profile that lets a process confine itself"}
		}
		e.add(f)
	}
}

const kvmDevice = "/dev/kvm"

// kvm has a guest run, if there is what it takes. What was found out earlier does
// not count: whoever asks may have changed something.
func (e *examiner) kvm(ctx context.Context) {
	f := Finding{Name: "KVM", Level: Levels[needs.Speed], State: OK}
	switch {
	case !e.wants(vm.Microvm.Arch):
		f.State, f.Found = Note, "for guests of "+vm.Microvm.Arch+" alone"
	case !has(vm.Microvm.QEMU):
		f.State, f.Found = Note, "not tried: there is no "+vm.Microvm.QEMU
	}
	if f.State != OK {
		e.add(f)
		return
	}
	accel, why, err := vm.ProbeAccel(ctx, vm.ProbeConfig{})
	switch {
	case err != nil:
		f.State, f.Found = Lacks, "could not be tried: "+reason(err)
		f.Get = kvmAdvice(kvmDevice)
	case accel == vm.KVM:
		f.Found = why + " on " + kvmDevice
	default:
		f.State, f.Found = Lacks, why
		f.Get = kvmAdvice(kvmDevice)
	}
	if f.State == Lacks {
		f.Without = "guests are emulated"
	}
	e.add(f)
}

// kvmAdvice says what to do about a device that cannot be used.
func kvmAdvice(device string) []string {
	file, err := os.OpenFile(device, os.O_RDWR, 0)
	if err == nil {
		_ = file.Close()
		return []string{"a machine whose virtualization is its processor's: nothing done on this one helps"}
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return []string{"switch virtualization on in the firmware, or nested virtualization in the host; in a container: docker run --device=" + device}
	case errors.Is(err, fs.ErrPermission):
		return []string{fmt.Sprintf("sudo usermod -aG kvm %s, and log in again; in a CI's machine: sudo chmod 0666 %s", user(), device)}
	}
	return []string{"sudo modprobe kvm_intel, or kvm_amd"}
}

func user() string {
	if name := os.Getenv("USER"); name != "" {
		return name
	}
	return "USER"
}

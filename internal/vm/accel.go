package vm

// Accel is who executes the guest's instructions.
type Accel int

// The accelerators.
const (
	TCG Accel = iota // emulation: works everywhere
	KVM              // the host's CPU
)

// String is QEMU's name of the accelerator.
func (a Accel) String() string {
	if a == KVM {
		return "kvm"
	}
	return "tcg"
}

// Scale stretches a time limit that is meant for hardware: every limit on what
// a guest does is multiplied by it. For TCG it is 3. A boot to the first message
// takes 0.6 s on an idle host of two cores; with four times as much to do as it
// has cores it took 1.8 s, and 4.0 s in the worst of 180.
func (a Accel) Scale() float64 {
	if a == KVM {
		return 1
	}
	return 3
}

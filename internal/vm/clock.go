package vm

import (
	"cmp"
	"errors"
	"fmt"
)

// ClockMode is what a guest's time is made of.
type ClockMode int

// The modes. All but HostTime count the guest's instructions, which QEMU does
// under emulation alone; a recording takes one virtual CPU (replay/replay.c:
// "not supported for 'smp'"), and with two the guest of VirtualTime hangs.
const (
	// HostTime passes for the guest as it does for the host.
	HostTime ClockMode = iota
	// VirtualTime passes with the guest's instructions, and at once when all of
	// them sleep: a host that is busy with other things makes nothing late.
	VirtualTime
	// Recording has VirtualTime's instructions take at least the host's time for
	// it, and writes what came from outside to Clock.Log.
	Recording
	// Replaying does what Clock.Log says, instruction for instruction. What is
	// sent to the guest's port or typed at its console does not arrive.
	Replaying
)

// Clock is a guest's clock.
type Clock struct {
	Mode ClockMode
	Log  string // path of the log of what came from outside, when recording or replaying
	// Shift has an instruction of VirtualTime take 2 to the power of it in ns: what
	// spins up to a time limit is through with fewer of them. 0 is the usual one.
	Shift int
}

// Counts reports whether time is made of instructions.
func (c Clock) Counts() bool { return c.Mode != HostTime }

// logs reports whether there is a log.
func (c Clock) logs() bool { return c.Mode == Recording || c.Mode == Replaying }

// Patience stretches limits that are measured on the host's clock while the
// guest has one of its own, beyond Accel.Scale. What hangs in the guest is
// found by the guest's own limits; the host's are there for a guest that cannot
// tell time any more.
func (c Clock) Patience() float64 {
	if c.Counts() {
		return 10
	}
	return 1
}

// instructionShift has one instruction take 16 ns, 2 to the power of it. Less
// and the guest has more to do before a timer is due, more and a second of its
// time has too few instructions for its own time limits. The oops of a page's
// end, recorded and replayed on a busy host: with 1 14 s and 29 s, with 2 20 s
// and 26 s, with 4 7 s and 9 s, with 6 5 s and 7 s.
const instructionShift = 4

// countedTSC is the frequency in kHz of the time stamp counter of a guest that
// counts instructions: it counts ns (softmmu/cpus.c, cpus_get_elapsed_ticks).
const countedTSC = 1_000_000

func (c Clock) args() []string {
	switch c.Mode {
	case VirtualTime:
		return []string{"-icount", fmt.Sprintf("shift=%d,sleep=off", cmp.Or(c.Shift, instructionShift))}
	case Recording:
		return []string{"-icount", fmt.Sprintf("shift=%d,rr=record,rrfile=%s", instructionShift, escape(c.Log))}
	case Replaying:
		return []string{"-icount", fmt.Sprintf("shift=%d,rr=replay,rrfile=%s", instructionShift, escape(c.Log))}
	}
	return nil
}

// check finds what QEMU would refuse in other words, or hang with.
func (c Clock) check(cfg Config) error {
	switch {
	case !c.Counts():
		return nil
	case cfg.SaveTo != "":
		return errors.New("virtual machine that counts instructions and can be saved: its count would not go on")
	case cfg.Accel != TCG:
		return errors.New("virtual machine that counts instructions under KVM: only emulation counts them")
	case cfg.CPUs != 1:
		return fmt.Errorf("virtual machine that counts instructions with %d CPUs: that takes one", cfg.CPUs)
	case c.logs() && cfg.Machine.Type != Microvm.Type:
		// The second serial port of recordedPort would be one of the guest's.
		return fmt.Errorf("virtual machine of type %s to be recorded or replayed: that takes %s", cfg.Machine.Type, Microvm.Type)
	case c.logs() && c.Log == "":
		return errors.New("virtual machine to be recorded or replayed without a log")
	}
	return nil
}

package catalog

// unalignedTrap is the fault that x86 does not show: its locked instructions
// take any address.
const unalignedTrap = "unaligned-trap"

// traps is what becomes elsewhere of a test that registers a word at 4 modulo 8
// on g1. The kernel sets and clears its bit by an atomic access of eight bytes
// (user_event_enabler_write, set_bit), which arm64 and riscv64 do at a multiple
// of eight alone: REG, which clears the bit, ends in an oops. saw is what the
// test saw until then, promise what it would see without.
func traps(saw, promise string) map[string]Differs {
	trap := Differs{
		Why:       "an atomic access of eight bytes has to be aligned to eight",
		Isolation: Fresh,
		Expect: map[Generation]Expect{
			G1: {Saw: saw, Splat: "alignment fault in user_event_enabler_write", Fault: unalignedTrap, Promise: promise},
		},
	}
	return map[string]Differs{"arm64": trap, "riscv64": trap}
}

// onlyX86 is for a test that says nothing elsewhere.
func onlyX86(why string) map[string]Differs {
	absent := Differs{Why: why, Absent: true}
	return map[string]Differs{"arm64": absent, "riscv64": absent}
}

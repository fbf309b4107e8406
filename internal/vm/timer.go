package vm

import "regexp"

// noTimer is how a kernel says that it goes on without the timer of its CPU: it
// counted that against the time stamp counter for 100 ms, and the host gave the
// CPU to somebody else meanwhile (arch/x86/kernel/apic/apic.c,
// calibrate_APIC_clock).
var noTimer = regexp.MustCompile(`APIC frequency too slow, disabling apic timer|APIC timer disabled due to verification failure`)

// LostTimer returns the line of a kernel's log by which it has no timer for its
// CPU, and "" if there is none. Such a guest boots, and is of no use: what waits
// for a time may wait for ever. It is the host's doing, and another boot is not
// likely to meet it.
func LostTimer(console []byte) string { return string(noTimer.Find(console)) }

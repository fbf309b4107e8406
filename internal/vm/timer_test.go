package vm

import "testing"

func TestLostTimer(t *testing.T) {
	for log, want := range map[string]string{
		"": "",
		"[    0.536][    T1] Using local APIC timer interrupts.\n":                                                                           "",
		"[    0.534696][    T0] pid_max: 32768\n[    0.538563][    T1] APIC frequency too slow, disabling apic timer\n[    0.5][    T1] x\n": "APIC frequency too slow, disabling apic timer",
		"[    0.5][    T1] APIC timer disabled due to verification failure\n":                                                                "APIC timer disabled due to verification failure",
		"[    0.5][    T1] Disabling APIC timer\n":                                                                                           "", // asked for by the parameter nolapic_timer
	} {
		if got := LostTimer([]byte(log)); got != want {
			t.Errorf("LostTimer(%q) = %q, want %q", log, got, want)
		}
	}
}

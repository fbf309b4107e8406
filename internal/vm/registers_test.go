package vm

import "testing"

// As QEMU 7.2 prints them, with what matters.
const (
	registersARM64 = `
CPU#0
 PC=ffff80000820d9a4 X00=ffff000002d5b104 X01=0000000000000001
X29=ffff80000a27bcb0 X30=ffff80000820d99c  SP=ffff80000a27bcb0
PSTATE=600000c5 -ZC- EL1h  SVCR=00000000 --  BTYPE=0    FPU disabled

CPU#1
 PC=000000000008a6b0 X00=0000000000000000 X01=0000000000000001
X29=0000ffffc5a1fe28 X30=000000000008a690  SP=0000ffffc5a1fe20
PSTATE=80001000 N--- EL0t  SVCR=00000000 --  BTYPE=0    FPU disabled
`
	registersRISCV = `
CPU#0
 V      =   0
 pc       ffffffff80009c1e
 mhartid  0000000000000000
 mepc     0000000080000f2a
 x0/zero  0000000000000000 x1/ra    ffffffff80009c18 x2/sp    ff2000000066bd50 x3/gp    ffffffff81a2c1a8

CPU#1
 V      =   0
 pc       000000000008a6b0
 mhartid  0000000000000001
 x0/zero  0000000000000000 x1/ra    000000000008a690 x2/sp    0000003fa5a1fe20 x3/gp    0000000000000000
`
)

func TestRegistersOfOtherMachines(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       []registers
	}{
		{"arm64", registersARM64, []registers{
			{0, 0xffff80000a27bcb0, CPUPlace{IP: 0xffff80000820d9a4}},
			{1, 0xffffc5a1fe20, CPUPlace{IP: 0x8a6b0, User: true}},
		}},
		{"riscv64", registersRISCV, []registers{
			{0, 0xff2000000066bd50, CPUPlace{IP: 0xffffffff80009c1e}},
			{1, 0x3fa5a1fe20, CPUPlace{IP: 0x8a6b0, User: true}},
		}},
	} {
		got := parseRegisters(tt.text)
		if len(got) != len(tt.want) {
			t.Fatalf("%s: %+v", tt.name, got)
		}
		for i := range got {
			if got[i] != tt.want[i] {
				t.Errorf("%s: got %+v, want %+v", tt.name, got[i], tt.want[i])
			}
		}
	}
}

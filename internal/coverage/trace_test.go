package coverage

import (
	"maps"
	"strings"
	"testing"
)

// traced is what QEMU 7.2 wrote, with an instruction that takes two lines and an
// end in the middle of one.
const traced = `----------------
IN: 
0xffffffff811a8b40:  41 56                    pushq    %r14
0xffffffff811a8b42:  48 c7 84 24 a8 00 00 00  movq     $0, 0xa8(%rsp)
0xffffffff811a8b4a:  00 00 00 00

----------------
IN: user_events_ioctl
0xffffffff811a8b4e:  e8 2d 4f e5 ff           callq    0xffffffff81000000

----------------
IN: 
0xffffffff811a8c`

func TestTraceHasTheAddressesOfInstructions(t *testing.T) {
	got, err := ReadTrace(strings.NewReader(traced))
	want := map[uint64]bool{0xffffffff811a8b40: true, 0xffffffff811a8b42: true, 0xffffffff811a8b4a: true, 0xffffffff811a8b4e: true}
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("%v, %v; want %v", got, err, want)
	}
	if got, err := ReadTrace(strings.NewReader("")); err != nil || len(got) != 0 {
		t.Errorf("an empty trace: %v, %v", got, err)
	}
}

func TestTraceWithoutAddressesIsAnError(t *testing.T) {
	for name, text := range map[string]string{
		"no disassembler": "----------------\nIN: \nOBJD-T: 4889e5\n",
		"no lines":        strings.Repeat("x", maxTraceLine+1),
	} {
		if got, err := ReadTrace(strings.NewReader(text)); err == nil {
			t.Errorf("%s: %v, want an error", name, got)
		}
	}
}

func FuzzTrace(f *testing.F) {
	f.Add(traced)
	f.Add("IN:\n0x:\n0xg:\n0xffffffffffffffffff: \n")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := ReadTrace(strings.NewReader(text))
		if err == nil && len(got) > strings.Count(text, "0x") {
			t.Fatalf("%d addresses in %q", len(got), text)
		}
	})
}

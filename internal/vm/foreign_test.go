package vm

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"uetest/internal/proc"
)

// Guests of other machines: testdata/arm64.S and testdata/riscv64.S up to their
// flag, which has them print dots, and their text.
var foreign = map[string]string{
	"arm64": "" +
		"1000001400000000000000000000000000100000000000000000000000000000" +
		"00000000000000000000000000000000000000000000000041524d6400000000" +
		"0120a1d2e20500304014403860000034200000b9fdffff174205001040004039" +
		"a0000035200180520080b072020000d40000001443e03bd504e03bd5850c80d2" +
		"8408c59a6300048b45e03bd5bf0003ebc3ffff54c0058052200000b9f6ffff17",
	"riscv64": "" +
		"6f00000400000000000020000000000000100000000000000000000000000000" +
		"0200000000000000000000000000000052495343560000005253430500000000" +
		"37030010970300009383d30b03c50300630805002300a300938313006ff01fff" +
		"970300009383030a03c5030063100502b75852539b8848351308000013051000" +
		"93050000730000006f000000732e10c0b78e01009b8e0e6a330ede01732f10c0" +
		"e36ecfff1305e0022300a3006ff01ffe13000000130000001300000013000000" +
		"1300000013000000130000001300000013000000130000001300000013000000" +
		"1300000013000000130000001300000013000000130000001300000013000000",
}

// foreignKernel writes such a guest as an image for machine m. It skips a test on
// a host without that machine, which none has to have.
func foreignKernel(t testing.TB, m Machine, text string, ticks bool) string {
	t.Helper()
	if _, err := proc.LookPath(m.QEMU); err != nil {
		t.Skipf("%v, or scripts/setup --arch %s", err, m.Arch)
	}
	code, err := hex.DecodeString(foreign[m.Arch])
	if err != nil {
		t.Fatal(err)
	}
	image := make([]byte, 4096)
	copy(image, code)
	if ticks {
		image[256] = 1
	}
	copy(image[257:], text)
	path := filepath.Join(t.TempDir(), "Image")
	if err := os.WriteFile(path, image, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// The machine boots an Image, its console is the first serial port, and a reset
// is its end.
func TestForeignMachineBootsAnImage(t *testing.T) {
	t.Parallel()
	for _, m := range []Machine{VirtARM64, VirtRISCV64} {
		for _, model := range m.Models {
			t.Run(m.Arch+"/"+model, func(t *testing.T) {
				t.Parallel()
				v := start(t, Config{Machine: m, CPU: model, Kernel: foreignKernel(t, m, "[    1.0] reboot: Restarting system\r\n", false)})
				ends(t, v, bootLimit)
				if v.End() != Restarted || v.Err() != nil {
					t.Errorf("%s, %v; console %q", v.End(), v.Err(), v.ConsoleTail(5))
				}
				// The firmware of riscv64 prints before.
				if tail := strings.Join(v.ConsoleTail(1), ""); tail != "[    1.0] reboot: Restarting system" {
					t.Errorf("console ends with %q", tail)
				}
			})
		}
	}
}

// A guest that counts on its clock and prints goes on where it was saved, any
// number of times, and is found at work by a dump.
func TestForeignGuestIsSavedAndRestored(t *testing.T) {
	t.Parallel()
	for _, m := range []Machine{VirtARM64} {
		t.Run(m.Arch, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			cfg := Config{Machine: m, Kernel: foreignKernel(t, m, "hello\r\n", true), SaveTo: dir, Port: "test"}
			v := start(t, cfg)
			dots := func(v *VM) int { return strings.Count(strings.Join(v.ConsoleTail(1), ""), ".") }
			eventually(t, bootLimit, "dots", func() bool { return dots(v) > 2 })
			if err := v.Save(t.Context()); err != nil {
				t.Fatal(err)
			}
			cfg.SaveTo = ""
			for range 2 {
				cfg.Console = filepath.Join(t.TempDir(), "console")
				g, err := Restore(t.Context(), cfg, dir)
				if err != nil {
					t.Fatal(err)
				}
				eventually(t, endLimit, "dots of a restored guest", func() bool { return dots(g) > 2 })
				if tail := strings.Join(g.ConsoleTail(9), ""); strings.Trim(tail, ".") != "" {
					t.Errorf("the console of a restored guest has %q", tail)
				}
				text, err := g.human(t.Context(), 0, "info registers -a")
				r := parseRegisters(text)
				if err != nil || len(r) != DefaultCPUs || r[0].IP == 0 && r[1].IP == 0 {
					t.Errorf("registers %+v of %q, %v", r, text, err)
				}
				if err := g.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

package vm

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"uetest/internal/blame"
	"uetest/internal/proc"
)

// The positive control: where a guest runs, the probe says so.
func TestProbesGuestRunsUnderEmulation(t *testing.T) {
	needQEMU(t)
	works, why, err := runProbe(t.Context(), Microvm.QEMU, TCG, probeImage())
	if err != nil || !works || why != "a guest ran" {
		t.Errorf("got %v, %q, %v", works, why, err)
	}
}

func TestProbeTellsWhatWentWrong(t *testing.T) {
	needQEMU(t)
	const begin = "\xb0A\xe6\xe9" // mov $'A', %al; out %al, $0xe9
	exit := func(v byte) []byte { return []byte{0xb8, v, 0, 0, 0, 0xe7, exitPort} }
	for name, tt := range map[string]struct {
		code []byte
		want string
	}{
		"no instruction":       {codeHalt, "opens but a guest ran no instruction in 1s"},
		"too few instructions": {append([]byte(begin), codeHalt...), "ran too few instructions in 1s"},
		"reset":                {append([]byte(begin), codeTripleFault...), "its guest had not run"},
		"another value":        {exit(probeValue + 1), "status 87"},
	} {
		t.Run(name, func(t *testing.T) {
			mem := make([]byte, 4096)
			copy(mem, tt.code)
			start := time.Now()
			works, why, err := runProbe(t.Context(), Microvm.QEMU, TCG, pvhImage(mem))
			if err != nil || works || !strings.Contains(why, tt.want) {
				t.Errorf("got %v, %q, %v; want %q", works, why, err, tt.want)
			}
			if took := time.Since(start); took > probeLimit+endLimit {
				t.Errorf("took %v", took)
			}
		})
	}
}

func TestProbeSaysWhyQEMUFailed(t *testing.T) {
	script := filepath.Join(t.TempDir(), "qemu")
	if err := os.WriteFile(script, []byte("#!/bin/sh\necho 'failed to initialize kvm: Permission denied' >&2\nexit 1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	works, why, err := runProbe(t.Context(), script, KVM, probeImage())
	if err != nil || works || !strings.Contains(why, "failed to initialize kvm: Permission denied") {
		t.Errorf("got %v, %q, %v", works, why, err)
	}
}

func TestProbeEndsWithItsContext(t *testing.T) {
	needQEMU(t)
	mem := make([]byte, 4096)
	copy(mem, codeHalt)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, _, err := runProbe(ctx, Microvm.QEMU, TCG, pvhImage(mem)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

// What ProbeAccel says has to agree with what a guest on this machine does.
func TestProbeAccelIsRightAboutThisMachineAndRemembers(t *testing.T) {
	needQEMU(t)
	cfg := ProbeConfig{Cache: filepath.Join(t.TempDir(), "cache")}
	start := time.Now()
	accel, why, err := ProbeAccel(t.Context(), cfg)
	if took := time.Since(start); err != nil || why == "" || took > probeLimit+endLimit {
		t.Fatalf("got %v, %q, %v after %v", accel, why, err, took)
	}
	t.Logf("%v: %s (%v)", accel, why, time.Since(start))

	v := startKVM(t)
	if (v != nil) != (accel == KVM) {
		t.Errorf("probe: %v; a guest under KVM: %v", accel, v)
	}

	start = time.Now()
	again, whyAgain, err := ProbeAccel(t.Context(), cfg)
	if took := time.Since(start); err != nil || again != accel || took > 100*time.Millisecond {
		t.Errorf("the second time: %v, %q, %v after %v", again, whyAgain, err, took)
	}
	if f, err := os.OpenFile(kvmDevice, os.O_RDWR, 0); err == nil {
		_ = f.Close()
		if whyAgain != why+" (probed earlier)" {
			t.Errorf("the second time: %q, want %q (probed earlier)", whyAgain, why)
		}
	}

	cfg.Want = "kvm"
	accel, _, err = ProbeAccel(t.Context(), cfg)
	if again == KVM && (err != nil || accel != KVM) {
		t.Errorf("kvm asked for and there: %v, %v", accel, err)
	}
	if again != KVM && (err == nil || blame.Of(err) != blame.Host || !strings.HasPrefix(err.Error(), "KVM does not work here: ")) {
		t.Errorf("kvm asked for and not there: %v, %v", accel, err)
	}
}

// startKVM returns a machine under KVM whose guest does what the probe's does
// and then halts, if it still runs after a second; else nil.
func startKVM(t *testing.T) *VM {
	t.Helper()
	mem := make([]byte, 4*4096)
	image := probeImage()
	copy(mem, image[0x1000:])
	copy(mem[bytes.Index(mem, []byte{0xb8, probeValue, 0, 0, 0}):], codeHalt)
	path := filepath.Join(t.TempDir(), "kernel")
	if err := os.WriteFile(path, pvhImage(mem), 0o600); err != nil {
		t.Fatal(err)
	}
	v, err := Start(t.Context(), Config{Accel: KVM, Kernel: path, Port: "test", Console: filepath.Join(t.TempDir(), "console")})
	if err != nil {
		t.Log("a guest under KVM:", err)
		return nil
	}
	t.Cleanup(func() { _ = v.Close() })
	select {
	case <-v.Done():
		if v.End() != Failed || blame.Of(v.Err()) != blame.Host {
			t.Errorf("a guest under KVM: %q, %v", v.End(), v.Err())
		}
		t.Log("a guest under KVM:", v.End(), v.Err())
		return nil
	case <-time.After(probeLimit):
		return v
	}
}

func TestVerdictIsForgottenIfAnythingChanges(t *testing.T) {
	cache := t.TempDir()
	k := key{Probe: "p", Boot: "b", QEMU: "q", KVM: "k"}
	if _, ok := recall(cache, k); ok {
		t.Error("an empty cache has a verdict")
	}
	if err := remember(cache, verdict{Key: k, Works: true, Why: "a guest ran"}); err != nil {
		t.Fatal(err)
	}
	if v, ok := recall(cache, k); !ok || !v.Works || v.Why != "a guest ran" {
		t.Errorf("got %+v, %v", v, ok)
	}
	for _, other := range []key{
		{"x", "b", "q", "k"}, {"p", "x", "q", "k"}, {"p", "b", "x", "k"}, {"p", "b", "q", "x"},
	} {
		if v, ok := recall(cache, other); ok {
			t.Errorf("%+v: got %+v", other, v)
		}
	}
	for _, damage := range []string{"", "{", "[]", "null", `{"key":{"probe":"p","boot":"b","qemu":"q","kvm":"k"}}`} {
		if err := os.WriteFile(filepath.Join(cache, verdictFile), []byte(damage), 0o600); err != nil {
			t.Fatal(err)
		}
		if v, ok := recall(cache, k); ok {
			t.Errorf("%q: got %+v", damage, v)
		}
	}
	left, err := os.ReadDir(cache)
	if err != nil || len(left) != 1 {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestKeyChangesWithQEMU(t *testing.T) {
	if _, err := os.Stat(kvmDevice); err != nil {
		t.Skip(err)
	}
	qemu := filepath.Join(t.TempDir(), "qemu")
	keyOf := func(text string) key {
		if err := os.WriteFile(qemu, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
		k, err := ProbeConfig{QEMU: qemu}.key()
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	a, b := keyOf("one"), keyOf("another")
	if a == b || a.Boot == "" || a.KVM == "" {
		t.Errorf("%+v, then %+v", a, b)
	}
}

func TestWantIsObeyedOrRefused(t *testing.T) {
	accel, why, err := ProbeAccel(t.Context(), ProbeConfig{Want: "tcg", QEMU: "/nowhere/qemu"})
	if err != nil || accel != TCG || why != "asked for" {
		t.Errorf("tcg: %v, %q, %v", accel, why, err)
	}
	if _, _, err := ProbeAccel(t.Context(), ProbeConfig{Want: "hvf"}); err == nil || blame.Of(err) != blame.Usage {
		t.Errorf("hvf: %v", err)
	}
	t.Setenv("PATH", t.TempDir())
	if _, _, err := ProbeAccel(t.Context(), ProbeConfig{}); err == nil || !strings.Contains(err.Error(), "apt-get install qemu-system-x86") {
		t.Errorf("no QEMU: %v", err)
	}
}

func TestProbeCodeIsItsSource(t *testing.T) {
	for _, tool := range []string{"gcc", "ld"} {
		if _, err := proc.LookPath(tool); err != nil {
			t.Skip(err)
		}
	}
	object, image := filepath.Join(t.TempDir(), "probe.o"), filepath.Join(t.TempDir(), "probe")
	for _, c := range []proc.Cmd{
		{Path: "gcc", Args: []string{"-c", "-o", object, "testdata/probe.S"}},
		{Path: "ld", Args: []string{"-m", "elf_x86_64", "-Ttext=0x100000", "--oformat=binary", "-o", image, object}},
	} {
		if err := proc.Run(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(image)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(probeCode, want) {
		t.Errorf("probeCode is %x, testdata/probe.S is %x", probeCode, want)
	}
}

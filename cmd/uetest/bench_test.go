package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/u-root/u-root/pkg/cpio"

	"uetest/internal/paired"
	"uetest/internal/vm"
)

// BenchmarkOneTest is a "uetest run" of one test, everything cached, against
// QEMU alone with the same kernel, the same machine and the smallest init. The
// two run in turn, so that a machine whose speed drifts does so for both.
//
//	go test -run '^$' -bench OneTest -benchtime 7x ./cmd/uetest
func BenchmarkOneTest(b *testing.B) {
	uetest := buildUetest(b)
	vmlinux := strings.TrimSpace(output(b, uetest, "kernel", "path", "-q", "rfc"))
	run := []string{uetest, "run", "-q", "--accel", "tcg", "--run", "enable/event-file"}
	output(b, run...) // fills the caches
	bare := []string{"qemu-system-x86_64", "-M", "microvm", "-accel", "tcg", "-cpu", "max,la57=off",
		"-smp", "2", "-m", "512", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
		"-serial", "file:" + filepath.Join(b.TempDir(), "console"), "-kernel", vmlinux, "-initrd", mininit(b),
		"-append", fmt.Sprintf("console=ttyS0 panic=-1 reboot=t tsc=reliable tsc_early_khz=%d", vm.HostTSC())}
	var times paired.Times
	for b.Loop() {
		times.Add(func() { output(b, run...) }, func() { output(b, bare...) })
	}
	times.Report(b, "uetest", "bare")
}

// mininit returns an initramfs of nothing but testdata/mininit.
func mininit(b *testing.B) string {
	b.Helper()
	b.Setenv("CGO_ENABLED", "0")
	dir := b.TempDir()
	output(b, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", filepath.Join(dir, "init"), "./testdata/mininit")
	data, err := os.ReadFile(filepath.Join(dir, "init"))
	if err != nil {
		b.Fatal(err)
	}
	file := filepath.Join(dir, "initramfs.cpio")
	f, err := os.Create(file)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	w := cpio.Newc.Writer(f)
	records := []cpio.Record{cpio.Directory("dev", 0o755), cpio.CharDev("dev/console", 0o600, 5, 1), cpio.StaticFile("init", string(data), 0o755)}
	if err := cpio.WriteRecords(w, records); err != nil {
		b.Fatal(err)
	}
	if err := cpio.WriteTrailer(w); err != nil {
		b.Fatal(err)
	}
	return file
}

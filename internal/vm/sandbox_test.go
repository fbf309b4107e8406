package vm

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"uetest/internal/blame"
)

func TestSandboxIsProbedByAQEMU(t *testing.T) {
	needQEMU(t)
	if err := ProbeSandbox(t.Context(), Microvm.QEMU); err != nil {
		t.Errorf("QEMU's sandbox: %v", err)
	}
	// What a QEMU without seccomp says (7.2, softmmu/vl.c).
	without := filepath.Join(t.TempDir(), "qemu")
	if err := os.WriteFile(without, []byte("#!/bin/sh\necho 'qemu: -sandbox on: There is no option group '\"'sandbox'\" >&2\nexit 1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := ProbeSandbox(t.Context(), without); err == nil || blame.Of(err) != blame.Host || !strings.Contains(err.Error(), "no option group") {
		t.Errorf("a QEMU without a sandbox: %v (%v)", err, blame.Of(err))
	}
}

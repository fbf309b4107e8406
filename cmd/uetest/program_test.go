package main

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// output runs a command and returns what it printed; it has to end well.
func output(t testing.TB, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s%s", strings.Join(args, " "), err, stdout.String(), stderr.String())
	}
	return stdout.String()
}

// buildUetest builds the program as scripts/setup does.
func buildUetest(t testing.TB) string {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("UETEST_ROOT", root)
	file := filepath.Join(t.TempDir(), "uetest")
	output(t, "go", "build", "-trimpath", "-buildvcs=false", "-o", file, ".")
	return file
}

package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
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

// shared is what the tests have in common: a directory that is removed at their
// end, and the program.
type shared struct{ m *testing.M }

var (
	scratch string
	program = sync.OnceValues(func() (string, error) {
		file := filepath.Join(scratch, "uetest")
		out, err := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-o", file, ".").CombinedOutput()
		if err != nil {
			return "", fmt.Errorf("go build: %w\n%s", err, out)
		}
		return file, nil
	})
)

// Run runs the tests.
func (s shared) Run() int {
	root, err := filepath.Abs("../..")
	if err == nil {
		err = os.Setenv("UETEST_ROOT", root)
	}
	if err == nil {
		scratch, err = os.MkdirTemp("", "uetest-program-*")
	}
	if err != nil {
		fmt.Println(err)
		return 1
	}
	code := s.m.Run()
	if err := os.RemoveAll(scratch); err != nil {
		fmt.Println(err)
		code = 1
	}
	return code
}

// buildUetest builds the program as scripts/setup does, once for all tests.
func buildUetest(t testing.TB) string {
	t.Helper()
	file, err := program()
	if err != nil {
		t.Fatal(err)
	}
	return file
}

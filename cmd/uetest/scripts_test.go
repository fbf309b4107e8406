package main

import (
	"errors"
	"os/exec"
	"strings"
	"testing"
)

// scripts/setup installs nothing before it has understood what it is asked for.
func TestSetupRefusesWhatItDoesNotKnow(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip(err)
	}
	for _, args := range []string{"--arch", "--arch=", "--arch m68k", "--arch=arm64,m68k", "--arch m68k arm64", "run", "--help"} {
		out, err := exec.CommandContext(t.Context(), bash, append([]string{"../../scripts/setup"}, strings.Fields(args)...)...).CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 2 || !strings.Contains(string(out), "riscv64") {
			t.Errorf("scripts/setup %s: %v, want exit code 2\n%s", args, err, out)
		}
	}
}

package feature

import (
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

func TestCheckOfASystemCallIsNotFooledByItsErrors(t *testing.T) {
	// getppid cannot fail; there is no call with the number 4095.
	if !answers(unix.SYS_GETPPID, 0, 0)() || answers(4095, 0, 0)() {
		t.Error("answers does not tell a system call that there is from one that is not")
	}
}

func TestEachFeatureIsNamedOnce(t *testing.T) {
	all := All()
	slices.Sort(all)
	if len(all) == 0 || len(slices.Compact(slices.Clone(all))) != len(all) || all[0] == "" {
		t.Errorf("features %q", all)
	}
	if slices.Contains(all, UserEvents) {
		t.Error("a test may need user_events, without which none applies")
	}
}

package agent

import (
	"os"
	"os/exec"
	"testing"
)

func TestNextProcessHasAnIDFromNextPIDOn(t *testing.T) {
	if _, err := os.Stat("/proc/loadavg"); err != nil {
		t.Skip(err)
	}
	for try := range 5 { // ids start again from the bottom at pid_max
		from := nextPID()
		cmd := exec.Command("/proc/self/exe", "-test.run=^$")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		pid := cmd.Process.Pid
		_ = cmd.Wait()
		if from > 0 && pid >= from {
			return
		}
		t.Logf("try %d: nextPID gave %d, the next process has %d", try, from, pid)
	}
	t.Error("the next process never had an id from nextPID on")
}

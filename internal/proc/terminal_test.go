package proc

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
)

// The guard sets a terminal back when uetest is killed, unless uetest has done
// it itself: then it is somebody else's by now.
func TestGuardSetsTheTerminalBack(t *testing.T) {
	stty := func(tty *os.File, args ...string) string {
		t.Helper()
		out, err := exec.Command("stty", append([]string{"-F", tty.Name()}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("stty: %v\n%s", err, out)
		}
		return strings.TrimSpace(string(out))
	}
	if _, err := exec.LookPath("stty"); err != nil {
		t.Skip("needs stty: ", err)
	}
	for mode, back := range map[string]bool{"terminal": true, "terminal forget": false, "terminal panic": true, "terminal exit": true} {
		t.Run(mode, func(t *testing.T) {
			us, tty, err := pty.Open()
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _, _ = us.Close(), tty.Close() }()
			before := stty(tty, "-g")
			t.Setenv(terminalEnv, tty.Name()+" "+before)
			stty(tty, "raw", "-echo")
			raw := stty(tty, "-g")
			if raw == before {
				t.Fatal("the terminal was raw")
			}
			h, pgid, dir := startHelper(t, mode)
			if err := h.Signal(syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			eventually(t, 10*time.Second, "no process of the group and no directory", func() bool {
				return len(Members(pgid)) == 0 && gone(dir)
			})
			if !back {
				time.Sleep(200 * time.Millisecond) // the guard comes to terminals behind directories, or not
				if got := stty(tty, "-g"); got != raw {
					t.Errorf("the terminal was set to %s", got)
				}
				return
			}
			eventually(t, 10*time.Second, "the terminal as it was", func() bool { return stty(tty, "-g") == before })
		})
	}
}

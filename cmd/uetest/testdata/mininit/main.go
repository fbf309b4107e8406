// Command mininit is the smallest init there is: it says that it runs and ends
// the machine.
package main

import (
	"os"

	"golang.org/x/sys/unix"
)

func main() {
	// The console may be missing; then nobody would see an error either.
	_, _ = os.Stdout.WriteString("mininit\n")
	_ = unix.Reboot(unix.LINUX_REBOOT_CMD_RESTART)
}

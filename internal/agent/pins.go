package agent

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// settleLimit is how long the kernel may take to let go of pages after the last
// test.
const settleLimit = time.Second

// leftPinned says how many pages the kernel still holds pinned, or nothing if
// there are none. In the guest nobody but user_events pins pages, and whoever
// ran in it is gone.
func leftPinned() string {
	for end := time.Now().Add(settleLimit); ; time.Sleep(time.Millisecond) {
		// Each processor adds what it has counted for itself: otherwise some
		// dozens of pages would not be seen (Documentation/admin-guide/sysctl/
		// vm.rst, stat_refresh).
		_, _ = os.ReadFile("/proc/sys/vm/stat_refresh")
		text, err := os.ReadFile("/proc/vmstat")
		if err != nil {
			return ""
		}
		left := pinned(string(text))
		if left == 0 {
			return ""
		}
		if time.Now().After(end) {
			return fmt.Sprintf("%d pages are left pinned at the end (/proc/vmstat, nr_foll_pin_acquired - nr_foll_pin_released)", left)
		}
	}
}

// pinned is how many pages are pinned by pin_user_pages, as /proc/vmstat counts
// them (mm/vmstat.c); 0 for a kernel that does not count.
func pinned(vmstat string) int {
	pins := 0
	for line := range strings.Lines(vmstat) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		n, err := strconv.Atoi(value)
		if err != nil {
			continue
		}
		switch name {
		case "nr_foll_pin_acquired":
			pins += n
		case "nr_foll_pin_released":
			pins -= n
		}
	}
	return pins
}

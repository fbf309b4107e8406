package agent

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// sweepLimit is how long the removal of what a test left in files may take: a
// million of them take longer, and go on being removed while others run.
const sweepLimit = 500 * time.Millisecond

// sweep empties dirs and names what was in them, up to limit.
func sweep(dirs []string, limit time.Duration) string {
	var found []string
	for _, dir := range dirs {
		entries, _ := os.ReadDir(dir) // one that is not there has nothing
		for _, e := range entries {
			found = append(found, filepath.Join(dir, e.Name()))
		}
	}
	if len(found) == 0 {
		return ""
	}
	doomed := slices.Clone(found)
	done := make(chan error, 1)
	go func() {
		var first error
		for _, path := range doomed {
			if err := os.RemoveAll(path); err != nil && first == nil {
				first = err
			}
		}
		done <- first
	}()
	const most = 5
	if n := len(found); n > most {
		found = append(found[:most], fmt.Sprintf("and %d more", n-most))
	}
	names := strings.Join(found, ", ")
	select {
	case err := <-done:
		if err != nil {
			names += fmt.Sprintf(" (%v)", err)
		}
	case <-time.After(limit):
		names += " (not all of it yet)"
	}
	return names
}

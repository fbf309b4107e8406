package proc

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"uetest/internal/blame"
)

// TempDir makes a directory under $TMPDIR that ends with uetest at the latest:
// remove removes it, and if uetest is killed its guard does. The name starts
// with "uetest-"; pattern follows as in os.MkdirTemp. remove may be called any
// number of times.
func TempDir(pattern string) (dir string, remove func(), err error) {
	root, err := filepath.Abs(os.TempDir())
	if err != nil {
		return "", nil, blame.On(blame.Host, err)
	}
	// The guard reads lines of at most PIPE_BUF bytes.
	if strings.Contains(root, "\n") || len(root) > 3<<10 {
		return "", nil, blame.On(blame.Host, fmt.Errorf("$TMPDIR %q: has a newline or is too long", root))
	}
	dir, err = os.MkdirTemp(root, "uetest-"+pattern)
	if err != nil {
		return "", nil, blame.On(blame.Host, err)
	}
	entry := "d " + dir
	if err := theGuard.add(entry); err != nil {
		os.RemoveAll(dir)
		return "", nil, err
	}
	return dir, func() {
		if os.RemoveAll(dir) == nil { // else the guard tries again
			theGuard.remove(entry)
		}
	}, nil
}

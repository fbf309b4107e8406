package proc

import (
	"errors"
	"fmt"
	"os/exec"

	"uetest/internal/blame"
	"uetest/internal/needs"
)

// LookPath finds an executable as Start does. If there is none the error is
// the host's, names the Debian package where that is known, and is
// exec.ErrNotFound or fs.ErrNotExist.
func LookPath(name string) (string, error) {
	path, err := exec.LookPath(name)
	if err == nil {
		return path, nil
	}
	var e *exec.Error
	if errors.As(err, &e) {
		err = e.Err // else the name stands there twice
	}
	if pkg, known := needs.Package(name); known {
		return "", blame.On(blame.Host, fmt.Errorf("%s: %w; install it with: apt-get install %s", name, err, pkg))
	}
	return "", blame.On(blame.Host, fmt.Errorf("%s: %w", name, err))
}

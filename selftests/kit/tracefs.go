package kit

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"uetest/internal/feature"
)

// TryWriteFile writes text to a file of tracefs with one write(2), without
// creating or truncating it. The path is relative to tracefs.
func TryWriteFile(path, text string) error { return writeFile(path, text, unix.O_WRONLY) }

// writeFile opens with the given flags: O_TRUNC empties set_event, trace and
// dynamic_events first.
func writeFile(path, text string, flags int) error {
	full := filepath.Join(Tracefs, path)
	fd, err := unix.Open(full, flags|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open %s: %w", full, err)
	}
	defer func() { _ = unix.Close(fd) }()
	if _, err := unix.Write(fd, []byte(text)); err != nil {
		return fmt.Errorf("write %q to %s: %w", text, full, err)
	}
	return nil
}

// WriteFile is TryWriteFile where a failure is of no interest.
func (t *T) WriteFile(path, text string) { t.Check(TryWriteFile(path, text)) }

// AppendFile writes to a file whose content would else be dropped at open(2),
// as set_event and dynamic_events do with O_TRUNC.
func (t *T) AppendFile(path, text string) { t.Check(TryAppendFile(path, text)) }

// TryAppendFile is AppendFile that returns the error.
func TryAppendFile(path, text string) error {
	return writeFile(path, text, unix.O_WRONLY|unix.O_APPEND)
}

// ReadFile returns a file of tracefs without its last newline.
func (t *T) ReadFile(path string) string {
	b, err := os.ReadFile(filepath.Join(Tracefs, path))
	t.Check(err)
	return strings.TrimSuffix(string(b), "\n")
}

// SetFile writes text to a file of tracefs and writes the old content back at
// the end of the test.
func (t *T) SetFile(path, text string) {
	old := t.ReadFile(path)
	t.later(undoUsers, func() error { return TryWriteFile(path, old) })
	t.WriteFile(path, text)
}

// Instance is a trace instance, a ring buffer with its own event switches.
type Instance struct {
	t    *T
	path string // relative to tracefs
	gone bool
}

// Instance creates a trace instance. It is removed at the end of the test.
func (t *T) Instance() *Instance {
	if _, err := os.Stat(filepath.Join(Tracefs, "instances")); err != nil {
		t.Skip(feature.Instances)
	}
	t.events++
	in := &Instance{t: t, path: fmt.Sprintf("instances/uetest_%d_%d", os.Getpid(), t.events)}
	t.Check(unix.Mkdir(filepath.Join(Tracefs, in.path), 0o750))
	t.later(undoUsers, in.remove)
	return in
}

func (in *Instance) remove() error {
	if in.gone {
		return nil
	}
	in.gone = true
	if err := unix.Rmdir(filepath.Join(Tracefs, in.path)); err != nil {
		return fmt.Errorf("rmdir %s: %w", in.path, err)
	}
	return nil
}

// Remove removes the instance now, rmdir(2).
func (in *Instance) Remove() { in.t.Check(in.remove()) }

// Path is a file of the instance, relative to tracefs.
func (in *Instance) Path(name string) string { return filepath.Join(in.path, name) }

// TruncateFile opens a file of tracefs with O_TRUNC, which is what empties
// trace and set_event, and writes nothing.
func (t *T) TruncateFile(path string) {
	fd, err := unix.Open(filepath.Join(Tracefs, path), unix.O_WRONLY|unix.O_TRUNC|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatalf("open %s: %v", path, err)
	}
	t.Check(unix.Close(fd))
}

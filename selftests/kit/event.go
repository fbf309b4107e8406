package kit

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Event is a user event's name and description. It exists in the kernel only
// once it has been registered. At the end of the test it is disabled and
// deleted, and if it can't be deleted, because a reference was lost, the test
// fails.
type Event struct {
	t    *T
	Name string
	Desc string // what REG takes: the name and the fields
}

// Event names an event that nobody else uses, with the given fields, "type
// name; type name", or none.
func (t *T) Event(fields string) *Event {
	t.events++
	name := fmt.Sprintf("uetest_%d_%d", os.Getpid(), t.events)
	desc := name
	if fields != "" {
		desc += " " + fields
	}
	return t.EventOf(name, desc)
}

// EventOf is an event of the given name and description.
func (t *T) EventOf(name, desc string) *Event {
	ev := &Event{t, name, desc}
	t.later(undoEvents, ev.delete)
	return ev
}

func (ev *Event) delete() error {
	// An event with an empty name has no folder: its path is the system's.
	if ev.Name != "" {
		// ENODEV: the event is about to go, by itself (g3).
		if err := ev.SetEnable(false); err != nil && !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.ENODEV) {
			return err
		}
	}
	// A descriptor of its own: the test's are closed.
	d := ev.t.Open()
	defer func() { _ = d.close() }()
	return d.released(ev.Name)
}

// file is a path below the event's folder, relative to tracefs.
func (ev *Event) file(name string) string {
	return filepath.Join("events/user_events", ev.Name, name)
}

// SetEnable writes the event's enable file.
func (ev *Event) SetEnable(on bool) error {
	text := "0"
	if on {
		text = "1"
	}
	return TryWriteFile(ev.file("enable"), text)
}

// On enables the event by its enable file.
func (ev *Event) On() { ev.t.Check(ev.SetEnable(true)) }

// Off disables the event by its enable file.
func (ev *Event) Off() { ev.t.Check(ev.SetEnable(false)) }

// Path is a file of the event, "enable", "format", "filter", "id", "trigger",
// relative to tracefs.
func (ev *Event) Path(name string) string { return ev.file(name) }

// Exists reports whether the kernel lists the event in its status file.
func (ev *Event) Exists() bool {
	_, ok := ev.t.Status().Events[ev.Name]
	return ok
}

package qmp

import (
	"net"
	"os"
	"testing"
	"time"

	"uetest/internal/proc"
)

// What the fake plays, played by QEMU: a machine without memory or CPU that
// only has a monitor.
func TestRealQEMU(t *testing.T) {
	if _, err := proc.LookPath("qemu-system-x86_64"); err != nil {
		t.Skip(err)
	}
	ours, theirs := pair(t)
	fd, err := theirs.(*net.UnixConn).File()
	if err != nil {
		t.Fatal(err)
	}
	theirs.Close()
	p, err := proc.Start(t.Context(), proc.Cmd{
		Path: "qemu-system-x86_64",
		Args: []string{"-nodefaults", "-no-user-config", "-display", "none", "-machine", "none", "-S",
			"-chardev", "socket,id=qmp,fd=3", "-mon", "chardev=qmp,mode=control"},
		ExtraFiles: []*os.File{fd},
	})
	fd.Close()
	if err != nil {
		t.Fatal(err)
	}
	defer p.Kill()
	c, err := Connect(t.Context(), ours)
	if err != nil {
		t.Fatal(err)
	}
	if s, err := c.Status(t.Context()); err != nil || s.Running || s.State != "prelaunch" {
		t.Errorf("status %+v, %v", s, err)
	}
	// 7.2 answers with 190 KB, three times what go-qemu's monitor survives.
	var schema []struct{ Name string }
	if err := c.Run(t.Context(), "query-qmp-schema", nil, &schema); err != nil || len(schema) < 500 {
		t.Errorf("%d entries, %v", len(schema), err)
	}
	if err := c.Run(t.Context(), "no-such-command", nil, nil); err == nil {
		t.Error("QEMU knows no-such-command")
	}
	if err := c.Cont(t.Context()); err != nil {
		t.Error(err)
	}
	if err := c.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if err := c.Quit(t.Context()); err != nil {
		t.Error(err)
	}
	if err := p.Wait(); err != nil {
		t.Error(err)
	}
	var names []string
	timeout := time.After(5 * time.Second)
	for events := c.Events(); events != nil; {
		select {
		case e, open := <-events:
			if !open {
				events = nil
				break
			}
			names = append(names, e.Event)
		case <-timeout:
			t.Fatal("events are not closed")
		}
	}
	if len(names) == 0 || names[len(names)-1] != Shutdown {
		t.Errorf("events %v, want SHUTDOWN as the last", names)
	}
}

package main

import "uetest/selftests/kit"

// childRegistersInherited registers the same address again, in the child, on
// the file that the parent opened. Both have written their page.
func childRegistersInherited(t *kit.T) {
	f := start(t, t.Word())
	f.child.Store(f.word.Next(1), 1)
	f.word.Next(1).Store(1)
	_, err := f.child.TryRegister(f.d.FD, f.ev, f.word.Bit(0))
	t.Saw("register", err)
	f.ev.On()
	f.both(1)
	f.ev.Off()
	t.Saw("parent-off", f.r.Enabled())
	t.Saw("child-off", f.child.Enabled(f.r))
}

// Without a write the child's page is still the parent's, and protected.
func childRegistersUntouched(t *kit.T) {
	f := start(t, t.Word())
	_, err := f.child.TryRegister(f.d.FD, f.ev, f.word.Bit(0))
	t.Saw("register", err)
	t.Saw("register-lines", f.log.Failures())
	f.ev.On()
	f.both(1)
}

// The child registers a new address on a descriptor of its own, as the
// changelog advises.
func childRegistersOwnFD(t *kit.T) {
	f := start(t, t.Word())
	own := t.Word()
	f.word.Next(1).Store(1)
	c := t.Fork() // a child that has the new page as well
	c.Store(own.Next(1), 1)
	f.word.Next(1).Store(2)
	r := c.Register(c.Open(), f.ev, own.Bit(3))
	f.ev.On()
	t.Saw("parent", f.r.Enabled())
	t.Saw("child", c.Enabled(r))
	f.ev.Off()
	t.Saw("parent-off", f.r.Enabled())
	t.Saw("child-off", c.Enabled(r))
}

func childRegistersWhileOn(t *kit.T) {
	f := start(t, t.Word())
	f.ev.On()
	f.child.Store(f.word.Next(1), 1)
	r := f.child.Register(f.d.FD, f.ev, f.word.Bit(1)) // bit 0 is inherited on g3
	t.Saw("at-once", f.child.Enabled(r))
}

// The parent still holds the file.
func childClosesInherited(t *kit.T) {
	f := start(t, t.Word())
	f.child.Close(f.d.FD)
	f.word.Next(1).Store(1)
	f.ev.On()
	t.Saw("parent", f.r.Enabled())
	t.Saw("delete", t.Open().Delete(f.ev.Name))
}

// The parent closes its descriptor, but the child holds the file, and with it
// the parent's enabler.
func childKeepsFileOpen(t *kit.T) {
	f := start(t, t.Word())
	f.word.Next(1).Store(1)
	f.d.LetGo()
	f.ev.On()
	t.Saw("held", f.r.Enabled())
	f.ev.Off()
	t.Saw("off", f.r.Enabled())
	t.Saw("delete", t.Open().Delete(f.ev.Name))
	f.child.Exit()
	t.Saw("delete-after", t.Open().Delete(f.ev.Name))
}

// What a child registered on a file of its own goes with the child.
func childExitsWithOwnFD(t *kit.T) {
	f := start(t, t.Word())
	other := t.Event("u32 count")
	t.AppendFile("dynamic_events", "u:"+other.Desc) // stays when the child is gone
	f.child.Store(f.word.Next(1), 1)
	f.child.Register(f.child.Open(), other, f.word.Bit(2)) // bit 0 is inherited on g3
	t.Saw("held", t.Open().Delete(other.Name))
	f.child.Exit()
	other.On()
	t.Saw("lines", f.log.Failures())
	other.Off()
	t.Saw("gone", t.Open().DeleteWhenFree(other.Name))
}

// What it registered on the parent's file stays, and is tried in vain.
func childExitsWithInherited(t *kit.T) {
	f := start(t, t.Word())
	f.word.Next(1).Store(1)
	f.child.Store(f.word.Next(1), 1)
	f.child.Register(f.d.FD, f.ev, f.word.Bit(1))
	f.child.Exit()
	f.ev.On()
	t.Saw("word", f.word.Load())
	t.Saw("on-lines", f.log.Failures())
	f.ev.Off()
	t.Saw("off-lines", f.log.Failures())
	f.d.Close()
	f.ev.On()
	t.Saw("closed-lines", f.log.Failures())
}

func childWritesEvents(t *kit.T) {
	t.ClearTrace()
	f := start(t, t.Word())
	f.ev.On()
	n, err := f.child.Write(f.d.FD, f.r.Index, []byte{1, 2, 3, 4})
	t.Saw("write", kit.Result(n, err))
	records := t.Trace("trace", f.ev)
	t.Saw("trace", kit.Payloads(records))
	t.Saw("child-pid", len(records) == 1 && records[0].PID == f.child.PID())
}

// The index that the parent was told belongs to the parent's file.
func indexOfOwnDescriptor(t *kit.T) {
	f := start(t, t.Word())
	f.ev.On()
	fd := f.child.Open()
	n, err := f.child.Write(fd, f.r.Index, make([]byte, 4))
	t.Saw("unregistered", kit.Result(n, err))
	f.child.Store(f.word.Next(1), 1)
	r := f.child.Register(fd, f.ev, f.word.Bit(1)) // bit 0 is inherited on g3
	n, err = f.child.Write(fd, r.Index, make([]byte, 4))
	t.Saw("registered", kit.Result(n, err))
}

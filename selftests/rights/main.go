// Rights is the area of who may do what: with the modes that tracefs gives, with
// modes that an administrator has relaxed, in a user namespace, and by a
// descriptor that somebody else opened.
package main

import (
	"golang.org/x/sys/unix"

	"uetest/internal/feature"
	"uetest/internal/uapi"
	"uetest/selftests/kit"
)

func main() {
	kit.Main(kit.Tests{
		"rights/default-modes":           defaultModes,
		"rights/relaxed-modes":           relaxedModes,
		"rights/somebody-elses-event":    somebodyElsesEvent,
		"rights/root-gives-up-root":      rootGivesUpRoot,
		"rights/write-only":              writeOnly,
		"rights/path-only":               pathOnly,
		"rights/status-for-its-owner":    statusForItsOwner,
		"rights/user-namespace":          userNamespace,
		"rights/root-of-user-namespace":  rootOfUserNamespace,
		"rights/perf-counts-for-anybody": perfCounts,
		"rights/persist":                 persist,
		"rights/passed-descriptor":       passedDescriptor,
	})
}

// user is a user who is not root.
const user = 1000

// open opens a file of user_events in the child.
func open(c *kit.Child, name string, flags int) (int, error) {
	return c.OpenFile(kit.Tracefs+"/"+name, flags)
}

// relax lets everybody at the data file, and nothing else.
func relax(t *kit.T) {
	t.Chmod("", 0o755)
	t.Chmod(uapi.DataFile, 0o666)
}

func defaultModes(t *kit.T) {
	t.Open() // finds out about the kernel before the fork
	c := t.Fork()
	c.Become(user)
	_, err := open(c, uapi.DataFile, unix.O_RDWR)
	t.Saw("folder", err)
	t.Chmod("", 0o755)
	_, err = open(c, uapi.DataFile, unix.O_RDWR)
	t.Saw("data", err)
	_, err = open(c, uapi.StatusFile, unix.O_RDONLY)
	t.Saw("status", err)
}

// register says whether the child may register. Who may not has nothing more to
// show.
func register(t *kit.T, c *kit.Child, fd int, ev *kit.Event, w kit.Word) *kit.Registration {
	r, err := c.TryRegister(fd, ev, w.Bit(0))
	t.Saw("reg", err)
	if err != nil {
		t.Fatalf("the rest of the test takes a registration: %v", err)
	}
	return r
}

// relaxedModes is a user who may describe events and must not switch them on.
func relaxedModes(t *kit.T) {
	relax(t)
	ev, w := t.Event("u32 count"), t.Word()
	t.Family()
	c := t.Fork()
	c.Become(user)
	c.Store(w, 0)
	fd, err := open(c, uapi.DataFile, unix.O_RDWR)
	t.Saw("open", err)
	r := register(t, c, fd, ev, w)
	t.Saw("enable", c.WriteFile(ev.Path("enable"), "1"))
	t.Saw("before", c.Enabled(r))
	ev.On()
	t.Saw("on", c.Enabled(r))
	t.Saw("write", kit.Result(c.Write(fd, r.Index, make([]byte, 4))))
	ev.Off()
	t.Saw("off", c.Enabled(r))
	t.Saw("delete-held", c.Delete(fd, ev.Name))
}

// somebodyElsesEvent is one that root made and nobody holds.
func somebodyElsesEvent(t *kit.T) {
	relax(t)
	ev := t.Event("u32 count")
	t.AppendFile("dynamic_events", "u:"+ev.Desc)
	t.Family()
	c := t.Fork()
	c.Become(user)
	fd, err := open(c, uapi.DataFile, unix.O_RDWR)
	t.Check(err)
	t.Saw("delete", c.Delete(fd, ev.Name))
	t.Saw("listed", ev.Exists())
}

// rootGivesUpRoot opens the data file as root and then becomes somebody else,
// as a daemon does. The rights are those of the open.
func rootGivesUpRoot(t *kit.T) {
	ev, w := t.Event("u32 count"), t.Word()
	t.Family()
	c := t.Fork()
	fd := c.Open()
	c.Become(user)
	c.Store(w, 0)
	r := register(t, c, fd, ev, w)
	ev.On()
	t.Saw("on", c.Enabled(r))
	t.Saw("write", kit.Result(c.Write(fd, r.Index, make([]byte, 4))))
	_, err := open(c, uapi.DataFile, unix.O_RDWR)
	t.Saw("open-again", err)
}

// writeOnly is what LinuxTracepoints opens, and all that a mode of 0220 allows.
func writeOnly(t *kit.T) {
	t.Chmod("", 0o755)
	t.Chown(uapi.DataFile, 0, user)
	t.Chmod(uapi.DataFile, 0o220)
	ev, w := t.Event("u32 count"), t.Word()
	t.Family()
	c := t.Fork()
	c.Become(user)
	c.Store(w, 0)
	_, err := open(c, uapi.DataFile, unix.O_RDWR)
	t.Saw("read-write", err)
	fd, err := open(c, uapi.DataFile, unix.O_WRONLY)
	t.Saw("write-only", err)
	r := register(t, c, fd, ev, w)
	ev.On()
	t.Saw("on", c.Enabled(r))
	t.Saw("write", kit.Result(c.Write(fd, r.Index, make([]byte, 4))))
}

// pathOnly is a descriptor that stands for the file's name and not for the file.
func pathOnly(t *kit.T) {
	t.Family()
	d := t.OpenWith(unix.O_PATH)
	_, err := d.TryRegister(t.Event("u32 count"), t.Word().Bit(0))
	t.Saw("reg", err)
	t.Saw("write", kit.Result(d.Write(0, make([]byte, 4))))
}

// statusForItsOwner gives the status file to a user who can't override its
// mode, as root does.
func statusForItsOwner(t *kit.T) {
	t.Chmod("", 0o755)
	t.Chown(uapi.StatusFile, user, user)
	t.Family()
	c := t.Fork()
	c.Become(user)
	_, err := open(c, uapi.StatusFile, unix.O_RDONLY)
	t.Saw("read", err)
	fd, err := open(c, uapi.StatusFile, unix.O_RDWR)
	t.Saw("read-write", err)
	// What the right to write is good for.
	if err == nil {
		_, err = c.Syscall(unix.SYS_WRITE, uintptr(fd), uintptr(t.Word().Addr()), 4)
	}
	t.Saw("write", err)
}

// userNamespace is a user with all capabilities, of a namespace that owns
// nothing.
func userNamespace(t *kit.T) {
	relax(t)
	ev, w := t.Event("u32 count"), t.Word()
	t.Family()
	c := t.Fork()
	c.Become(user)
	c.Store(w, 0)
	unshare(t, c)
	fd, err := open(c, uapi.DataFile, unix.O_RDWR)
	t.Saw("open", err)
	r := register(t, c, fd, ev, w)
	t.Saw("enable", c.WriteFile(ev.Path("enable"), "1"))
	ev.On()
	t.Saw("on", c.Enabled(r))
	t.Saw("listed", ev.Exists()) // events have no namespaces
}

func unshare(t *kit.T, c *kit.Child) {
	err := c.Unshare(unix.CLONE_NEWUSER)
	if err == unix.EINVAL {
		t.Skip(feature.UserNS)
	}
	t.Check(err)
}

// rootOfUserNamespace is root's own user id, without root's capabilities. The
// files are its own.
func rootOfUserNamespace(t *kit.T) {
	ev, w := t.Event("u32 count"), t.Word()
	t.Family()
	c := t.Fork()
	c.Store(w, 0)
	unshare(t, c)
	fd, err := open(c, uapi.DataFile, unix.O_RDWR)
	t.Saw("open", err)
	r := register(t, c, fd, ev, w)
	t.Saw("enable", c.WriteFile(ev.Path("enable"), "1"))
	t.Saw("on", c.Enabled(r))
}

// perfCounts enables an event without a right to trace: to count how often a
// process of one's own meets it is allowed, as far as the kernel itself is
// left out.
func perfCounts(t *kit.T) {
	t.WriteSystemFile("/proc/sys/kernel/perf_event_paranoid", "2", feature.Perf) // the default
	ev, w := t.Event("u32 count"), t.SharedAnonymous(1).Touch().Word(256)
	r := t.Open().Register(ev, w.Bit(0))
	attr := t.PerfAttr(ev)
	c := t.Fork()
	c.Become(user)
	for _, try := range []struct {
		name   string
		bits   uint64
		sample uint64
	}{
		{"kernel-too", 0, 0},
		{"count", unix.PerfBitExcludeKernel, 0},
		{"sample", unix.PerfBitExcludeKernel, unix.PERF_SAMPLE_RAW},
	} {
		attr.Bits, attr.Sample_type = try.bits, try.sample
		fd, err := c.PerfOpen(attr)
		t.Saw(try.name, err)
		t.Saw(try.name+"-on", r.Enabled())
		if err == nil {
			c.Close(fd)
		}
	}
	t.Saw("off", r.Enabled())
}

// persist registers an event that outlives its last reference, which takes a
// capability of the first user namespace.
func persist(t *kit.T) {
	const perfmon, sysAdmin, dacOverride = 38, 21, 1
	try := func(name string, prepare func(*kit.Child)) {
		ev, w := t.Event("u32 count"), t.Word()
		c := t.Fork()
		fd := c.Open()
		prepare(c)
		c.Store(w, 0)
		t.Saw(name, c.RegisterWith(fd, ev, uapi.Reg{EnableBit: 0, EnableSize: 4, Flags: 1, EnableAddr: w.Addr()}))
	}
	t.Family()
	try("root", func(*kit.Child) {})
	try("perfmon", func(c *kit.Child) { c.KeepCapabilities(perfmon) })
	try("sys-admin", func(c *kit.Child) { c.KeepCapabilities(sysAdmin) })
	try("other-capability", func(c *kit.Child) { c.KeepCapabilities(dacOverride) })
	try("user", func(c *kit.Child) { c.Become(user) })
	try("namespace-root", func(c *kit.Child) { unshare(t, c) })
}

// passedDescriptor passes the descriptor on and dies. The registration was made
// in an address space that is gone; the receiver has its own at that address.
func passedDescriptor(t *kit.T) {
	ev, w := t.Event("u32 count"), t.Word()
	// Keeps the event on g3, and the fork leaves it alone.
	t.Open().Register(ev, t.SharedAnonymous(1).Touch().Word(256).Bit(0))
	pair := t.SocketPair()
	c := t.Fork()
	c.Store(w, 0)
	fd := c.Open()
	r := c.Register(fd, ev, w.Bit(0))
	d := c.SendFD(pair, fd)
	log := t.KernelLog()
	ev.On()
	t.Saw("registrar", c.Enabled(r))
	t.Saw("receiver", w.Load())
	ev.Off()
	c.Exit()
	w.Store(0x100)
	t.Saw("lines", log.Failures())
	ev.On()
	t.Saw("registrar-gone", w.Load())
	t.Saw("on-lines", log.Failures())
	t.Saw("write", kit.Result(d.Write(r.Index, make([]byte, 4))))
	ev.Off()
	t.Saw("off-lines", log.Failures())
	d.Close()
	ev.On()
	t.Saw("closed-lines", log.Failures())
}

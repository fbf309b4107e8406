package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"uetest/selftests/kit"
)

// deletable reports how a delete ends: "ok" also where the kernel has deleted
// the event by itself (g3).
func deletable(t *kit.T, ev *kit.Event) error {
	var err error
	t.Await(func() bool {
		err = t.Open().Delete(ev.Name)
		return !errors.Is(err, unix.EBUSY)
	})
	if t.PlacesOutliveFiles() && errors.Is(err, unix.ENOENT) {
		return nil
	}
	return err
}

// held registers, and takes the place back again where it would hold the
// event by itself, so that the file alone does.
func held(t *kit.T) (*kit.Data, *kit.Event) {
	d, ev := t.Open(), t.Event("u32 count")
	r := d.Register(ev, t.SharedAnonymous(1).Touch().Word(0).Bit(0))
	if t.PlacesOutliveFiles() {
		t.Check(d.Unreg(r))
	}
	return d, ev
}

// descriptorInFlight sends the descriptor over a socket and closes it: the
// message holds the file. Then nobody receives it.
func descriptorInFlight(t *kit.T) {
	d, ev := held(t)
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	t.Check(err)
	t.Check(unix.Sendmsg(pair[0], []byte{0}, unix.UnixRights(d.FD), nil, 0))
	d.Close()
	t.Saw("in-flight", t.Open().Delete(ev.Name))
	t.Check(errors.Join(unix.Close(pair[0]), unix.Close(pair[1])))
	t.Saw("dropped", deletable(t, ev))
}

// execHolds has a child register a word through a descriptor that it alone has,
// and exec this program, which lists its tests into a pipe that is full. The
// new image does not know of the descriptor, and holds the event until it ends.
// On g1 the enabler keeps the memory that the exec dropped, and is tried in
// vain; on g3 it went with that memory.
func execHolds(t *kit.T) {
	d, ev := held(t)
	own, stdout := t.Anonymous(1).Touch(), fullPipe(t)
	args := t.Anonymous(1)
	path, list := args.PutString(0, "/proc/self/exe"), args.PutString(64, "-list")
	argv := args.Bytes()[128:]
	for i, p := range []uint64{args.PutString(32, "leaks"), list, 0} {
		binary.NativeEndian.PutUint64(argv[8*i:], p)
	}
	c := t.Fork()
	call := func(nr uintptr, a ...uintptr) {
		_, err := c.Syscall(nr, a...)
		t.Check(err)
	}
	call(unix.SYS_FCNTL, uintptr(d.FD), unix.F_SETFD, 0)
	call(unix.SYS_DUP3, uintptr(stdout[1]), 1, 0)
	fd := d.FD
	d.Close()
	c.Store(own.Word(64), 0)
	c.Register(fd, ev, own.Word(64).Bit(0))
	c.Start(unix.SYS_EXECVE, uintptr(path), uintptr(args.Addr(128)), uintptr(args.Addr(144)))
	cmdline := fmt.Sprintf("/proc/%d/cmdline", c.PID())
	for deadline := time.Now().Add(time.Second); ; time.Sleep(time.Millisecond) {
		if text, err := os.ReadFile(cmdline); err == nil && strings.Contains(string(text), "-list") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s does not show the new program after a second", cmdline)
		}
	}
	log := t.KernelLog()
	t.Saw("held", t.Open().Delete(ev.Name))
	ev.On()
	ev.Off()
	t.Saw("lines", log.Failures())
	c.Kill()
	t.Saw("gone", deletable(t, ev))
	t.Check(errors.Join(unix.Close(stdout[0]), unix.Close(stdout[1])))
}

// fullPipe returns a pipe to which nobody can write.
func fullPipe(t *kit.T) (pipe [2]int) {
	t.Check(unix.Pipe2(pipe[:], unix.O_CLOEXEC|unix.O_NONBLOCK))
	fill := make([]byte, 4096)
	for {
		_, err := unix.Write(pipe[1], fill)
		if errors.Is(err, unix.EAGAIN) {
			break
		}
		t.Check(err)
	}
	_, err := unix.FcntlInt(uintptr(pipe[1]), unix.F_SETFL, 0)
	t.Check(err)
	return pipe
}

// twoFilesHoldOneEvent counts: each file is one reference, however often it
// registers.
func twoFilesHoldOneEvent(t *kit.T) {
	ev := t.Event("u32 count")
	w := t.Word()
	files := [2]*kit.Data{t.Open(), t.Open()}
	for i, d := range files {
		for j := range 3 {
			r := d.Register(ev, w.Bit(4*i+j))
			if t.PlacesOutliveFiles() {
				t.Check(d.Unreg(r))
			}
		}
	}
	files[0].Close()
	t.Saw("one-closed", t.Open().Delete(ev.Name))
	files[1].Close()
	t.Saw("both-closed", deletable(t, ev))
}

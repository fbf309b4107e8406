package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"

	"uetest/internal/model"
	"uetest/internal/uapi"
)

// operate carries one operation out and returns its result: nil, an errno, or
// a value.
func (k *kernel) operate(o model.Op) any {
	p := k.procs[o.Proc]
	switch o.Verb {
	case model.Enable, model.Disable:
		k.toggle(o)
		return nil
	case model.Exit:
		k.gone(o.Proc)
		return nil
	}
	if p == nil {
		k.t.Fatalf("%s: no such process", o)
	}
	switch o.Verb {
	case model.Open:
		p.fds[o.File] = p.Open()
		if o.Keep {
			k.must(p.Syscall(unix.SYS_FCNTL, uintptr(p.fds[o.File]), unix.F_SETFD, 0))
		}
	case model.Close:
		p.Close(p.fds[o.File])
	case model.Pass:
		q := k.procs[o.To]
		q.fds[o.File] = p.Pass(p.fds[o.File], k.sockets, q.Child)
	case model.Register:
		return k.register(p, o)
	case model.Unregister:
		args := p.Args()
		uapi.Unreg{DisableBit: uint8(o.Bit), DisableAddr: uint64(address(o.Place))}.Put(args)
		_, err := p.Syscall(unix.SYS_IOCTL, uintptr(p.fds[o.File]), uapi.IocUnreg, pointer(args))
		return err
	case model.Write:
		payload := []byte{1, 2, 3, 4}
		if o.Event == model.EmptyEvent {
			payload = nil
		}
		const none = 99 // an index that no file has
		index, ok := k.index[[2]int{o.File, o.Event}]
		if !ok {
			index = none
		}
		return number(p.Write(p.fds[o.File], int(index), payload))
	case model.Map, model.Unmap, model.Protect, model.Discard:
		k.memory(p, o)
	case model.Load, model.Store:
		return k.word(p, o)
	case model.Fork:
		c := p.Fork()
		k.procs[o.To] = &process{Child: c, fds: p.fds, memory: c.Memory()}
	case model.Exec:
		p.Exec("model")
		p.memory.Close()
		p.memory = nil
	}
	return nil
}

// number is a result that is a count, or the errno.
func number(n int, err error) any {
	if err != nil {
		return err
	}
	return n
}

func (k *kernel) must(_ int, err error) { k.t.Check(err) }

func pointer(b []byte) uintptr { return uintptr(unsafe.Pointer(&b[0])) }

// regAt is where struct user_reg is in its page.
const regAt = 1024

// register makes struct user_reg in the memory of the process's arguments, or
// in the same page without write access.
func (k *kernel) register(p *process, o model.Op) any {
	const unstored = 0xdeadbeef
	args, layout := p.Args(), k.t.Layout()
	ev := k.events[o.Event]
	copy(args, ev.Desc+"\x00")
	r := uapi.Reg{
		EnableBit: uint8(o.Bit), EnableSize: 4, EnableAddr: uint64(address(o.Place)),
		NameArgs: uint64(pointer(args)), WriteIndex: unstored,
	}
	if o.Reserved {
		r.Reserved, r.Flags = 1, 1<<15
	}
	reg := args[regAt:]
	layout.Put(reg, r)
	at := pointer(reg)
	if o.ReadOnly {
		// Only the process's own view of the page loses its write access, and
		// only for this call; the mailbox is in it.
		at = k.readOnly(p, reg[:uapi.RegSize])
		defer func() { k.must(p.Syscall(unix.SYS_MUNMAP, at-regAt, uintptr(os.Getpagesize()))) }()
	}
	if _, err := p.Syscall(unix.SYS_IOCTL, uintptr(p.fds[o.File]), uapi.IocReg, at); err != nil {
		return err
	}
	if o.ReadOnly {
		return "unstored"
	}
	index, _ := layout.Outputs(reg)
	if index == unstored {
		return "unstored"
	}
	k.index[[2]int{o.File, o.Event}] = index
	return int(index)
}

// readOnly returns the address of a copy of b that the process can't write: in
// a mapping of the bounce file.
func (k *kernel) readOnly(p *process, b []byte) uintptr {
	k.must(unix.Pwrite(k.bounce, b, regAt))
	addr, err := p.Syscall(unix.SYS_MMAP, arena-uintptr(16*os.Getpagesize()), uintptr(os.Getpagesize()),
		unix.PROT_READ, unix.MAP_SHARED|unix.MAP_FIXED, uintptr(k.bounce), 0)
	k.t.Check(err)
	return uintptr(addr) + regAt
}

var prots = map[model.Prot]uintptr{
	model.ProtNone: unix.PROT_NONE, model.ProtRead: unix.PROT_READ, model.ProtWrite: unix.PROT_READ | unix.PROT_WRITE,
}

// memory changes a page of a process.
func (k *kernel) memory(p *process, o model.Op) {
	size := uintptr(os.Getpagesize())
	at := address(model.Place{Page: o.Place.Page}) - wordAt
	switch o.Verb {
	case model.Map:
		fd, flags := ^uintptr(0), uintptr(unix.MAP_FIXED)
		switch o.Kind {
		case model.Private:
			flags |= unix.MAP_PRIVATE | unix.MAP_ANONYMOUS
		case model.Shared:
			flags |= unix.MAP_SHARED | unix.MAP_ANONYMOUS
		case model.Memfd:
			flags, fd = flags|unix.MAP_SHARED, uintptr(k.memfd)
		case model.MemfdPrivate:
			flags, fd = flags|unix.MAP_PRIVATE, uintptr(k.memfd)
		}
		k.must(p.Syscall(unix.SYS_MMAP, at, size, prots[model.ProtWrite], flags, fd, 0))
	case model.Unmap:
		k.must(p.Syscall(unix.SYS_MUNMAP, at, size))
	case model.Protect:
		k.must(p.Syscall(unix.SYS_MPROTECT, at, size, prots[o.Prot]))
	case model.Discard:
		k.must(p.Syscall(unix.SYS_MADVISE, at, size, unix.MADV_DONTNEED))
	}
}

// word loads or stores a word. The process has the kernel do it, by reading
// from a file or writing to one: the fault is the same as that of an
// instruction, but for a page that can't be accessed it gives EFAULT and no
// signal.
func (k *kernel) word(p *process, o model.Op) any {
	var b [4]byte
	if o.Verb == model.Store {
		binary.NativeEndian.PutUint32(b[:], o.Value)
		k.must(unix.Pwrite(k.bounce, b[:], 0))
		_, err := p.Syscall(unix.SYS_PREAD64, uintptr(k.bounce), address(o.Place), 4, 0)
		return err
	}
	if _, err := p.Syscall(unix.SYS_PWRITE64, uintptr(k.bounce), address(o.Place), 4, 0); err != nil {
		return err
	}
	k.must(unix.Pread(k.bounce, b[:], 0))
	return fmt.Sprintf("%08x", binary.NativeEndian.Uint32(b[:]))
}

// toggle switches a source.
func (k *kernel) toggle(o model.Op) {
	on := o.Verb == model.Enable
	ev := k.events[o.Event]
	digit := map[bool]string{true: "1", false: "0"}[on]
	switch o.Source {
	case model.EnableFile:
		k.t.Check(ev.SetEnable(on))
	case model.SetEvent:
		name := "user_events:" + ev.Name
		if !on {
			name = "!" + name
		}
		k.t.AppendFile("set_event", name)
	case model.System:
		k.t.WriteFile("events/user_events/enable", digit)
	case model.Instance:
		k.t.WriteFile(k.instance.Path(ev.Path("enable")), digit)
	case model.Perf:
		if on {
			k.perf[o.Event] = k.t.PerfOpen(ev)
		} else {
			k.perf[o.Event].Close()
		}
	case model.Trigger:
		command := "traceon"
		if !on {
			command = "!" + command
		}
		k.t.WriteFile(ev.Path("trigger"), command)
	}
	undo := model.Op{Source: o.Source, Event: o.Event}
	if on {
		k.on[undo] = true
	} else {
		delete(k.on, undo)
	}
}

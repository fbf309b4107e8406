package main

import (
	"strconv"

	"golang.org/x/sys/unix"

	"uetest/selftests/kit"
)

// low is an address that a 32-bit program has too, away from where the kernel
// and the Go runtime place things: 386 programs begin at 128 MiB, their heap
// grows from the end of the program, mappings come down from 4 GiB.
const low = 0x70000000

func lowPage(t *kit.T) *kit.Mem {
	return t.MapAt(low, -1, 1, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS).Touch()
}

// toggled shows a word of this program, and how often the kernel said that it
// could not write one, while the event goes on and off.
func toggled(t *kit.T, ev *kit.Event, w kit.Word) {
	log := t.KernelLog()
	w.Store(0x5a00)
	ev.On()
	t.Saw("on", w.Load())
	ev.Off()
	t.Saw("off", w.Load())
	t.Saw("lines", log.Failures())
}

// lowAddress registers a word below 4 GiB. A program that has something else
// at the same address is none of the kernel's business.
func lowAddress(t *kit.T) {
	if t.Args() != nil {
		w := lowPage(t).Word(256)
		toggled(t, t.Theirs(t.Args()[1]), w)
		return
	}
	d, ev, w := t.Open(), t.Event("u32 a"), lowPage(t).Word(256)
	r := d.Register(ev, w.Bit(0))
	t.Run(kit.Part{Twin: true, Args: []string{"neighbour", ev.Name}})
	ev.On()
	t.Saw("on", r.Enabled())
	ev.Off()
	t.Saw("off", r.Enabled())
}

// execKeepsMemory has a program register a word, keep the descriptor open
// across an exec and become another program, with something else at the
// address.
func execKeepsMemory(t *kit.T) {
	args := t.Args()
	switch {
	case args == nil:
		ev := t.Event("u32 a")
		for _, image := range []string{"64", "32"} {
			t.Run(kit.Part{Prefix: image, Args: []string{"registrar", ev.Name, image}})
		}
	case args[0] == "registrar":
		d, ev := t.Open(), t.Theirs(args[1])
		ev.Desc += " u32 a"
		r := d.Register(ev, lowPage(t).Word(256).Bit(0))
		t.Become(kit.Part{
			Twin: args[2] == "32", Files: []int{d.FD},
			Args: []string{"image", args[1], strconv.Itoa(r.Index)},
		})
	default:
		toggled(t, t.Theirs(args[1]), lowPage(t).Word(256))
		n, err := t.Inherit(t.File(0)).Write(number(t, 2), payload())
		t.Saw("write", kit.Result(n, err))
	}
}

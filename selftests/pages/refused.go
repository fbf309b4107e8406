package main

import (
	"os"

	"golang.org/x/sys/unix"

	"uetest/selftests/kit"
)

// refused registers a word that nobody may write, and switches the event on:
// the registration is refused (g3) or fails for good (g1). The other word of
// the event is told all the same.
func refused(word func(*kit.T) kit.Word) func(*kit.T) {
	return func(t *kit.T) {
		p := start(t, kit.Word{})
		p.w = word(t) // at last, so that nothing else is mapped in a hole
		p.reg()
		p.blind("on", true)
		t.Saw("other", p.other.Enabled())
	}
}

func readOnly(t *kit.T) kit.Word {
	m := t.Anonymous(1).Touch()
	m.Protect(unix.PROT_READ)
	return m.Word(at)
}

func noAccess(t *kit.T) kit.Word {
	m := t.Anonymous(1).Touch()
	m.Protect(unix.PROT_NONE)
	return m.Word(at)
}

func unmapped(t *kit.T) kit.Word {
	m := t.Anonymous(1).Touch()
	addr := m.Addr(0)
	m.Unmap()
	return t.At(addr, 1).Word(at)
}

// programText is a page of the program's own code, private and executable. A
// write to it would need a copy, which only a debugger may ask for.
func programText(t *kit.T) kit.Word {
	exe, err := os.Readlink("/proc/self/exe")
	t.Check(err)
	from, _ := t.Mapping(exe)
	return t.At(from, 1).Word(at)
}

func vdso(t *kit.T) kit.Word {
	from, _ := t.Mapping("[vdso]")
	return t.At(from, 1).Word(at)
}

// belowTheStack is where the stack would grow to if the program itself went
// there. The kernel's write must not make it grow.
func belowTheStack(t *kit.T) kit.Word {
	from, _ := t.Mapping("[stack]")
	const pages = 32 // more than one, for the stack does grow
	return t.At(from-uint64(pages*os.Getpagesize()), 1).Word(at)
}

// behindTheFile is a page of a file mapping that the file does not reach: an
// access is a SIGBUS.
func behindTheFile(t *kit.T) kit.Word {
	return t.Map(t.Memfd(1), 2, rw, unix.MAP_SHARED).Word(os.Getpagesize() + at)
}

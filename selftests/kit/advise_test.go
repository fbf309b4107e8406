package kit

import (
	"os"
	"testing"
)

const someMaps = `00400000-00453000 r-xp 00000000 00:02 21                                 /bbin/bb
00453000-00500000 r--p 00053000 00:02 21                                 /bbin/bb
7ffd3c5a2000-7ffd3c5c4000 rw-p 00000000 00:00 0                          [stack]
7ffd3c5f0000-7ffd3c5f2000 r-xp 00000000 00:00 0                          [vdso]
7f0000000000-7f0000001000 rw-s 00000000 00:01 7                          /memfd:two words (deleted)
7f1000000000-7f1000001000 rw-p 00000000 00:00 0
`

func TestMappingIsFoundByItsName(t *testing.T) {
	for _, c := range []struct {
		name       string
		start, end uint64
		ok         bool
	}{
		{"[stack]", 0x7ffd3c5a2000, 0x7ffd3c5c4000, true},
		{"/bbin/bb", 0x400000, 0x453000, true}, // the first of two
		{"/memfd:two words (deleted)", 0x7f0000000000, 0x7f0000001000, true},
		{"[vvar]", 0, 0, false},
		{"", 0, 0, false}, // a mapping without a name has none
		{"bb", 0, 0, false},
	} {
		start, end, ok := findMapping(someMaps, c.name)
		if start != c.start || end != c.end || ok != c.ok {
			t.Errorf("%q: got %#x, %#x, %v, want %#x, %#x, %v", c.name, start, end, ok, c.start, c.end, c.ok)
		}
	}
	if _, _, ok := findMapping("no-hex r--p 0 0 0 x\n", "x"); ok {
		t.Error("an address that is none was taken")
	}
}

func TestPageOfAnEntry(t *testing.T) {
	for entry, want := range map[uint64]Page{
		0:                            {},
		1<<63 | 1<<55 | 0x1234:       {Present: true, SoftDirty: true, Frame: 0x1234},
		1<<63 | 1<<61 | 1<<56 | 0x99: {Present: true, Frame: 0x99},
		1<<62 | 0x40:                 {Swapped: true}, // the low bits are the swap slot
		1 << 55:                      {SoftDirty: true},
	} {
		if got := parsePage(entry); got != want {
			t.Errorf("%#x: got %+v, want %+v", entry, got, want)
		}
	}
}

func TestHugePagesOfTheMappingThatHasTheAddress(t *testing.T) {
	const smaps = `7f0000000000-7f0000400000 rw-p 00000000 00:00 0
Size:               4096 kB
AnonHugePages:      2048 kB
VmFlags: rd wr hg
7f0000400000-7f0000401000 rw-p 00000000 00:00 0
AnonHugePages:         0 kB
7f0000401000-7f0000402000 rw-p 00000000 00:00 0
AnonHugePages:      many kB
`
	for addr, want := range map[uint64]int{
		0x7f0000000000: 2048,
		0x7f00003fffff: 2048,
		0x7f0000400000: 0,
		0x7f0000401000: 0,
		0x1000:         0,
	} {
		if got := anonHuge(smaps, addr); got != want {
			t.Errorf("%#x: got %d kB, want %d", addr, got, want)
		}
	}
}

func TestBusyWorkerIsToldByItsName(t *testing.T) {
	for comm, want := range map[string]bool{
		"kworker/1:2+events\n":          true,
		"kworker/1:2-events\n":          false,
		"kworker/1:2H+events_highpri\n": false,
		"kworker/u4:0+events_unbound\n": false,
		"kworker/0:1+mm_percpu_wq\n":    false,
		"kworker/0:1\n":                 false,
		"+events\n":                     false,
		"pages\n":                       false,
		"kworker/0:0+events":            true,
	} {
		if got := busyWorker(comm); got != want {
			t.Errorf("%q: got %v, want %v", comm, got, want)
		}
	}
}

// newMem is memory as tests of the kit need it, which have no T.
func newMem(t *testing.T, pages int) *Mem {
	t.Helper()
	return &Mem{&T{}, make([]byte, pages*os.Getpagesize())}
}

func TestPagemapKnowsAPageThatWasWritten(t *testing.T) {
	m := newMem(t, 2)
	m.b[0] = 1
	// Frames are root's to see, that a page is there is everybody's.
	if p := m.Word(0).Page(); !p.Present || p.Swapped {
		t.Errorf("a page that was just written is %+v", p)
	}
}

func FuzzFindMapping(f *testing.F) {
	f.Add(someMaps, "[stack]")
	f.Add("7f-80 rw-p 0 0:0 0 x\n", "x")
	f.Fuzz(func(t *testing.T, maps, name string) {
		if start, end, ok := findMapping(maps, name); !ok && name == "" && (start != 0 || end != 0) {
			t.Errorf("an address without a mapping: %#x-%#x", start, end)
		}
		anonHuge(maps, 0x7f)
	})
}

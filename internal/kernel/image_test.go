package kernel

import (
	"encoding/binary"
	"io/fs"
	"strings"
	"testing"
)

// note is an ELF note, padded.
func note(name string, kind uint32, desc []byte) []byte {
	pad := func(b []byte) []byte {
		for len(b)%4 != 0 {
			b = append(b, 0)
		}
		return b
	}
	n := append([]byte(name), 0)
	data := binary.LittleEndian.AppendUint32(nil, uint32(len(n)))
	data = binary.LittleEndian.AppendUint32(data, uint32(len(desc)))
	data = binary.LittleEndian.AppendUint32(data, kind)
	return append(append(data, pad(n)...), pad(desc)...)
}

func TestPVHNoteIsFoundAmongOthers(t *testing.T) {
	gnu := note("GNU", 3, make([]byte, 20))
	pvh := note("Xen", notePVH, []byte{0, 0, 0, 1})
	for name, c := range map[string]struct {
		data []byte
		want bool
	}{
		"first":            {append(append([]byte{}, pvh...), gnu...), true},
		"after another":    {append(append([]byte{}, gnu...), pvh...), true},
		"only another":     {gnu, false},
		"another's type":   {note("Linux", notePVH, []byte{0, 0, 0, 1}), false},
		"another type":     {note("Xen", 6, []byte{0, 0, 0, 1}), false},
		"without address":  {note("Xen", notePVH, nil), false},
		"cut":              {pvh[:len(pvh)-1], false},
		"nothing":          {nil, false},
		"huge sizes":       {[]byte(strings.Repeat("\xff", 64)), false},
		"huge description": {binary.LittleEndian.AppendUint32([]byte{4, 0, 0, 0, 0xfd, 0xff, 0xff, 0xff}, notePVH), false},
	} {
		if got := hasNote(c.data, binary.LittleEndian, "Xen", notePVH); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func FuzzHasNote(f *testing.F) {
	f.Add(append(note("GNU", 3, make([]byte, 20)), note("Xen", notePVH, make([]byte, 8))...))
	f.Add([]byte(strings.Repeat("\xff", 64)))
	f.Fuzz(func(t *testing.T, data []byte) {
		hasNote(data, binary.LittleEndian, "Xen", notePVH)
	})
}

func FuzzParseIndex(f *testing.F) {
	x := &index{entries: map[string]entry{
		"kernel/fork.c": {mode: 0o644, digest: digest([]byte("a")), stat: "1.2.3.4"},
		"a \"b\"\n":     {mode: 0o755, digest: digest([]byte("b"))},
		"link":          {mode: 0o777 | fs.ModeSymlink, digest: digest([]byte("c"))},
	}}
	x.identify()
	f.Add(x.encode())
	f.Add([]byte(indexHeader + "\nend 0 " + digest(nil) + "\n"))
	f.Add([]byte("end 0\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		x, err := parseIndex(data)
		if err != nil {
			return
		}
		again, err := parseIndex(x.encode())
		if err != nil || again.id != x.id || len(again.changed(x)) != 0 || string(again.encode()) != string(x.encode()) {
			t.Errorf("an index does not survive being written: %v\n%s", err, x.encode())
		}
	})
}

func TestIndexesDifferByContentAndKind(t *testing.T) {
	a := entry{mode: 0o644, digest: digest([]byte("a")), stat: "1"}
	old := &index{entries: map[string]entry{"same": a, "touched": a, "program": a, "changed": a, "gone": a}}
	touched, program, changed := a, a, a
	touched.stat, touched.mode = "2", 0o664
	program.mode = 0o755
	changed.digest = digest([]byte("b"))
	x := &index{entries: map[string]entry{"same": a, "touched": touched, "program": program, "changed": changed, "new": a}}
	if got, want := strings.Join(x.changed(old), " "), "changed gone new program"; got != want {
		t.Errorf("changed = %q, want %q", got, want)
	}
	old.identify()
	x.identify()
	if old.id == x.id {
		t.Error("two different trees have one id")
	}
}

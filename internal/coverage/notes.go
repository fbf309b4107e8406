package coverage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"
)

// Notes are what gcc noted on the counters of one file: the flow graph of each
// function, with the lines that its blocks were compiled from. The form is that
// of gcc/gcov-io.h and gcc/coverage.cc, as GCC 12 and later write it.
type Notes struct {
	functions []function
}

// function is the flow graph of a function. Block 0 is its entry, block 1 its
// exit.
type function struct {
	name     string // as the linker knows it
	blocks   int
	arcs     []arc
	lines    []blockLine
	counters int // arcs that are not on the tree, in the order of arcs
}

type arc struct {
	from, to int
	tree     bool // on the spanning tree: its count follows from the others
}

type blockLine struct {
	block int
	at    Place
}

// ErrNotes is wrapped by the errors about what can't be read as notes.
var ErrNotes = errors.New("not the notes of a compiler on its counters (.gcno)")

// Tags of records (gcov-io.h) and flags of arcs.
const (
	notesMagic  = 0x67636e6f // "gcno"
	tagFunction = 0x01000000
	tagBlocks   = 0x01410000
	tagArcs     = 0x01430000
	tagLines    = 0x01450000

	arcOnTree = 1
)

// maxBlocks bounds what a damaged file may ask for. The largest function of
// Linux 6.12 has some 10,000 blocks.
const maxBlocks = 1 << 20

// ReadNotes reads the notes of a file of that path in the source; the compiler
// names its files by where they were built.
func ReadNotes(path string, data []byte) (*Notes, error) {
	r := &reader{data: data}
	if len(data) >= 4 && binary.BigEndian.Uint32(data) == notesMagic {
		r.order = binary.BigEndian
	} else {
		r.order = binary.LittleEndian
	}
	if r.word() != notesMagic {
		return nil, fmt.Errorf("%s: %w", path, ErrNotes)
	}
	version := r.word()
	if major := gccMajor(version); major < 12 {
		return nil, fmt.Errorf("%s: %w: written by GCC %d, and the form before GCC 12 is not read", path, ErrNotes, major)
	}
	r.word() // stamp
	r.word() // checksum
	r.text() // working directory
	r.word() // blocks that were not executed are marked
	n := &Notes{}
	files := map[string]string{}
	for len(r.data) > 0 && !r.bad {
		tag, size := r.word(), r.word()
		rec := r.part(size)
		if tag == tagFunction {
			rec.skip(3) // ident and checksums
			n.functions = append(n.functions, function{name: rec.text()})
		} else if len(n.functions) > 0 {
			n.functions[len(n.functions)-1].read(tag, rec, path, files)
		}
		r.bad = r.bad || rec.bad
	}
	if r.bad {
		return nil, fmt.Errorf("%s: %w: it is cut short or damaged", path, ErrNotes)
	}
	return n, nil
}

// gccMajor reads the version word, "B22*" for 12.2: a letter for the tens
// (gcov-iov.cc).
func gccMajor(version uint32) int {
	tens, ones := int(version>>24)-'A', int(version>>16&0xff)-'0'
	return 10*tens + ones
}

// read reads a record that belongs to the function.
func (f *function) read(tag uint32, r *reader, path string, files map[string]string) {
	switch tag {
	case tagBlocks:
		n := r.word()
		r.bad = r.bad || n < 2 || n > maxBlocks
		f.blocks = int(n)
	case tagArcs:
		from := r.block(f)
		for len(r.data) > 0 && !r.bad {
			a := arc{from: from, to: r.block(f)}
			if a.tree = r.word()&arcOnTree != 0; !a.tree {
				f.counters++
			}
			f.arcs = append(f.arcs, a)
		}
	case tagLines:
		block, file := r.block(f), ""
		for !r.bad {
			if line := r.word(); line != 0 {
				if line <= math.MaxInt32 {
					f.lines = append(f.lines, blockLine{block, Place{file, int(line)}})
				}
				continue
			}
			name := r.text()
			if name == "" { // the end
				break
			}
			if _, known := files[name]; !known {
				files[name] = name
				if strings.HasSuffix(name, "/"+path) {
					files[name] = path
				}
			}
			file = files[name]
		}
	}
}

// reader reads words of four bytes and strings. Once something is missing it is
// bad and gives nothing any more.
type reader struct {
	data  []byte
	order binary.ByteOrder
	bad   bool
}

func (r *reader) word() uint32 {
	if len(r.data) < 4 {
		r.data, r.bad = nil, true
		return 0
	}
	w := r.order.Uint32(r.data)
	r.data = r.data[4:]
	return w
}

func (r *reader) skip(words int) {
	for range words {
		r.word()
	}
}

// part returns a reader of the next size bytes.
func (r *reader) part(size uint32) *reader {
	if uint64(size) > uint64(len(r.data)) {
		r.data, r.bad = nil, true
		return &reader{order: r.order}
	}
	p := &reader{data: r.data[:size], order: r.order}
	r.data = r.data[size:]
	return p
}

// text reads a string: its size in bytes with the NUL, and the bytes.
func (r *reader) text() string {
	p := r.part(r.word())
	return strings.TrimRight(string(p.data), "\x00")
}

// block reads the number of a block.
func (r *reader) block(f *function) int {
	n := r.word()
	if int64(n) >= int64(f.blocks) {
		r.data, r.bad = nil, true
		return 0
	}
	return int(n)
}

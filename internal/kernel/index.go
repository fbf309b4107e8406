package kernel

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
)

// index is what a mirror holds, by slash path: enough to see what changed in
// the user's tree without reading it, as git's index does.
type index struct {
	entries map[string]entry
	id      string // of the content: paths, kinds and digests
}

// entry is a file or a link of a tree.
type entry struct {
	mode   fs.FileMode // permission bits, and fs.ModeSymlink
	digest string      // SHA-256 of the content or of the link's target, hexadecimal
	// stat is what lstat(2) said of the user's file when it was read: size,
	// time of modification, of change (ns) and inode. Empty if the file was
	// too young then for a later change to show.
	stat string
}

const indexHeader = "uetest index 1"

// encode writes an index as lines: digest, kind and mode in octal, stat, path
// as a Go string; then the number of lines and the id, which shows that none is
// missing.
func (x *index) encode() []byte {
	var b bytes.Buffer
	fmt.Fprintln(&b, indexHeader)
	for _, path := range x.paths() {
		e := x.entries[path]
		stat := e.stat
		if stat == "" {
			stat = "-"
		}
		link := "f"
		if e.mode&fs.ModeSymlink != 0 {
			link = "l"
		}
		fmt.Fprintf(&b, "%s %s%o %s %s\n", e.digest, link, e.mode.Perm(), stat, strconv.Quote(path))
	}
	fmt.Fprintln(&b, "end", len(x.entries), x.id)
	return b.Bytes()
}

var errIndex = errors.New("not an index")

// parseIndex reads what encode wrote. A damaged index is an error, and the
// mirror is made anew.
func parseIndex(data []byte) (*index, error) {
	x := &index{entries: map[string]entry{}}
	scan := bufio.NewScanner(bytes.NewReader(data))
	scan.Buffer(nil, 64<<10)
	if !scan.Scan() || scan.Text() != indexHeader {
		return nil, errIndex
	}
	for scan.Scan() {
		field := strings.SplitN(scan.Text(), " ", 4)
		if len(field) == 3 && field[0] == "end" {
			if field[1] != strconv.Itoa(len(x.entries)) || len(field[2]) != 2*sha256.Size || scan.Scan() {
				return nil, errIndex
			}
			x.id = field[2]
			return x, nil
		}
		if len(field) != 4 || len(field[0]) != 2*sha256.Size || len(field[1]) < 2 {
			return nil, errIndex
		}
		perm, err := strconv.ParseUint(field[1][1:], 8, 9)
		path, err2 := strconv.Unquote(field[3])
		if err != nil || err2 != nil || !fs.ValidPath(path) || path == "." {
			return nil, errIndex
		}
		e := entry{mode: fs.FileMode(perm), digest: field[0], stat: field[2]}
		switch field[1][0] {
		case 'l':
			e.mode |= fs.ModeSymlink
		case 'f':
		default:
			return nil, errIndex
		}
		if e.stat == "-" {
			e.stat = ""
		}
		if _, twice := x.entries[path]; twice {
			return nil, errIndex
		}
		x.entries[path] = e
	}
	return nil, errIndex
}

// readIndex reads an index file; nil if there is none or it is damaged.
func readIndex(name string) *index {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil
	}
	x, err := parseIndex(data)
	if err != nil {
		return nil
	}
	return x
}

func (x *index) paths() []string {
	paths := make([]string, 0, len(x.entries))
	for p := range x.entries {
		paths = append(paths, p)
	}
	slices.Sort(paths)
	return paths
}

// identify sets the id. Permission bits but the owner's execute bit are the
// umask's business.
func (x *index) identify() {
	h := sha256.New()
	for _, path := range x.paths() {
		e := x.entries[path]
		_, _ = fmt.Fprintf(h, "%s %s %q\n", e.digest, e.kind(), path)
	}
	x.id = hex.EncodeToString(h.Sum(nil))
}

func (e entry) kind() string {
	switch {
	case e.mode&fs.ModeSymlink != 0:
		return "link"
	case e.mode&0o100 != 0:
		return "program"
	}
	return "file"
}

// same tells whether two entries have the same content.
func (e entry) same(o entry) bool { return e.digest == o.digest && e.kind() == o.kind() }

// changed returns the paths that differ between two indexes, sorted.
func (x *index) changed(o *index) []string {
	var paths []string
	for p, e := range x.entries {
		if f, ok := o.entries[p]; !ok || !e.same(f) {
			paths = append(paths, p)
		}
	}
	for p := range o.entries {
		if _, ok := x.entries[p]; !ok {
			paths = append(paths, p)
		}
	}
	slices.Sort(paths)
	return paths
}

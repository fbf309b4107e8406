package kit

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
)

// From 6.4 on user_events prints an entry field by field (print_event_fields,
// kernel/trace/trace_output.c), which shows neither what is behind the fields
// nor a payload that does not fit them. The ring buffer's own pages do, and
// reading them consumes them.

// entry is one entry of the ring buffer, struct trace_entry first.
type entry struct {
	when uint64 // ns
	data []byte
}

// ringEntries parses a page of trace_pipe_raw as events/header_page describes
// it, with a 64-bit local_t: u64 time, u64 committed bytes, then events as in
// events/header_event: u32 with 5 bits of type or length and 27 of time.
func ringEntries(page []byte) ([]entry, error) {
	const header, lengthMask = 16, 1<<20 - 1 // flags above (RB_MISSED_EVENTS)
	ne := binary.NativeEndian
	if len(page) < header {
		return nil, fmt.Errorf("a page of the ring buffer of %d bytes", len(page))
	}
	now, committed := ne.Uint64(page), ne.Uint64(page[8:])&lengthMask
	if committed > uint64(len(page)-header) {
		return nil, fmt.Errorf("a page of the ring buffer with %d of %d bytes committed", committed, len(page)-header)
	}
	var entries []entry
	for b := page[header:][:committed]; len(b) > 0; {
		e, size, err := ringEvent(b)
		if err != nil {
			return nil, err
		}
		switch {
		case e.absolute:
			now = e.time
		default:
			now += e.time
		}
		if e.data != nil {
			entries = append(entries, entry{now, e.data})
		}
		b = b[size:]
	}
	return entries, nil
}

// ringPart is one event of a page: data, or time that passes.
type ringPart struct {
	time     uint64
	absolute bool
	data     []byte
}

// Types of struct ring_buffer_event, include/linux/ring_buffer.h. Below are
// lengths in words; 0 has the length in the word behind.
const (
	ringPadding    = 29
	ringTimeExtend = 30
	ringTimeStamp  = 31
)

var errRing = errors.New("an event of the ring buffer runs over its page")

func ringEvent(b []byte) (p ringPart, size int, err error) {
	if len(b) < 4 {
		return p, 0, errRing
	}
	ne := binary.NativeEndian
	head := ne.Uint32(b)
	typ, delta := head&31, head>>5
	p.time = uint64(delta)
	from := 4
	switch {
	case typ > 0 && typ < ringPadding:
		size = 4 + 4*int(typ)
	case len(b) < 8:
		return p, 0, errRing
	case typ == ringTimeExtend:
		p.time |= uint64(ne.Uint32(b[4:])) << 27
		return p, 8, nil
	case typ == ringTimeStamp:
		p.time |= uint64(ne.Uint32(b[4:])) << 27
		p.absolute = true
		return p, 8, nil
	default: // a long entry, or a discarded one: the length counts its own word
		size, from = 4+int(ne.Uint32(b[4:])&(1<<20-1)), 8
	}
	if size < from || size > len(b) {
		return p, 0, errRing
	}
	if typ != ringPadding {
		p.data = b[from:size]
	}
	return p, size, nil
}

// ringRecords reads what the ring buffer behind a trace file holds, in the
// order of time, and takes it out.
func (t *T) ringRecords(file string) []Record {
	cpus, err := filepath.Glob(filepath.Join(Tracefs, filepath.Dir(file), "per_cpu/cpu*/trace_pipe_raw"))
	if err != nil || len(cpus) == 0 {
		t.Fatalf("no trace_pipe_raw beside %s: %v", file, err)
	}
	var all []entry
	for _, cpu := range cpus {
		all = append(all, t.drain(cpu)...)
	}
	slices.SortStableFunc(all, func(a, b entry) int { return cmp.Compare(a.when, b.when) })
	var records []Record
	for _, e := range all {
		r, err := recordOf(e.data)
		t.Check(err)
		records = append(records, r)
	}
	return records
}

func (t *T) drain(path string) (entries []entry) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatalf("open %s: %v", path, err)
	}
	defer func() { _ = unix.Close(fd) }()
	for {
		page := make([]byte, os.Getpagesize())
		n, err := unix.Read(fd, page)
		if errors.Is(err, unix.EAGAIN) || err == nil && n == 0 {
			return entries
		}
		t.Check(err)
		part, err := ringEntries(page[:n])
		t.Check(err)
		entries = append(entries, part...)
	}
}

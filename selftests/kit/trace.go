package kit

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"uetest/internal/uapi"
)

// Record is one user event in the trace.
type Record struct {
	Type    int    // common_type: the number in the event's id file
	PID     int    // common_pid: who wrote it
	Payload []byte // what was written after the index, filled up to 4 bytes
}

// commonSize is sizeof(struct trace_entry): u16 type, u8 flags, u8
// preempt_count, s32 pid (include/linux/trace_events.h).
const commonSize = 8

// ParseTrace returns the user events in the text of a trace file. Instead of a
// name and fields, user_events prints a dump of the whole entry, struct
// trace_entry first, on lines of its own (user_event_print_trace):
//
//	 prog-12  [000] .....     1.234567:
//	00000000: 79 01 00 00 0c 00 00 00 30 31 32 33 34 35 36 37  y.......01234567
//	00000010: 38                                               8
//
// The ring buffer rounds an entry up to a multiple of 4 bytes and shows them
// all, so up to three bytes behind the payload are whatever was there before.
// Lines that are no such dump (the header, other events) are passed over.
func ParseTrace(text string) ([]Record, error) {
	var entries [][]byte
	for i, line := range strings.Split(text, "\n") {
		offset, b, err := parseDump(line)
		switch {
		case err != nil:
			return nil, fmt.Errorf("trace, line %d: %w", i+1, err)
		case offset < 0:
			continue
		case offset == 0:
			entries = append(entries, nil)
		case len(entries) == 0 || len(entries[len(entries)-1]) != offset:
			return nil, fmt.Errorf("trace, line %d: offset %#x does not go on where the line before ended", i+1, offset)
		}
		e := &entries[len(entries)-1]
		*e = append(*e, b...)
	}
	var records []Record
	for _, e := range entries {
		r, err := recordOf(e)
		if err != nil {
			return nil, err
		}
		records = append(records, r)
	}
	return records, nil
}

// recordOf is the record that an entry holds.
func recordOf(e []byte) (Record, error) {
	if len(e) < commonSize {
		return Record{}, fmt.Errorf("trace: an entry of %d bytes, fewer than its common fields", len(e))
	}
	ne := binary.NativeEndian
	return Record{int(ne.Uint16(e)), int(int32(ne.Uint32(e[4:]))), e[commonSize:]}, nil
}

// parseDump parses "00000010: 38 39 …  89…": eight digits of offset, sixteen
// bytes in columns of three, blanks for those that are missing, and the bytes
// as characters. The offset is -1 if the line is no dump.
func parseDump(line string) (offset int, b []byte, err error) {
	const digits, columns = 8, 16 * 3
	if len(line) < digits+2 || line[digits:digits+2] != ": " {
		return -1, nil, nil
	}
	n, err := strconv.ParseUint(line[:digits], 16, 31)
	if err != nil {
		return -1, nil, nil // text that looks like a dump so far
	}
	dump := line[digits+2:]
	if len(dump) > columns {
		dump = dump[:columns]
	}
	b, err = hex.DecodeString(strings.ReplaceAll(dump, " ", ""))
	if err == nil && len(b) == 0 {
		err = errors.New("no bytes")
	}
	if err != nil {
		return -1, nil, fmt.Errorf("%q: %w", line, err)
	}
	return int(n), b, nil
}

// ClearTrace empties the top level ring buffer.
func (t *T) ClearTrace() {
	t.TruncateFile("trace")
	delete(t.traced, "trace")
}

// PrintsFields reports whether the trace shows a user event field by field and
// not as a dump of its bytes (g3).
func (t *T) PrintsFields() bool { return t.Family() == uapi.G3 }

// Trace returns the records of an event in a trace file, "trace" for the top
// level one. A second call returns them again.
func (t *T) Trace(file string, ev *Event) []Record {
	id, err := strconv.Atoi(t.ReadFile(ev.Path("id")))
	t.Check(err)
	all := t.allRecords(file)
	var own []Record
	for _, r := range all {
		if r.Type == id {
			own = append(own, r)
		}
	}
	return t.Unpad(own)
}

// Unpad cuts from payloads what the ring buffer put behind them. Where memory is
// accessed at aligned addresses alone its entries are of a multiple of eight
// bytes (RB_FORCE_8BYTE_ALIGNMENT, kernel/trace/ring_buffer.c), and how long the
// payload was is not in them: it is known of what the test wrote with Write, or
// says with Wrote.
func (t *T) Unpad(records []Record) []Record {
	const alignment = 8
	if !padsEntries {
		return records
	}
	for i, r := range records {
		n := -1
		for _, w := range t.wrote {
			if len(r.Payload)-len(w) < alignment && bytes.HasPrefix(r.Payload, w) {
				n = max(n, len(w))
			}
		}
		if n >= 0 {
			records[i].Payload = r.Payload[:n]
		}
	}
	return records
}

// Wrote says that the test wrote an event's payload in its own way.
func (t *T) Wrote(payload ...byte) {
	if padsEntries {
		t.wrote = append(t.wrote, slices.Clone(payload))
	}
}

// padsEntries tells where memory is accessed at aligned addresses alone.
const padsEntries = runtime.GOARCH == "riscv64"

func (t *T) allRecords(file string) []Record {
	if t.PrintsFields() {
		t.traced[file] = append(t.traced[file], t.ringRecords(file)...)
		return t.traced[file]
	}
	all, err := ParseTrace(t.ReadFile(file))
	t.Check(err)
	return all
}

// Payloads shows the payloads of records in hexadecimal: "none", or "2a000000",
// several with a comma between them.
func Payloads(records []Record) string {
	if len(records) == 0 {
		return "none"
	}
	shown := make([]string, len(records))
	for i, r := range records {
		if shown[i] = hex.EncodeToString(r.Payload); len(r.Payload) == 0 {
			shown[i] = "empty"
		}
	}
	return strings.Join(shown, ",")
}

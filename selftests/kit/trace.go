package kit

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Record is one user event in the trace.
type Record struct {
	Event   string
	PID     int
	Payload []byte // what was written after the index
}

// commonSize is sizeof(struct trace_entry): u16 type, u8 flags, u8
// preempt_count, s32 pid (include/linux/trace_events.h).
const commonSize = 8

// ParseTrace returns the user events in the text of a trace file. user_events
// prints a record as a hexadecimal dump of the whole entry with
// trace_print_hex_dump_seq, sixteen bytes a line:
//
//	prog-12  [000] ..... 1.234567: name: 00000000: 0e 03 00 00 0c 00 00 00 2a 00 00 00  ........*...
//
// Lines that are no such dump (the header, other events) are passed over.
func ParseTrace(text string) ([]Record, error) {
	var records []Record
	for i, line := range strings.Split(text, "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		header, dump, offset := splitDump(line)
		if offset < 0 {
			continue
		}
		b, err := hexBytes(dump)
		if err != nil {
			return nil, fmt.Errorf("trace, line %d: %w", i+1, err)
		}
		if offset == 0 {
			r, err := parseHeader(header)
			if err != nil {
				return nil, fmt.Errorf("trace, line %d: %w", i+1, err)
			}
			records = append(records, r)
		}
		if len(records) == 0 {
			return nil, fmt.Errorf("trace, line %d: a dump that starts at %#x", i+1, offset)
		}
		r := &records[len(records)-1]
		if len(r.Payload) != offset {
			return nil, fmt.Errorf("trace, line %d: offset %#x after %d bytes", i+1, offset, len(r.Payload))
		}
		r.Payload = append(r.Payload, b...)
	}
	for i := range records {
		r := &records[i]
		if len(r.Payload) < commonSize {
			return nil, fmt.Errorf("trace: record of %s has %d bytes, fewer than its common fields", r.Event, len(r.Payload))
		}
		r.Payload = r.Payload[commonSize:]
	}
	return records, nil
}

// splitDump finds "00000010: " and returns what is before and behind it, and
// the offset, or -1 if the line has no dump.
func splitDump(line string) (header, dump string, offset int) {
	const width = 8
	for at := 0; at+width+2 <= len(line); at++ {
		if line[at+width:at+width+2] != ": " || at > 0 && line[at-1] != ' ' {
			continue
		}
		n, err := strconv.ParseUint(line[at:at+width], 16, 31)
		if err == nil && strings.TrimSpace(line[:at]) == "" == (n > 0) {
			return line[:at], line[at+width+2:], int(n)
		}
	}
	return "", "", -1
}

// hexBytes reads up to sixteen bytes "0e 03 …" and leaves the text behind two
// blanks that shows them as characters.
func hexBytes(dump string) ([]byte, error) {
	const column = 16 * 3 // a full line: the characters stand behind it
	if len(dump) > column {
		dump = dump[:column]
	}
	if i := strings.Index(dump, "  "); i >= 0 {
		dump = dump[:i]
	}
	b, err := hex.DecodeString(strings.ReplaceAll(dump, " ", ""))
	if err != nil {
		return nil, fmt.Errorf("%q: %w", dump, err)
	}
	return b, nil
}

// parseHeader takes the event's name and the writer's pid from
// "comm-pid  [cpu] flags time: name: ".
func parseHeader(header string) (Record, error) {
	var r Record
	before, _, ok := strings.Cut(header, " [")
	dash := strings.LastIndexByte(before, '-')
	if !ok || dash < 0 {
		return r, fmt.Errorf("%q: no \"comm-pid [cpu]\"", header)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(before[dash+1:]))
	if err != nil {
		return r, fmt.Errorf("%q: %w", header, err)
	}
	r.PID = pid
	rest, ok := strings.CutSuffix(strings.TrimRight(header, " "), ":")
	at := strings.LastIndex(rest, ": ")
	if !ok || at < 0 {
		return r, fmt.Errorf("%q: no \"time: name:\"", header)
	}
	r.Event = rest[at+2:]
	return r, nil
}

// ClearTrace empties the top level ring buffer.
func (t *T) ClearTrace() {
	t.Check(writeFile("trace", "", unix.O_WRONLY|unix.O_TRUNC))
}

// Trace returns the records of an event in a trace file, "trace" for the top
// level one. Reading does not consume them.
func (t *T) Trace(file string, ev *Event) []Record {
	all, err := ParseTrace(t.ReadFile(file))
	t.Check(err)
	var own []Record
	for _, r := range all {
		if r.Event == ev.Name {
			own = append(own, r)
		}
	}
	return own
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

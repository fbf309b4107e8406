package kit

import (
	"bytes"
	"encoding/binary"
	"reflect"
	"strings"
	"testing"
)

func TestStatusIsParsed(t *testing.T) {
	const g0 = "3:ev_b # Used by ftrace perf\n1:ev_a\n\nActive: 2\nBusy: 1\nMax: 32768\n"
	const g1 = "ev_b # Used by other\nev_a\n\nActive: 2\nBusy: 1\n"
	for _, c := range []struct {
		name, text string
		want       Status
	}{
		{"g0", g0, Status{
			Events: map[string]StatusLine{"ev_a": {1, ""}, "ev_b": {3, "ftrace perf"}},
			Footer: []string{"Active: 2", "Busy: 1", "Max: 32768"}, Active: 2, Busy: 1,
		}},
		{"g1", g1, Status{
			Events: map[string]StatusLine{"ev_a": {-1, ""}, "ev_b": {-1, "other"}},
			Footer: []string{"Active: 2", "Busy: 1"}, Active: 2, Busy: 1,
		}},
		{"empty", "\nActive: 0\nBusy: 0\n", Status{
			Events: map[string]StatusLine{}, Footer: []string{"Active: 0", "Busy: 0"},
		}},
		{"empty name on g1", "\nev_a\n\nActive: 2\nBusy: 0\n", Status{
			Events: map[string]StatusLine{"": {-1, ""}, "ev_a": {-1, ""}},
			Footer: []string{"Active: 2", "Busy: 0"}, Active: 2,
		}},
		{"empty name on g0", "7:\n\nActive: 1\nBusy: 0\n", Status{
			Events: map[string]StatusLine{"": {7, ""}},
			Footer: []string{"Active: 1", "Busy: 0"}, Active: 1,
		}},
	} {
		got, err := ParseStatus(c.text)
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %+v, %v\nwant %+v", c.name, got, err, c.want)
		}
	}
	for name, text := range map[string]string{
		"nothing":    "",
		"no footer":  "ev_a\n",
		"twice":      "a\na\n\nActive: 2\nBusy: 0\n",
		"odd index":  "x:a\n\nActive: 1\nBusy: 0\n",
		"odd hash":   "a # used\n\nActive: 1\nBusy: 0\n",
		"odd footer": "a\n\nActive: one\n",
	} {
		if _, err := ParseStatus(text); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func FuzzParseStatus(f *testing.F) {
	f.Add("3:ev_b # Used by ftrace perf\n1:ev_a\n\nActive: 2\nBusy: 1\nMax: 32768\n")
	f.Add("\n\nActive: 0\nBusy: 0\n")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseStatus(text)
		if err == nil && (s.Events == nil || len(s.Footer) == 0) {
			t.Errorf("%q: parsed without events or footer: %+v", text, s)
		}
	})
}

func TestRecordOfTheLogIsItsMessage(t *testing.T) {
	for _, c := range []struct {
		record string
		want   bool
	}{
		{"4,120,5140900,-;" + FailLine + "\n", true},
		{"4,120,5140900,-,caller=T1;" + FailLine + "\n SUBSYSTEM=x\n", true},
		{"4,120,5140900,-;something else\n TEXT=" + FailLine + "\n", false},
		{FailLine, false},
		{"", false},
	} {
		if got := recordHolds(c.record, FailLine); got != c.want {
			t.Errorf("%q: got %v", c.record, got)
		}
	}
}

// traced is what stable printed for an event of 36 bytes and one of 1 byte.
const traced = `# tracer: nop
#
# entries-in-buffer/entries-written: 2/2   #P:1
#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION
       zzscratch-30      [000] .....     0.829371: 
00000000: 79 01 00 00 1e 00 00 00 30 31 32 33 34 35 36 37  y.......01234567
00000010: 38 39 61 62 63 64 65 66 67 68 69 6a 6b 6c 6d 6e  89abcdefghijklmn
00000020: 6f 70 71 72 73 74 75 76 77 78 79 7a              opqrstuvwxyz
 
       zzscratch-30      [000] .....     0.829380: tracing_mark_write: 00000000: no dump
       zzscratch-31      [000] .....     0.829381: 
00000000: 78 01 00 00 1f 00 00 00 2a                       x.......*
`

func TestTraceIsParsed(t *testing.T) {
	if !littleEndianDump() {
		t.Skip("the dump is one of a little endian machine")
	}
	got, err := ParseTrace(traced)
	want := []Record{
		{0x179, 30, []byte("0123456789abcdefghijklmnopqrstuvwxyz")},
		{0x178, 31, []byte("*")},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v\nwant %v", got, err, want)
	}
	for name, text := range map[string]string{
		"starts in the middle": "00000010: 38 39  89\n",
		"a gap":                "00000000: 79 01 00 00 1e 00 00 00  y\n00000010: 38  8\n",
		"no common fields":     "00000000: 79 01 00 00  y...\n",
		"no bytes":             "00000000: \n",
		"no hexadecimal":       "00000000: zz\n",
	} {
		if r, err := ParseTrace(text); err == nil {
			t.Errorf("%s: no error, %v", name, r)
		}
	}
}

func littleEndianDump() bool { return binary.NativeEndian.Uint16([]byte{1, 0}) == 1 }

func FuzzParseTrace(f *testing.F) {
	f.Add(traced)
	f.Add("00000000: 79 01 00 00 1e 00 00 00\n00000008: 01\n")
	f.Fuzz(func(t *testing.T, text string) {
		records, err := ParseTrace(text)
		total := 0
		for _, r := range records {
			total += commonSize + len(r.Payload)
		}
		if err == nil && 2*total > len(text) {
			t.Errorf("%q: %d bytes from %d characters", text, total, len(text))
		}
	})
}

func TestPerfSamplesAreParsed(t *testing.T) {
	ne := binary.NativeEndian
	sample := func(entry []byte) []byte {
		raw := ne.AppendUint32(nil, uint32(len(entry)))
		raw = append(raw, entry...)
		b := ne.AppendUint32(nil, 9) // PERF_RECORD_SAMPLE
		b = ne.AppendUint16(b, 2)
		return append(ne.AppendUint16(b, uint16(8+len(raw))), raw...)
	}
	entry := append(bytes.Repeat([]byte{0xcc}, commonSize), 1, 2, 3, 4)
	lost := []byte{2, 0, 0, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	if !littleEndianDump() {
		t.Skip("the record below is one of a little endian machine")
	}
	got, err := perfSamples(bytes.Join([][]byte{sample(entry), lost, sample(entry)}, nil))
	if err != nil || !reflect.DeepEqual(got, [][]byte{{1, 2, 3, 4}, {1, 2, 3, 4}}) {
		t.Errorf("got %v, %v", got, err)
	}
	whole := sample(entry)
	for cut := 1; cut < len(whole); cut++ {
		if _, err := perfSamples(whole[:cut]); err == nil {
			t.Errorf("%d of %d bytes: no error", cut, len(whole))
		}
	}
}

func FuzzPerfSamples(f *testing.F) {
	f.Add([]byte{9, 0, 0, 0, 0, 0, 24, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4})
	f.Fuzz(func(t *testing.T, data []byte) {
		records, err := perfSamples(data)
		total := 0
		for _, r := range records {
			total += len(r)
		}
		if err == nil && total > len(data) {
			t.Errorf("%d bytes of %d", total, len(data))
		}
	})
}

func TestPayloadsAreShownInOrder(t *testing.T) {
	got := Payloads([]Record{{Payload: []byte{1, 0xab}}, {}, {Payload: []byte{2}}})
	if got != "01ab,empty,02" || Payloads(nil) != "none" || strings.ContainsAny(got, " =") {
		t.Errorf("got %q", got)
	}
}

func TestCountersAreParsed(t *testing.T) {
	got := parseCounters("nr_foll_pin_acquired 12\nnr_foll_pin_released 11\nbroken\nname x\n\n")
	if len(got) != 2 || got["nr_foll_pin_acquired"] != 12 || got["nr_foll_pin_released"] != 11 {
		t.Errorf("got %v", got)
	}
}

func TestSlabIsParsed(t *testing.T) {
	const text = "slabinfo - version: 2.1\n# name            <active_objs> <num_objs>\nmm_struct             45     64   1152   14    4 : tunables\n"
	if n, size, ok := parseSlab(text, "mm_struct"); n != 45 || size != 1152 || !ok {
		t.Errorf("mm_struct: %d of %d bytes, %v", n, size, ok)
	}
	if _, _, ok := parseSlab(text, "mm"); ok {
		t.Error("a cache that is not there was found")
	}
}

// ringPage is a page as the kernel gives it: 16 bytes of header, then words.
func ringPage(when uint64, words ...uint32) []byte {
	b := binary.NativeEndian.AppendUint64(nil, when)
	b = binary.NativeEndian.AppendUint64(b, uint64(4*len(words))|1<<31)
	for _, w := range words {
		b = binary.NativeEndian.AppendUint32(b, w)
	}
	return append(b, 0xee, 0xee, 0xee, 0xee) // behind what is committed
}

func TestPageOfTheRingBufferIsParsed(t *testing.T) {
	for _, c := range []struct {
		name string
		page []byte
		want []entry
	}{
		{"empty", ringPage(5), nil},
		{"short and long", ringPage(1000, 10<<5|1, 0x11, 20<<5, 12, 0x22, 0x33), []entry{
			{1010, words(0x11)}, {1030, words(0x22, 0x33)},
		}},
		{"time passes", ringPage(1, 1<<5|ringTimeExtend, 1, 2<<5|1, 7), []entry{{1 + 1 + 1<<27 + 2, words(7)}}},
		{"time is set", ringPage(1, 3<<5|ringTimeStamp, 1, 1, 7), []entry{{3 + 1<<27, words(7)}}},
		{"discarded", ringPage(1, 1<<5|ringPadding, 8, 0xdead, 1, 7), []entry{{2, words(7)}}},
	} {
		got, err := ringEntries(c.page)
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %v, %v\nwant %v", c.name, got, err, c.want)
		}
	}
	for name, page := range map[string][]byte{
		"no header":        make([]byte, 15),
		"over the page":    ringPage(1, 2),
		"long, no length":  ringPage(1, 0),
		"length too large": ringPage(1, 0, 100, 1),
		"length too small": ringPage(1, 0, 3, 1),
		"commit too large": ringPage(1, 1, 2)[:20],
	} {
		if got, err := ringEntries(page); err == nil {
			t.Errorf("%s: no error but %v", name, got)
		}
	}
}

func words(list ...uint32) (b []byte) {
	for _, w := range list {
		b = binary.NativeEndian.AppendUint32(b, w)
	}
	return b
}

func FuzzRingEntries(f *testing.F) {
	f.Add(ringPage(1000, 10<<5|1, 0x11, 20<<5, 12, 0x22, 0x33))
	f.Add(ringPage(1, 1<<5|ringTimeExtend, 1, 2<<5|1, 7))
	f.Fuzz(func(t *testing.T, page []byte) {
		entries, err := ringEntries(page)
		if err == nil && 4*len(entries) > len(page) {
			t.Errorf("%d entries in %d bytes", len(entries), len(page))
		}
	})
}

func TestShareIsInTensOfPerCent(t *testing.T) {
	for _, c := range []struct {
		n, all int
		want   string
	}{{0, 25, "0%"}, {1, 25, "0%"}, {-1, 25, "0%"}, {24, 25, "100%"}, {26, 25, "100%"}, {12, 25, "50%"}} {
		if got := Share(c.n, c.all); got != c.want {
			t.Errorf("%d of %d: %s, want %s", c.n, c.all, got, c.want)
		}
	}
}

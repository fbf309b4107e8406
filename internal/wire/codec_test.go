package wire

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"
	"unicode/utf8"

	"uetest/internal/feature"
)

// stream holds one message of each kind.
var stream = []Message{
	{Kind: Hello, Version: Version, Guest: Guest{Release: "6.1.192", Machine: "x86_64", CPUs: 2, Generation: "g1", Taint: 512, Missing: []feature.Name{"hugetlb"}}},
	{Kind: Run, ID: "fork/shared", Program: "fork", Timeout: 5 * time.Second},
	{Kind: Start, ID: "fork/shared"},
	{Kind: Saw, ID: "fork/shared", Key: "parent", Value: "1"},
	{Kind: Log, ID: "fork/shared", Text: "child \x00 says <hello> & \"bye\"\n\t€"},
	{Kind: Log, ID: "fork/shared", Text: "time: 30 places: 2 µs", Sample: &Sample{Of: "time", X: 30, Per: "places", Y: 2, Unit: "µs"}},
	{Kind: Output, ID: "fork/shared", Text: "panic: x"},
	{Kind: Kmsg, Text: "BUG: x", Level: 0, Seq: 1 << 40, At: 1234567 * time.Microsecond},
	{Kind: End, ID: "fork/shared", Status: Crashed, Text: "signal: SIGSEGV", At: time.Millisecond},
	{Kind: Settle},
	{Kind: Settled},
	{Kind: Wake, Now: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC), Random: []byte{0, 1, 255}},
	{Kind: Stop},
	{Kind: Bye, Text: "asked to stop"},
}

func TestMessagesSurviveTheStream(t *testing.T) {
	var buf bytes.Buffer
	enc := NewEncoder(&buf)
	for _, m := range stream {
		if err := enc.Encode(m); err != nil {
			t.Fatalf("Encode(%+v): %v", m, err)
		}
	}
	// A reader that gives a byte at a time: framing must not depend on reads.
	dec := NewDecoder(iotest.OneByteReader(&buf))
	for _, want := range stream {
		got, err := dec.Decode()
		if err != nil {
			t.Fatalf("Decode: %v, want %+v", err, want)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
	if _, err := dec.Decode(); err != io.EOF {
		t.Errorf("after the last message: %v, want io.EOF", err)
	}
}

func TestLongTextIsCutAndSaysSo(t *testing.T) {
	for _, tt := range []struct {
		name, unit string
	}{
		{"ascii", "x"},
		{"escapes of six bytes", "\x01"},
		{"runes of three bytes", "€"},
		{"invalid UTF-8", "\xff"},
		{"mixed", "a\x02€<"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := strings.Repeat(tt.unit, 2*MaxLine)
			line, err := Append(nil, Message{Kind: Log, ID: "a/b", Text: text})
			if err != nil {
				t.Fatal(err)
			}
			if len(line) > MaxLine {
				t.Fatalf("line of %d bytes, want at most %d", len(line), MaxLine)
			}
			if len(line) < MaxLine*3/4 {
				t.Errorf("line of %d bytes: cut more than needed", len(line))
			}
			m, err := NewDecoder(bytes.NewReader(line)).Decode()
			if err != nil {
				t.Fatal(err)
			}
			kept, note, ok := strings.Cut(m.Text, " [")
			if !ok || !strings.HasSuffix(note, " bytes cut]") {
				t.Errorf("the text does not end in a note of the cut: …%q", m.Text[max(0, len(m.Text)-40):])
			}
			if tt.name != "invalid UTF-8" && !strings.HasPrefix(text, kept) {
				t.Error("what is kept is not the beginning of the text")
			}
			if !utf8.ValidString(m.Text) {
				t.Error("the text was cut within a rune")
			}
		})
	}
}

func TestLineOfExactlyMaxLinePasses(t *testing.T) {
	empty, err := Append(nil, Message{Kind: Log, Text: ""})
	if err != nil {
		t.Fatal(err)
	}
	// An empty text is omitted: add what the field itself takes.
	room := MaxLine - len(empty) - len(`,"text":""`)
	for _, n := range []int{room - 1, room, room + 1} {
		text := strings.Repeat("y", n)
		line, err := Append(nil, Message{Kind: Log, Text: text})
		if err != nil {
			t.Fatal(err)
		}
		m, err := NewDecoder(bytes.NewReader(line)).Decode()
		if err != nil {
			t.Fatalf("text of %d bytes, line of %d: %v", n, len(line), err)
		}
		if whole := m.Text == text; whole != (n <= room) {
			t.Errorf("text of %d bytes arrived whole: %v, want %v", n, whole, n <= room)
		}
	}
}

func TestLongValueIsAnErrorAndNeverCut(t *testing.T) {
	m := Message{Kind: Saw, Key: "k", Value: strings.Repeat("v", MaxLine), Text: "note"}
	if line, err := Append(nil, m); !errors.Is(err, ErrTooLong) || len(line) != 0 {
		t.Errorf("Append = %d bytes, %v; want none and ErrTooLong", len(line), err)
	}
}

func TestBadLineIsReportedAndSkipped(t *testing.T) {
	good := `{"kind":"log","text":"good"}` + "\n"
	for _, tt := range []struct {
		name, line string
		want       error
	}{
		{"no JSON", "hello\n", nil},
		{"empty line", "\n", nil},
		{"no kind", "{}\n", nil},
		{"wrong type", `{"kind":3}` + "\n", nil},
		{"two messages on a line", `{"kind":"log"}{"kind":"log"}` + "\n", nil},
		{"one byte too long", `"` + strings.Repeat("x", MaxLine-1) + "\n", ErrTooLong},
		{"megabyte", strings.Repeat("x", 1<<20) + "\n", ErrTooLong},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dec := NewDecoder(strings.NewReader(tt.line + good))
			_, err := dec.Decode()
			var bad *LineError
			if !errors.As(err, &bad) {
				t.Fatalf("Decode of a bad line: %v, want a *LineError", err)
			}
			if tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("Decode: %v, want %v", err, tt.want)
			}
			if len(err.Error()) > 1000 {
				t.Errorf("the error text has %d bytes", len(err.Error()))
			}
			if m, err := dec.Decode(); err != nil || m.Text != "good" {
				t.Errorf("the line behind it: %+v, %v; want it decoded", m, err)
			}
		})
	}
}

func TestStreamThatEndsWithinALineIsNotAnEnd(t *testing.T) {
	for _, s := range []string{`{"kind":"bye"}`, `{"kin`, strings.Repeat("x", 3)} {
		_, err := NewDecoder(strings.NewReader(s)).Decode()
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("Decode(%q): %v, want io.ErrUnexpectedEOF", s, err)
		}
	}
	boom := errors.New("boom")
	if _, err := NewDecoder(iotest.ErrReader(boom)).Decode(); !errors.Is(err, boom) {
		t.Errorf("Decode: %v, want the reader's error", err)
	}
}

func TestOtherVersionIsRefused(t *testing.T) {
	if err := (Message{Kind: Hello, Version: Version}).CheckVersion(); err != nil {
		t.Errorf("own version: %v", err)
	}
	for _, v := range []int{0, Version + 1} {
		err := Message{Kind: Hello, Version: v}.CheckVersion()
		if err == nil || !strings.Contains(err.Error(), "build both again") {
			t.Errorf("version %d: %v, want an error that says what to do", v, err)
		}
	}
}

// FuzzDecoder feeds arbitrary bytes: every line is either a message that
// survives being encoded again or a LineError, and the decoder comes to an end.
func FuzzDecoder(f *testing.F) {
	var all []byte
	for _, m := range stream {
		line, err := Append(nil, m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(line)
		all = append(all, line...)
	}
	f.Add(all)
	f.Add([]byte("\n{}\n{\"kind\":\"log\",\"text\":\"\\ud800\"}\n{\"kind\":\"log\"}"))
	f.Add([]byte(`{"kind":"kmsg","seq":-1}` + "\n" + `{"kind":"end","at":1e3}` + "\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		lines := bytes.Count(data, []byte("\n"))
		dec := NewDecoder(bytes.NewReader(data))
		for range lines {
			m, err := dec.Decode()
			var bad *LineError
			if errors.As(err, &bad) {
				continue
			}
			if err != nil {
				t.Fatalf("whole line: %v", err)
			}
			line, err := Append(nil, m)
			if errors.Is(err, ErrTooLong) {
				continue
			}
			if err != nil {
				t.Fatalf("Append(%+v): %v", m, err)
			}
			again, err := NewDecoder(bytes.NewReader(line)).Decode()
			if err != nil {
				t.Fatalf("Decode(%q): %v", line, err)
			}
			if len(line) < MaxLine/2 && !reflect.DeepEqual(m, again) {
				t.Fatalf("%+v became %+v", m, again)
			}
		}
		if _, err := dec.Decode(); err != io.EOF && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("after %d lines: %v", lines, err)
		}
	})
}

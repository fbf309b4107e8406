package console

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestLineIsTakenApart(t *testing.T) {
	for _, tt := range []struct {
		line string
		want Line
	}{
		{"[    1.234567][   T42] BUG: x", Line{1234567 * time.Microsecond, true, "T42", "BUG: x", false}},
		{"[  123.000001][    C1]  f+0x1/0x2", Line{123*time.Second + time.Microsecond, true, "C1", " f+0x1/0x2", false}},
		{"<4>[12345.5] text\r", Line{12345*time.Second + 500*time.Millisecond, true, "", "text", false}},
		{"<30>text", Line{Text: "text"}},
		{"no stamp", Line{Text: "no stamp"}},
		{"[ not a stamp ]", Line{Text: "[ not a stamp ]"}},
		{"login: [    1.000000][   T42] BUG: x", Line{time.Second, true, "T42", "BUG: x", false}},
		{"[    0.000000] (from user space) BUG: x", Line{0, true, "", "(from user space) BUG: x", true}},
		{"[    0.000000]", Line{0, true, "", "", false}},
		{"[99999999999999999999.0] x", Line{Text: "[99999999999999999999.0] x"}},
	} {
		if got := Parse(tt.line); got != tt.want {
			t.Errorf("Parse(%q):\n got %+v\nwant %+v", tt.line, got, tt.want)
		}
	}
}

func TestRecordIsPrintedAsTheConsoleHasIt(t *testing.T) {
	// A line of a real console, and the record of /dev/kmsg it comes of.
	got := Record(3054563*time.Microsecond, "T40", "The buggy address belongs\n which", false)
	want := []string{"[    3.054563][   T40] The buggy address belongs", "[    3.054563][   T40]  which"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := Record(time.Second, "", "BUG: x\nBUG: y", true); len(Find(got)) != 0 || !strings.HasSuffix(got[1], UserMark+"BUG: y") {
		t.Errorf("got %q, want what a program wrote to be marked in each line", got)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("[    1.234567][   T42] BUG: x")
	f.Add("<4>[1.0][C1] x [    1.000000] y\r")
	f.Fuzz(func(t *testing.T, line string) {
		l := Parse(line)
		if !strings.HasSuffix(strings.TrimRight(line, "\r"), l.Text) {
			t.Errorf("Parse(%q) has the text %q, which the line does not end in", line, l.Text)
		}
		if again := Parse(l.Print()); l.Timed && again.Text == l.Text && (again.Caller != l.Caller || again.Time != l.Time.Truncate(time.Microsecond)) {
			t.Errorf("%q: printed and parsed again it is %+v, was %+v", line, again, l)
		}
	})
}

package kit

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"

	"uetest/internal/uapi"
	"uetest/internal/wire"
)

func TestPartGetsWhatTheTestGaveIt(t *testing.T) {
	for _, c := range []struct {
		args  string
		g     uapi.Generation
		files []int
		rest  []string
		bad   bool
	}{
		{args: "g1 - twin", g: uapi.G1, rest: []string{"twin"}},
		{args: "g3 4,17 user name 0", g: uapi.G3, files: []int{4, 17}, rest: []string{"user", "name", "0"}},
		{args: "g0 -", g: uapi.G0, rest: []string{}},
		{args: "g1", bad: true},
		{args: "", bad: true},
		{args: "g1 4, x", bad: true},
		{args: "g1 -4 x", bad: true},
	} {
		g, files, rest, err := parsePart(strings.Fields(c.args))
		if (err != nil) != c.bad {
			t.Errorf("%q: %v", c.args, err)
			continue
		}
		if !c.bad && (g != c.g || !slices.Equal(files, c.files) || !slices.Equal(rest, c.rest)) {
			t.Errorf("%q: %s %v %q", c.args, g, files, rest)
		}
		// A part is told from the test by its arguments, also if there are none.
		if !c.bad && rest == nil {
			t.Errorf("%q: nil arguments, as in the test itself", c.args)
		}
	}
}

func FuzzParsePart(f *testing.F) {
	for _, s := range []string{"g1 - twin", "g3 4,17 user name 0", "g0 4,,5", "g1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		args := strings.Fields(s)
		_, files, rest, err := parsePart(args)
		if err != nil {
			return
		}
		if len(rest) != len(args)-2 || slices.Min(append(files, 0)) < 0 {
			t.Errorf("%q: files %v, arguments %q", s, files, rest)
		}
	})
}

func TestPartIsRunByTheTestOfItsName(t *testing.T) {
	var got *T
	tests := Tests{"kit/a": func(k *T) { got = k }}
	var sent []wire.Message
	to := sender{func(m wire.Message) error { sent = append(sent, m); return nil }, -1}
	if code := run([]string{"-run", "kit/a", "-part", "g1", "7", "image", "x"}, tests, io.Discard, io.Discard, to); code != 0 {
		t.Fatalf("exit %d", code)
	}
	if got == nil || got.family != uapi.G1 || got.File(0) != 7 || !slices.Equal(got.Args(), []string{"image", "x"}) {
		t.Errorf("ran %+v", got)
	}
	if code := run([]string{"-run", "kit/a", "-part", "g1"}, tests, io.Discard, io.Discard, to); code != 0 {
		t.Fatalf("exit %d", code)
	}
	if end := sent[len(sent)-1]; end.Status != wire.Failed || !strings.Contains(end.Text, "want GENERATION") {
		t.Errorf("a part without its arguments ended %+v", end)
	}
}

// The report of a part becomes the test's, each key with the prefix.
func TestReportOfAPartIsForwarded(t *testing.T) {
	var report bytes.Buffer
	enc := wire.NewEncoder(&report)
	for _, m := range []wire.Message{
		{Kind: wire.Saw, ID: "kit/test", Key: "on", Value: "1"},
		{Kind: wire.Log, Text: "words", Sample: &wire.Sample{Of: "time", X: 3}},
		{Kind: wire.End, Status: wire.Done},
	} {
		if err := enc.Encode(m); err != nil {
			t.Fatal(err)
		}
	}
	whole := report.String()
	for _, c := range []struct {
		name, report string
		part         Part
		key          string
		fails        bool
	}{
		{"twin", whole, Part{Twin: true}, "32-on", false},
		{"named", whole, Part{Twin: true, Prefix: "x"}, "x-on", false},
		{"own program", whole, Part{}, "on", false},
		{"silence", "", Part{}, "", true},
		{"no end", whole[:strings.Index(whole, "\n")+1], Part{}, "on", true},
		{"noise", "runtime error\n" + whole, Part{}, "", true},
	} {
		var err error
		var end wire.Message
		seen, _ := inTest(func(k *T) { end, err = k.forward(c.part, strings.NewReader(c.report)) })
		if (err != nil) != c.fails || !c.fails && end.Status != wire.Done {
			t.Errorf("%s: end %+v, %v", c.name, end, err)
		}
		if c.key != "" && (len(seen) == 0 || seen[0].Key != c.key) {
			t.Errorf("%s: seen %+v, want the key %s", c.name, seen, c.key)
		}
		if !c.fails && (len(seen) != 2 || seen[1].Sample == nil || seen[1].Sample.X != 3) {
			t.Errorf("%s: seen %+v, want what was measured too", c.name, seen)
		}
	}
}

// On a machine without an image beside the program there is no twin, and that
// is a skip and no failure; a program that is there but can't be is a failure.
func TestMissingTwinIsASkip(t *testing.T) {
	start := func(twin bool) wire.Message {
		_, end := inTest(func(k *T) {
			k.family = uapi.G1
			k.Run(Part{Twin: twin})
		})
		return end
	}
	if end := start(true); end.Status != wire.Skipped || end.Text != "compat32" {
		t.Errorf("without a twin the test ended %s %q", end.Status, end.Text)
	}
	// The test program itself is no selftest and knows no -part.
	if end := start(false); end.Status != wire.Failed || !strings.Contains(end.Text, "without a report of its end") {
		t.Errorf("a program that reports nothing: %s %q", end.Status, end.Text)
	}
}

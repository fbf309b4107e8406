package terminal

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

func TestKeysThatLeave(t *testing.T) {
	for name, tt := range map[string]struct {
		typed, sent string
		left        bool
	}{
		"what is typed is sent":     {"ls\r\x03\x04\x1b[A", "ls\r\x03\x04\x1b[A", false},
		"Ctrl-A X leaves":           {"ls\x01xrm", "ls", true},
		"a capital too":             {"\x01X", "", true},
		"Ctrl-A Ctrl-A is one":      {"a\x01\x01x", "a\x01x", false},
		"other keys go both":        {"\x01cx", "\x01cx", false},
		"an escape is not repeated": {"\x01\x01\x01x", "\x01", true},
		"an escape at the end":      {"a\x01", "a", false},
		"nothing":                   {"", "", false},
	} {
		for _, in := range []io.Reader{strings.NewReader(tt.typed), iotest.OneByteReader(strings.NewReader(tt.typed))} {
			var sent bytes.Buffer
			if left := CopyInput(&sent, in); left != tt.left || sent.String() != tt.sent {
				t.Errorf("%s: left %v, sent %q, want %v, %q", name, left, sent.String(), tt.left, tt.sent)
			}
		}
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("broken") }

func TestCopyingEndsWithTheGuest(t *testing.T) {
	if CopyInput(broken{}, strings.NewReader("a\x01x")) {
		t.Error("a guest that has ended was left")
	}
}

// However the typed is cut into reads, the same is sent, and nothing is lost but
// escapes.
func FuzzEscape(f *testing.F) {
	f.Add([]byte("ls\x01\x01x\x01c\x01x"), uint8(3))
	f.Add([]byte("\x01"), uint8(1))
	f.Fuzz(func(t *testing.T, typed []byte, cut uint8) {
		var whole, parts escape
		want, left := whole.filter(typed)
		at := min(int(cut), len(typed))
		got, gone := parts.filter(typed[:at])
		if !gone {
			var rest []byte
			rest, gone = parts.filter(typed[at:])
			got = append(got, rest...)
		}
		if !bytes.Equal(got, want) || gone != left {
			t.Errorf("%q at %d: %q, %v; whole: %q, %v", typed, at, got, gone, want, left)
		}
		if !left && bytes.Count(want, []byte{escapeKey}) > bytes.Count(typed, []byte{escapeKey}) {
			t.Errorf("%q became %q", typed, want)
		}
		if !left && !bytes.Equal(bytes.ReplaceAll(want, []byte{escapeKey}, nil), bytes.ReplaceAll(typed, []byte{escapeKey}, nil)) {
			t.Errorf("%q became %q", typed, want)
		}
	})
}

func open(t *testing.T) (us, tty *os.File) {
	t.Helper()
	us, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = us.Close(), tty.Close() })
	return us, tty
}

func get(t *testing.T, tty *os.File) *unix.Termios {
	t.Helper()
	s, err := unix.IoctlGetTermios(int(tty.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestRawAndBack(t *testing.T) {
	us, tty := open(t)
	before := get(t, tty)
	term := Of(tty, tty)
	if term == nil {
		t.Fatal("a terminal is none")
	}
	restore, err := term.Raw()
	if err != nil {
		t.Fatal(err)
	}
	raw := get(t, tty)
	if raw.Lflag&(unix.ICANON|unix.ECHO|unix.ISIG|unix.IEXTEN) != 0 || raw.Oflag&unix.OPOST != 0 || raw.Iflag&(unix.ICRNL|unix.IXON) != 0 {
		t.Errorf("not raw: %+v", *raw)
	}
	// A key is there when it is typed, Ctrl-C too, and nothing is echoed.
	if _, err := us.WriteString("\x03"); err != nil {
		t.Fatal(err)
	}
	var b [8]byte
	if n, err := tty.Read(b[:]); err != nil || string(b[:n]) != "\x03" {
		t.Errorf("read %q, %v", b[:n], err)
	}
	for range 2 {
		restore()
		if after := get(t, tty); !reflect.DeepEqual(after, before) {
			t.Errorf("the terminal was\n%+v and is\n%+v", *before, *after)
		}
	}
}

// What the guard is told is what stty says and takes.
func TestSettingsAreSttys(t *testing.T) {
	_, tty := open(t)
	out, err := exec.Command("stty", "-F", tty.Name(), "-g").Output()
	if err != nil {
		t.Skip("needs stty: ", err)
	}
	got := settings(get(t, tty))
	if want := strings.TrimSpace(string(out)); got != want {
		// stty's own has what glibc makes of the control characters behind the
		// kernel's; the rest is the same, and it takes both.
		g, w := strings.Split(got, ":"), strings.Split(want, ":")
		if len(g) != len(w) || !reflect.DeepEqual(g[:4+19], w[:4+19]) {
			t.Errorf("settings %s, stty -g %s", got, want)
		}
	}
	if out, err := exec.Command("stty", "-F", tty.Name(), got).CombinedOutput(); err != nil {
		t.Errorf("stty does not take %s: %v\n%s", got, err, out)
	}
}

func TestOnlyATerminalIsOne(t *testing.T) {
	_, tty := open(t)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = r.Close(), w.Close() }()
	if Of(r, tty) != nil || Of(tty, w) != nil || Of(strings.NewReader(""), tty) != nil || Of(tty, io.Discard) != nil {
		t.Error("something else is a terminal")
	}
}

func TestSizeAndItsChange(t *testing.T) {
	us, tty := open(t)
	if err := pty.Setsize(us, &pty.Winsize{Rows: 20, Cols: 70}); err != nil {
		t.Fatal(err)
	}
	term := Of(tty, tty)
	if rows, cols := term.Size(); rows != 20 || cols != 70 {
		t.Errorf("%d by %d", rows, cols)
	}
	changed, stop := term.Resized()
	defer stop()
	if err := syscall.Kill(os.Getpid(), syscall.SIGWINCH); err != nil {
		t.Fatal(err)
	}
	select {
	case <-changed:
	case <-time.After(10 * time.Second):
		t.Error("nobody was told")
	}
}

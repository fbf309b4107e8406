package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/signal"
	"strings"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
	"mvdan.cc/sh/v3/syntax"
)

const (
	firstPrompt = "$ "
	morePrompt  = "> "
)

// prompt asks for one command after the other until "exit" or the end of the
// input, Ctrl-D on an empty line.
func (s *shell) prompt(in, out *os.File) int {
	k := newKeyboard(in, out)
	var text strings.Builder
	for {
		line, err := k.read()
		if err != nil {
			if !errors.Is(err, io.EOF) {
				s.complain(err)
			}
			if s.end(); !s.runner.Exited() || s.status == 0 {
				_, _ = io.WriteString(out, "\n")
			}
			return s.status
		}
		if k.interrupted {
			s.setStatus(interruptStatus)
			text.Reset()
			k.line.SetPrompt(firstPrompt)
			continue
		}
		text.WriteString(line + "\n")
		file, err := s.parser.Parse(strings.NewReader(text.String()), "")
		if syntax.IsIncomplete(err) || err == nil && strings.HasSuffix(line, "\\") && !strings.HasSuffix(line, "\\\\") {
			k.line.SetPrompt(morePrompt)
			continue
		}
		text.Reset()
		k.line.SetPrompt(firstPrompt)
		if err != nil {
			s.complain(err)
			s.setStatus(badUse)
			continue
		}
		for _, st := range file.Stmts {
			if s.foreground(st); s.runner.Exited() {
				return s.status
			}
			if s.status == interruptStatus {
				s.setStatus(interruptStatus)
				break // Ctrl-C ends the line
			}
		}
	}
}

// A keyboard is the terminal while a line is edited.
type keyboard struct {
	in, out *os.File
	line    *term.Terminal

	interrupted bool   // the line that was read was given up with Ctrl-C
	typed       []byte // what stands for it
}

func newKeyboard(in, out *os.File) *keyboard {
	k := &keyboard{in: in, out: out}
	k.line = term.NewTerminal(k, firstPrompt)
	k.line.History = &history{skip: &k.interrupted}
	k.line.AutoCompleteCallback = k.complete
	return k
}

// read returns the next line. The terminal is raw just for that long: programs
// have it as they expect it.
func (k *keyboard) read() (string, error) {
	fd := int(k.in.Fd())
	saved, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return "", err
	}
	raw := *saved
	// Not ICRNL and OPOST: what is typed ahead of a program is for it, and what
	// one in the background says is shown as ever.
	raw.Lflag &^= unix.ICANON | unix.ECHO | unix.ISIG | unix.IEXTEN
	raw.Iflag &^= unix.IXON
	raw.Cc[unix.VMIN], raw.Cc[unix.VTIME] = 1, 0
	if err := unix.IoctlSetTermios(fd, unix.TCSETS, &raw); err != nil {
		return "", err
	}
	defer func() { _ = unix.IoctlSetTermios(fd, unix.TCSETSW, saved) }()

	resized := make(chan os.Signal, 1)
	signal.Notify(resized, unix.SIGWINCH)
	done, stopped := make(chan struct{}), make(chan struct{})
	k.fit()
	go func() {
		defer close(stopped)
		for {
			select {
			case <-resized:
				k.fit()
			case <-done:
				return
			}
		}
	}()
	defer func() {
		signal.Stop(resized)
		close(done)
		<-stopped
	}()
	k.interrupted = false
	return k.line.ReadLine()
}

// fit has the line editor know how wide the terminal is.
func (k *keyboard) fit() {
	w, err := unix.IoctlGetWinsize(int(k.out.Fd()), unix.TIOCGWINSZ)
	if err == nil && w.Col > 0 && w.Row > 0 {
		_ = k.line.SetSize(int(w.Col), int(w.Row))
	}
}

// Read hands the editor one byte at a time, so that what is typed ahead stays in
// the terminal, where the programs find it.
func (k *keyboard) Read(b []byte) (int, error) {
	if len(k.typed) == 0 {
		var one [1]byte
		n, err := k.in.Read(one[:])
		if n == 0 {
			return 0, err
		}
		k.typed = one[:]
		if one[0] == 'C'&0x1f {
			// To the end of the line, where it is shown as a terminal does, and
			// the line is over.
			k.interrupted = true
			k.typed = []byte("\x05^C\r")
		}
	}
	n := copy(b, k.typed)
	k.typed = k.typed[n:]
	return n, nil
}

// Write shows what the editor says, which makes its own carriage returns, as the
// terminal does too.
func (k *keyboard) Write(b []byte) (int, error) {
	_, err := k.out.Write(bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n")))
	return len(b), err
}

// A history is the lines that were typed, the newest one first.
type history struct {
	lines []string
	skip  *bool // the line that comes was not meant
}

// remembered is how many lines a history has.
const remembered = 500

func (h *history) Add(line string) {
	if *h.skip || strings.TrimSpace(line) == "" || len(h.lines) > 0 && h.lines[0] == line {
		return
	}
	h.lines = append([]string{line}, h.lines[:min(len(h.lines), remembered-1)]...)
}

func (h *history) Len() int        { return len(h.lines) }
func (h *history) At(i int) string { return h.lines[i] }

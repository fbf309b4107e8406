// Package terminal lends the user's terminal to a guest.
//
// While a guest has it the terminal is raw: what is typed goes to the guest as
// it is, Ctrl-C too. However that ends, the terminal is as it was before; if
// uetest is killed, its guard process sees to it (package proc).
package terminal

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"uetest/internal/blame"
	"uetest/internal/proc"
)

// A Terminal is what a person sits at.
type Terminal struct {
	in, out *os.File
}

// Of returns the terminal that in and out both are, or nil if either is
// something else.
func Of(in io.Reader, out io.Writer) *Terminal {
	i, inOK := in.(*os.File)
	o, outOK := out.(*os.File)
	if !inOK || !outOK || !isTerminal(i) || !isTerminal(o) {
		return nil
	}
	return &Terminal{i, o}
}

func isTerminal(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

// Size is the size in characters, zero if nobody knows.
func (t *Terminal) Size() (rows, cols uint16) {
	w, err := unix.IoctlGetWinsize(int(t.out.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0, 0
	}
	return w.Row, w.Col
}

// Resized is told when the size has changed, until stop is called.
func (t *Terminal) Resized() (changed <-chan os.Signal, stop func()) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGWINCH)
	return c, func() { signal.Stop(c) }
}

// Raw makes the terminal raw, as cfmakeraw(3) does. restore sets it back to what
// it was; it may be called any number of times.
func (t *Terminal) Raw() (restore func(), err error) {
	fd := int(t.in.Fd())
	saved, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return nil, blame.On(blame.Host, fmt.Errorf("terminal settings: %w", err))
	}
	forget := func() {}
	if device, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd)); err == nil {
		if forget, err = proc.GuardTerminal(device, settings(saved)); err != nil {
			return nil, err
		}
	}
	raw := *saved
	raw.Iflag &^= unix.IGNBRK | unix.BRKINT | unix.PARMRK | unix.ISTRIP | unix.INLCR | unix.IGNCR | unix.ICRNL | unix.IXON
	raw.Oflag &^= unix.OPOST
	raw.Lflag &^= unix.ECHO | unix.ECHONL | unix.ICANON | unix.ISIG | unix.IEXTEN
	raw.Cflag = raw.Cflag&^(unix.CSIZE|unix.PARENB) | unix.CS8
	raw.Cc[unix.VMIN], raw.Cc[unix.VTIME] = 1, 0
	if err := unix.IoctlSetTermios(fd, unix.TCSETS, &raw); err != nil {
		forget()
		return nil, blame.On(blame.Host, fmt.Errorf("terminal settings: %w", err))
	}
	return func() {
		// After the guest's last output, and without what was typed and not
		// read: it was meant for the guest.
		if unix.IoctlSetTermios(fd, unix.TCSETSF, saved) == nil {
			forget()
		}
	}, nil
}

// ccs is NCCS of glibc and musl (bits/termios.h): how many control characters
// stty reads, of which the kernel knows the first 19.
const ccs = 32

// settings writes t as "stty -g" does.
func settings(t *unix.Termios) string {
	words := []string{}
	for _, flag := range []uint32{t.Iflag, t.Oflag, t.Cflag, t.Lflag} {
		words = append(words, fmt.Sprintf("%x", flag))
	}
	for i := range ccs {
		c := uint8(0)
		if i < len(t.Cc) {
			c = t.Cc[i]
		}
		words = append(words, fmt.Sprintf("%x", c))
	}
	return strings.Join(words, ":")
}

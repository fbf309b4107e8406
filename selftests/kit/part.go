package kit

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"uetest/internal/feature"
	"uetest/internal/uapi"
	"uetest/internal/wire"
)

// A Part is the body of the running test in another process: after an exec,
// and perhaps in the program's 32-bit twin. The body asks T.Args which part it
// is. What a part sees is an observation of the test, with a prefix.
type Part struct {
	Twin   bool     // in the program that is compiled for 32 bits
	Prefix string   // of the keys; empty: "32" in the twin
	Args   []string // for T.Args, without blanks; the first tells the part
	Files  []int    // descriptors that the part inherits, for T.File
}

// A part is started as "PROGRAM -run ID -part GENERATION FDS ARG…": a 32-bit
// program can't ask the kernel for its generation, every ioctl that it knows is
// refused.
const partFlag = "-part"

// twinDir is where the image has the twins, beside the programs
// (initramfs.Build).
const twinDir = "32"

// partLimit is how long a part may take. It takes some milliseconds more than a
// test, under emulation some ten; the agent's watchdog ends both.
const partLimit = 10 * time.Second

// Args returns what the test gave to this part of it; nil in the test itself.
func (t *T) Args() []string { return t.args }

// File returns an inherited descriptor by its place in Part.Files.
func (t *T) File(i int) int {
	if i >= len(t.files) {
		t.Fatalf("part %q has no file %d", t.args, i)
	}
	return t.files[i]
}

// parsePart parses what follows partFlag.
func parsePart(args []string) (g uapi.Generation, files []int, rest []string, err error) {
	if len(args) < 2 {
		return "", nil, nil, fmt.Errorf("%s %q: want GENERATION FDS ARG…", partFlag, args)
	}
	if args[1] != "-" {
		for s := range strings.SplitSeq(args[1], ",") {
			fd, err := strconv.Atoi(s)
			if err != nil || fd < 0 {
				return "", nil, nil, fmt.Errorf("%s: %q is no descriptor", partFlag, s)
			}
			files = append(files, fd)
		}
	}
	return uapi.Generation(args[0]), files, append([]string{}, args[2:]...), nil
}

// command returns the program and the arguments of a part whose descriptors
// have the given numbers.
func (t *T) command(p Part, fds []int) (path string, argv []string) {
	own, err := os.Executable()
	t.Check(err)
	dir := filepath.Dir(own)
	if filepath.Base(dir) == twinDir {
		dir = filepath.Dir(dir)
	}
	if p.Twin {
		dir = filepath.Join(dir, twinDir)
	}
	list := "-"
	if len(fds) > 0 {
		list = strings.Trim(strings.Join(strings.Fields(fmt.Sprint(fds)), ","), "[]")
	}
	// The program goes by the name it was called, which need not be its file's.
	area := filepath.Base(os.Args[0])
	argv = append([]string{area, "-run", t.id, partFlag, string(t.Family()), list}, p.Args...)
	return filepath.Join(dir, area), argv
}

// lacksTwin reports whether a program could not be started because the image
// has no twin, or the kernel does not run one.
func (p Part) lacksTwin(err error) bool {
	return p.Twin && (errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOEXEC))
}

// Run runs a part and waits for its end. A part that fails fails the test.
func (t *T) Run(p Part) {
	r, w, err := os.Pipe()
	t.Check(err)
	defer func() { _ = r.Close() }()
	files := []*os.File{nil, os.Stdout, os.Stderr, w}
	fds := make([]int, len(p.Files))
	for i, fd := range p.Files {
		fds[i] = len(files)
		// A descriptor of its own: an os.File closes what it was made of.
		dup, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
		t.Check(err)
		files = append(files, os.NewFile(uintptr(dup), "inherited"))
	}
	path, argv := t.command(p, fds)
	child, err := os.StartProcess(path, argv, &os.ProcAttr{
		Files: files, Env: os.Environ(),
		Sys: &unix.SysProcAttr{Pdeathsig: unix.SIGKILL},
	})
	for _, f := range files[resultFD:] {
		_ = f.Close()
	}
	if p.lacksTwin(err) {
		t.Skip(feature.Compat32)
	}
	t.Check(err)
	t.Check(r.SetReadDeadline(time.Now().Add(partLimit)))
	end, err := t.forward(p, r)
	if err != nil {
		_ = child.Kill()
	}
	if e := Reap(child.Pid); err == nil {
		err = e
	}
	switch {
	case err != nil:
		t.Fatalf("part %q of %s: %v", p.Args, path, err)
	case end.Status == wire.Skipped:
		t.Skip(feature.Name(end.Text))
	case end.Status != wire.Done:
		t.Fatalf("part %q of %s %s: %s", p.Args, path, end.Status, end.Text)
	}
}

// forward sends on what a part reports and returns its end.
func (t *T) forward(p Part, from io.Reader) (end wire.Message, err error) {
	prefix := p.Prefix
	if prefix == "" && p.Twin {
		prefix = twinDir
	}
	if prefix != "" {
		prefix += "-"
	}
	for dec := wire.NewDecoder(from); ; {
		m, err := dec.Decode()
		switch {
		case errors.Is(err, io.EOF) && end.Kind == wire.End:
			return end, nil
		case errors.Is(err, io.EOF):
			return end, errors.New("it ended without a report of its end")
		case err != nil:
			return end, fmt.Errorf("its report: %w", err)
		case m.Kind == wire.Saw:
			t.Saw(prefix+m.Key, m.Value)
		case m.Kind == wire.Log:
			t.message(wire.Message{Kind: wire.Log, ID: t.id, Text: prefix + m.Text, Sample: m.Sample})
		case m.Kind == wire.End:
			end = m
		}
	}
}

// Reap waits for the end of a process that the test started and that has been
// killed or is about to end, but no longer than it may take.
func Reap(pid int) error {
	for deadline := time.Now().Add(partLimit); ; time.Sleep(time.Millisecond) {
		got, err := unix.Wait4(pid, nil, unix.WNOHANG, nil)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return fmt.Errorf("wait for process %d: %w", pid, err)
		case got == pid:
			return nil
		case time.Now().After(deadline):
			return fmt.Errorf("process %d did not end within %v", pid, partLimit)
		}
	}
}

// Become replaces the running program by a part, execve(2). Descriptors keep
// their numbers; what this program was to undo is left to the kernel. It
// returns only to skip or to fail.
func (t *T) Become(p Part) {
	keep := p.Files
	if t.to.fd >= 0 {
		keep = append([]int{t.to.fd}, keep...)
	}
	for _, fd := range keep {
		_, err := unix.FcntlInt(uintptr(fd), unix.F_SETFD, 0)
		t.Check(err)
	}
	path, argv := t.command(p, p.Files)
	err := unix.Exec(path, argv, os.Environ())
	if p.lacksTwin(err) {
		t.Skip(feature.Compat32)
	}
	t.Fatalf("execve %s: %v", path, err)
}

// Inherit is an open user_events_data by its descriptor, of a file that the
// part inherited or was sent. It is closed at the end of the part.
func (t *T) Inherit(fd int) *Data { return t.data(fd) }

// Theirs is an event that another process of the test made: it is not deleted
// at the end of this one.
func (t *T) Theirs(name string) *Event { return &Event{t: t, Name: name, Desc: name} }

// TheirRegistration is a registration that another process made, by what REG told it
// and by where the bit is in this one.
func (t *T) TheirRegistration(index int, statusBit uint32, at Bit) *Registration {
	return &Registration{t, index, statusBit, at, at.Word.Addr()}
}

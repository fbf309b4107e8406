package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// TestMain is the shell itself if it is asked for: a process of its own has the
// signals and the terminal that matter here.
func TestMain(m *testing.M) {
	if os.Getenv("SH_TEST") != "" {
		_ = os.Unsetenv("SH_TEST")
		main()
	}
	os.Exit(m.Run())
}

func shellCommand(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Env = append(os.Environ(), "SH_TEST=1")
	cmd.Dir = t.TempDir()
	return cmd
}

func TestWithoutATerminal(t *testing.T) {
	for name, tt := range map[string]struct {
		args   []string
		in     string
		out    string
		status int
		err    string
	}{
		"a line":                            {[]string{"-c", "echo $1-$#; exit 3", "a", "b"}, "", "a-2\n", 3, ""},
		"a script has the status of exit":   {nil, "echo one\nexit 3\necho two\n", "one\n", 3, ""},
		"or that of its last command":       {nil, "echo one\nfalse\n", "one\n", 1, ""},
		"or none":                           {nil, "", "", 0, ""},
		"commands have the rest":            {nil, "read x\nhello\necho got $x\ncat\nto cat\nto cat\n", "got hello\nto cat\nto cat\n", 0, ""},
		"what comes before a bad line runs": {nil, "echo one\nif )\n", "one\n", 2, "sh: "},
		"a bad line alone does not run":     {[]string{"-c", "echo one; if )"}, "", "", 2, "sh: "},
		"a command that is not there":       {[]string{"-c", "nosuch"}, "", "", 127, `"nosuch": executable file not found`},
		"a program killed by a signal":      {[]string{"-c", "/bin/sh -c 'kill -9 $$'"}, "", "", 137, ""},
		"a trap runs at the end":            {nil, "trap 'echo bye' EXIT\nfalse\n", "bye\n", 1, ""},
		"and at an exit":                    {nil, "trap 'echo bye' EXIT\nexit 4\n", "bye\n", 4, ""},
		"a file that is no program":         {[]string{"-c", "echo '' > x; echo x > y; /bin/chmod +x y; ./y; echo $?"}, "", "126\n", 0, "exec format error"},
		"no such option":                    {[]string{"-z"}, "", "", 2, "expected: sh [-c LINE | FILE]"},
		"nothing behind -c":                 {[]string{"-c"}, "", "", 2, "expected a command line"},
		"no such file":                      {[]string{"nosuch"}, "", "", 127, "open nosuch"},
		"it is bash's language":             {[]string{"-c", "a=(1 2); for i in {1..2}; do echo ${a[i-1]}; done; [[ x == x ]]"}, "", "1\n2\n", 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := shellCommand(t, tt.args...)
			var out, errOut bytes.Buffer
			cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(tt.in), &out, &errOut
			_ = cmd.Run() // the status is looked at
			if got := cmd.ProcessState.ExitCode(); got != tt.status || out.String() != tt.out {
				t.Errorf("got status %d, output %q, want %d, %q", got, out.String(), tt.status, tt.out)
			}
			if !strings.Contains(errOut.String(), tt.err) || tt.err == "" && errOut.Len() > 0 {
				t.Errorf("standard error is %q, want %q", errOut.String(), tt.err)
			}
		})
	}
}

func TestAFileIsRun(t *testing.T) {
	cmd := shellCommand(t)
	file := filepath.Join(cmd.Dir, "script")
	if err := os.WriteFile(file, []byte("echo $1\nexit 5\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd.Args = append(cmd.Args, file, "word")
	out, _ := cmd.Output()
	if got := cmd.ProcessState.ExitCode(); got != 5 || string(out) != "word\n" {
		t.Errorf("status %d, output %q", got, out)
	}
}

// A person types at a terminal where the shell runs.
type person struct {
	t    *testing.T
	us   *os.File
	tty  *os.File
	cmd  *exec.Cmd
	done chan struct{}

	mu   sync.Mutex
	seen []byte
}

func sit(t *testing.T) *person {
	t.Helper()
	us, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	p := &person{t: t, us: us, tty: tty, cmd: shellCommand(t), done: make(chan struct{})}
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = tty, tty, tty
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait()
		close(p.done)
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.done
		_, _ = us.Close(), tty.Close()
	})
	go func() {
		buf := make([]byte, 4096)
		for {
			n, err := us.Read(buf)
			p.mu.Lock()
			p.seen = append(p.seen, buf[:n]...)
			p.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	p.sees("$ ")
	return p
}

func (p *person) types(text string) {
	p.t.Helper()
	if _, err := p.us.WriteString(text); err != nil {
		p.t.Fatal(err)
	}
}

// sees waits for text behind what was seen before.
func (p *person) sees(text string) {
	p.t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		p.mu.Lock()
		i := bytes.Index(p.seen, []byte(text))
		if i >= 0 {
			p.seen = p.seen[i+len(text):]
		}
		p.mu.Unlock()
		if i >= 0 {
			return
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.t.Fatalf("no %q; the rest is %q", text, p.seen)
}

func (p *person) leaves(status int) {
	p.t.Helper()
	select {
	case <-p.done:
	case <-time.After(20 * time.Second):
		p.t.Fatal("the shell still runs")
	}
	if got := p.cmd.ProcessState.ExitCode(); got != status {
		p.t.Errorf("status %d, want %d", got, status)
	}
}

func TestExitEndsWithItsNumber(t *testing.T) {
	for line, status := range map[string]int{"exit\r": 0, "exit 3\r": 3, "true && exit 255\r": 255, "false\rexit\r": 1, "false\r\x04": 1, "\x04": 0, "if true; then\rexit 4\rfi\r": 4} {
		t.Run(line, func(t *testing.T) {
			p := sit(t)
			p.types(line)
			p.leaves(status)
		})
	}
}

func TestTheTerminalIsBackAtTheEnd(t *testing.T) {
	p := sit(t)
	raw, err := unix.IoctlGetTermios(int(p.tty.Fd()), unix.TCGETS)
	if err != nil || raw.Lflag&(unix.ICANON|unix.ECHO) != 0 {
		t.Fatalf("at the prompt: %+v, %v; want it raw", raw, err)
	}
	p.types("exit 3\r")
	p.leaves(3)
	after, err := unix.IoctlGetTermios(int(p.tty.Fd()), unix.TCGETS)
	if want := uint32(unix.ICANON | unix.ECHO | unix.ISIG); err != nil || after.Lflag&want != want {
		t.Errorf("behind it: %+v, %v", after, err)
	}
}

func TestCtrlC(t *testing.T) {
	p := sit(t)
	// At the prompt it gives the line up.
	p.types("echo no")
	p.sees("no")
	p.types("\x03")
	p.sees("^C\r\n")
	p.sees("$ ")
	p.types("echo $?\r")
	p.sees("\r\n130\r\n$ ")
	// And in the middle of a command of several lines all of them.
	p.types("for i in 1 2; do\r")
	p.sees("> ")
	p.types("\x03")
	p.sees("$ ")
	// A program ends by it, and what stands behind it on the line.
	p.types("echo started; sleep 1000; echo not this\r")
	p.sees("\r\nstarted\r\n")
	time.Sleep(200 * time.Millisecond) // until sleep has the terminal
	p.types("\x03")
	p.sees("$ ")
	p.types("echo status $?\r")
	p.sees("\r\nstatus 130\r\n$ ")
	// A program that catches it lives on.
	p.types("/bin/sh -c 'trap \"echo caught\" INT; echo ready; sleep 0.5; exit 6'; echo then $?\r")
	p.sees("\r\nready\r\n")
	p.types("\x03")
	p.sees("caught\r\nthen ")
	p.sees("$ ")
	// A loop without a program too.
	p.types("echo looping; while true; do :; done\r")
	p.sees("\r\nlooping\r\n")
	time.Sleep(100 * time.Millisecond)
	p.types("\x03")
	p.sees("$ ")
	// What is in the background goes on behind its line.
	p.types("{ sleep 0.3; echo in the background; } &\r")
	p.sees("$ ")
	p.sees("in the background")
	p.types("exit 9\r")
	p.leaves(9)
}

func TestEditing(t *testing.T) {
	p := sit(t)
	p.types("echo onne\x7f\x7fe\r")
	p.sees("\r\none\r\n$ ")
	p.types("echo two\r")
	p.sees("\r\ntwo\r\n$ ")
	p.types("\x1b[A\x1b[A\r") // up, up
	p.sees("\r\none\r\n$ ")
	p.types("wrong\x15echo three\r") // Ctrl-U
	p.sees("\r\nthree\r\n$ ")
	p.types("echo ab\x1b[Dx\r") // left
	p.sees("\r\naxb\r\n$ ")
	p.types("if true; then\r")
	p.sees("> ")
	p.types("echo four\r")
	p.sees("> ")
	p.types("fi\r")
	p.sees("\r\nfour\r\n$ ")
	p.types("echo 'a\r")
	p.sees("> ")
	p.types("b'\r")
	p.sees("\r\na\r\nb\r\n$ ")
	p.types("if )\r")
	p.sees("sh: ")
	p.sees("$ ")
	p.types("echo five \\\rsix\r")
	p.sees("\r\nfive six\r\n$ ")
	// What is typed ahead is the program's, up to its end.
	p.types("cat\rfor cat\r")
	p.sees("for cat\r\n")
	p.types("\x04echo after\r")
	p.sees("\r\nafter\r\n$ ")
	p.types("exit\r")
	p.leaves(0)
}

func TestTabFinishesTheWord(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	t.Setenv("PATH", filepath.Join(dir, "bin"))
	for _, name := range []string{"bin/hexdump", "bin/head", "sub/file", "sub/.hidden", "suffix"} {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, nil, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct{ before, after, want string }{
		{"hex", "", "hexdump "},
		{"he", "", "he"}, // two
		{"echo; hex", "", "echo; hexdump "},
		{"x=$(hex", ")", "x=$(hexdump )"},
		{"echo hex", "", "echo hex"},
		{"cat sub", "", "cat sub/"},
		{"cat sub/", "", "cat sub/file "},
		{"cat sub/.", "", "cat sub/.hidden "},
		{"cat su", "", "cat su"},
		{"cat suf", " x", "cat suffix  x"},
		{"cat " + dir + "/suf", "", "cat " + dir + "/suffix "},
		{"sub/f", "", "sub/file "},
		{"cat >suf", "", "cat >suffix "},
		{"exi", "", "exit "},
		{"nosuch", "", "nosuch"},
	} {
		null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		k := newKeyboard(null, null)
		got, pos, ok := k.complete(tt.before+tt.after, len(tt.before), '\t')
		if !ok || got != tt.want || got[pos:] != tt.after {
			t.Errorf("%q|%q: got %q, %d, want %q", tt.before, tt.after, got, pos, tt.want)
		}
		_ = null.Close()
	}
	if _, _, ok := newKeyboard(nil, nil).complete("he", 2, 'a'); ok {
		t.Error("another key finishes words too")
	}
}

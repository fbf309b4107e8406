package proc

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"uetest/internal/blame"
)

func sh(script string) Cmd { return Cmd{Path: "sh", Args: []string{"-c", script}} }

func TestStringIsReadBackByTheShell(t *testing.T) {
	args := []string{"plain", "", "a b", "it's", `"`, "$HOME", "a\nb", "*", "-M", "microvm,acpi=off", `\`, "ü", "a;b", "~"}
	c := Cmd{Path: "printf", Args: append([]string{`%s\0`}, args...)}
	out, err := exec.Command("sh", "-c", c.String()).Output()
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
	if strings.Join(got, "|") != strings.Join(args, "|") {
		t.Errorf("the shell read %q, want %q", got, args)
	}
	if got, want := (Cmd{Path: "make", Args: []string{"-j2", "O=/x y"}}).String(), "make -j2 'O=/x y'"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestExitErrorTellsHowItEnded(t *testing.T) {
	for _, tt := range []struct {
		script string
		code   int
		sig    syscall.Signal
		stderr string
		text   string
	}{
		{"exit 7", 7, 0, "", "sh -c 'exit 7': exit status 7"},
		{"echo no such hunk >&2; exit 1", 1, 0, "no such hunk\n", "sh -c 'echo no such hunk >&2; exit 1': exit status 1:\nno such hunk"},
		{"kill -SEGV $$", -1, syscall.SIGSEGV, "", "sh -c 'kill -SEGV $$': ended by signal 11 (segmentation fault)"},
	} {
		err := Run(t.Context(), sh(tt.script))
		var e *ExitError
		if !errors.As(err, &e) {
			t.Errorf("%s: %v is no ExitError", tt.script, err)
			continue
		}
		if e.Code != tt.code || e.Signal != tt.sig || e.Stderr != tt.stderr || e.Cause != nil || e.Error() != tt.text {
			t.Errorf("%s: got %#v %q", tt.script, e, e)
		}
	}
}

func TestStderrTailIsBoundedAndCutAtALine(t *testing.T) {
	err := Run(t.Context(), sh("i=0; while [ $i -lt 3000 ]; do echo line $i >&2; i=$((i+1)); done; exit 1"))
	var e *ExitError
	if !errors.As(err, &e) {
		t.Fatal(err)
	}
	if len(e.Stderr) > tailSize || len(e.Stderr) < tailSize/2 || !strings.HasPrefix(e.Stderr, "line ") || !strings.HasSuffix(e.Stderr, "line 2999\n") {
		t.Errorf("got %d bytes, %.20q … %.20q", len(e.Stderr), e.Stderr, e.Stderr[max(0, len(e.Stderr)-20):])
	}
}

func TestOutputsGoWhereTheyShould(t *testing.T) {
	var out, both bytes.Buffer
	c := sh("echo out; echo err >&2; cat; echo $V; pwd; cat <&3")
	f, err := os.Open("proc_test.go")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	c.Stdin, c.Stdout, c.Env, c.Dir, c.ExtraFiles = strings.NewReader("in\n"), &out, []string{"V=v", "PATH=/bin:/usr/bin"}, "/", []*os.File{f}
	if err := Run(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(out.String(), "out\nin\nv\n/\npackage proc\n") {
		t.Errorf("got %.60q", out.String())
	}
	c = sh("for i in 1 2 3 4 5 6; do echo o$i; echo e$i >&2; done")
	c.Stdout, c.Stderr = &both, &both
	if err := Run(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if want := "o1\ne1\no2\ne2\no3\ne3\no4\ne4\no5\ne5\no6\ne6\n"; both.String() != want {
		t.Errorf("order of standard output and error: got %q", both.String())
	}
}

func TestMissingExecutableIsTheHostsAndNamesThePackage(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	for name, want := range map[string]string{
		"qemu-system-x86_64":   "apt-get install qemu-system-x86",
		"xz":                   "apt-get install xz-utils",
		"/nowhere/bin/make":    "apt-get install make",
		"something-else":       "something-else: executable file not found in $PATH",
		"/nowhere/nothing":     "/nowhere/nothing: no such file or directory",
		"./nowhere/./relative": "no such file or directory",
	} {
		err := Run(t.Context(), Cmd{Path: name})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", name, err, want)
		}
		if blame.Of(err) != blame.Host {
			t.Errorf("%s: blamed on %v", name, blame.Of(err))
		}
		if !errors.Is(err, exec.ErrNotFound) && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v is not a \"not found\"", name, err)
		}
	}
}

func TestFileThatCannotRunIsTheHosts(t *testing.T) {
	script := filepath.Join(t.TempDir(), "broken")
	if err := os.WriteFile(script, []byte("#!/nowhere/interpreter\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	err := Run(t.Context(), Cmd{Path: script})
	if err == nil || !strings.Contains(err.Error(), "cannot start "+script) || blame.Of(err) != blame.Host {
		t.Errorf("got %v, blamed on %v", err, blame.Of(err))
	}
}

func TestEndOfContextEndsTheGroup(t *testing.T) {
	for _, tt := range []struct {
		name, script string
		sig          syscall.Signal
		min, max     time.Duration
	}{
		{"polite", "sleep 300 & sleep 300", syscall.SIGTERM, 0, 900 * time.Millisecond},
		{"ignores SIGTERM", "trap '' TERM; sleep 300 & sleep 300; sleep 300", syscall.SIGKILL, time.Second, 3 * time.Second},
		{"only the grandchild ignores SIGTERM", "sh -c 'trap \"\" TERM; sleep 300' & wait", syscall.SIGTERM, time.Second, 3 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			c := sh(tt.script)
			c.Grace = time.Second
			p, err := Start(ctx, c)
			if err != nil {
				t.Fatal(err)
			}
			eventually(t, 5*time.Second, "two processes", func() bool { return len(Members(p.Pid())) >= 2 })
			time.Sleep(100 * time.Millisecond) // the inner shell's trap
			start := time.Now()
			cancel()
			err = p.Wait()
			took := time.Since(start)
			var e *ExitError
			if !errors.As(err, &e) || e.Signal != tt.sig || !errors.Is(err, context.Canceled) {
				t.Errorf("got %v, want an ExitError by %v because of %v", err, tt.sig, context.Canceled)
			}
			if took < tt.min || took > tt.max {
				t.Errorf("took %v, want %v to %v", took, tt.min, tt.max)
			}
			if m := Members(p.Pid()); len(m) != 0 {
				t.Errorf("left: %v", m)
			}
		})
	}
}

func TestDeadlineIsToldFromCancel(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := Run(ctx, sh("sleep 300")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if _, err := Start(ctx, sh("true")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("started after the deadline: %v", err)
	}
}

func TestBackgroundChildEndsWithItsParent(t *testing.T) {
	p, err := Start(t.Context(), sh("sleep 300 & exit 0"))
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	if err := p.Wait(); err != nil {
		t.Error(err)
	}
	if m := Members(p.Pid()); len(m) != 0 || time.Since(start) > time.Second {
		t.Errorf("left %v after %v", m, time.Since(start))
	}
}

func TestWaitDoesNotHangOnAnInheritedPipe(t *testing.T) {
	var out bytes.Buffer
	c := sh("setsid sleep 300 & echo $!; exit 0") // leaves the group, keeps standard output
	c.Stdout = &out
	start := time.Now()
	err := Run(t.Context(), c)
	if took := time.Since(start); err != nil || took > pipeDelay+2*time.Second {
		t.Errorf("%v after %v", err, took)
	}
	if !strings.HasSuffix(out.String(), "\n") {
		t.Errorf("output lost: %q", out.String())
	}
	// The one process that proc cannot know of is ended here, by its session.
	pid, err := strconv.Atoi(strings.TrimSpace(out.String()))
	if err != nil || pid <= 1 {
		t.Fatalf("got %q, want a process id", out.String())
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Errorf("kill %d: %v", pid, err)
	}
}

func TestKillAndSignalAfterTheEndDoNothing(t *testing.T) {
	p, err := Start(t.Context(), sh("true"))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Wait(); err != nil {
		t.Fatal(err)
	}
	p.Kill()
	if err := p.Signal(syscall.SIGTERM); !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("got %v", err)
	}
}

func TestTempDirIsRemovedOnce(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	dir, remove, err := TempDir("vm-*")
	if err != nil {
		t.Fatal(err)
	}
	if base := filepath.Base(dir); !strings.HasPrefix(base, "uetest-vm-") {
		t.Errorf("name %s", base)
	}
	remove()
	remove()
	if !gone(dir) {
		t.Errorf("%s is left", dir)
	}
	t.Setenv("TMPDIR", "/nowhere")
	if _, _, err := TempDir("x-*"); err == nil || blame.Of(err) != blame.Host {
		t.Errorf("got %v", err)
	}
}

// However the process ends, what it left behind goes.
func TestScratchEndsWithTheProcess(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	t.Setenv("GOTMPDIR", "/elsewhere")
	for _, tt := range []struct {
		script string
		fails  bool
	}{
		{`echo x > "$TMPDIR/left"; echo "$TMPDIR$GOTMPDIR"`, false},
		{`echo x > "$TMPDIR/left"; echo "$TMPDIR$GOTMPDIR"; kill -KILL $$`, true},
	} {
		for _, env := range [][]string{nil, {"PATH=" + os.Getenv("PATH")}} {
			c := sh(tt.script)
			c.Scratch, c.Env = true, env
			out, err := Output(t.Context(), c)
			dir := strings.TrimSpace(string(out))
			if (err != nil) != tt.fails || filepath.Dir(dir) != os.Getenv("TMPDIR") {
				t.Errorf("%s: %q, %v", tt.script, dir, err)
			}
			if left, err := os.ReadDir(os.Getenv("TMPDIR")); err != nil || len(left) != 0 {
				t.Errorf("%s: left %v, %v", tt.script, left, err)
			}
		}
	}
}

func TestNoDescriptorAndNoGoroutineIsLeft(t *testing.T) {
	if err := Run(t.Context(), sh("true")); err != nil { // the guard and the starter stay
		t.Fatal(err)
	}
	fds := func() int {
		e, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(e)
	}
	before := fds()
	for range 50 {
		_, _ = Output(t.Context(), sh("echo x; exit 3"))
	}
	eventually(t, 2*time.Second, "as many descriptors as before", func() bool { return fds() <= before })
}

func FuzzParseStat(f *testing.F) {
	f.Add("1234 (a) b) (c) S 1 77 77 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4711 1 2 3")
	f.Add("1 (x) R 1 2")
	f.Add("")
	f.Add("1 (x)")
	f.Fuzz(func(t *testing.T, s string) {
		st, ok := parseStat(s)
		if !ok && st != (stat{}) {
			t.Errorf("%q: not parsed, but %v", s, st)
		}
		if ok && st.state == "" {
			t.Errorf("%q: no state", s)
		}
	})
}

func TestParseStatSkipsTheName(t *testing.T) {
	got, ok := parseStat("1234 (a) b) (c) S 1 77 77 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4711 1 2 3")
	if want := (stat{"S", 77, 4711}); !ok || got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	soakEnv     = "UETEST_SOAK"      // how many runs, with a kill in each
	soakSeedEnv = "UETEST_SOAK_SEED" // repeats what a run of the test did
	soakRuns    = 8
	// soakTests are few: a run is over in 1.5 s, of which most has a guest.
	soakTests = "align/(plus-.*|kernel-.*|user-limit)"
	// soakLimit is how long a run may take, whatever happens to it.
	soakLimit = 3 * time.Minute
)

// TestSoak kills runs at random times, and parts of them, and looks at what is
// left: no process, no socket, no temporary file, and a cache that the next run
// can work with. What a run makes in the cache is taken away now and then, so
// that runs are killed while they make it.
//
//	UETEST_SOAK=300 go test -run Soak -v -timeout 3h ./cmd/uetest
func TestSoak(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("boots a kernel; not with -short")
	}
	if _, err := os.Stat("/usr/src/linux-source-6.1.tar.xz"); err != nil {
		t.Skip("needs the package linux-source-6.1: ", err)
	}
	runs, seed := soakRuns, uint64(time.Now().UnixNano())
	if s := os.Getenv(soakEnv); s != "" {
		var err error
		if runs, err = strconv.Atoi(s); err != nil {
			t.Fatalf("%s=%s: %v", soakEnv, s, err)
		}
	}
	if s := os.Getenv(soakSeedEnv); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatalf("%s=%s: %v", soakSeedEnv, s, err)
		}
	}
	t.Logf("%s=%d", soakSeedEnv, seed)
	uetest := buildUetest(t)
	s := &soak{
		rand:   rand.New(rand.NewPCG(seed, 0)),
		uetest: uetest,
		kernel: strings.TrimSpace(output(t, uetest, "kernel", "path", "rfc")),
		cache:  t.TempDir(),
	}
	s.undisturbed(t)
	did := map[string]int{}
	for i := range runs {
		what := s.disturbed(t, i)
		did[what]++
		if i%10 == 9 || i == runs-1 {
			s.undisturbed(t)
		}
		if t.Failed() {
			t.Fatalf("after %d runs; the last one: %s", i+1, what)
		}
	}
	for what, n := range did {
		t.Logf("%4d × %s", n, what)
	}
}

// soak is what the runs have in common.
type soak struct {
	rand           *rand.Rand
	uetest, kernel string
	cache          string
}

func (s *soak) command(ctx context.Context, tmp string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, s.uetest, "run", "--accel", "tcg", "--kernel", s.kernel,
		"--run", soakTests, "--isolate", "test", "-j", "2", "--timeout", "20s")
	cmd.Env = append(os.Environ(), "TMPDIR="+tmp, "UETEST_CACHE="+s.cache)
	return cmd
}

// undisturbed is a run that nobody kills: all is as expected.
func (s *soak) undisturbed(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), soakLimit)
	defer cancel()
	tmp := t.TempDir()
	cmd := s.command(ctx, tmp)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("a run that nobody disturbed: %v\n%s", err, out)
	}
	s.check(t, cmd.Process.Pid, tmp)
}

// victims are what is killed, by the beginning of the command line.
var victims = []struct {
	name    string
	prefix  string // empty: uetest itself
	signals []syscall.Signal
}{
	{"uetest", "", []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP}},
	{"QEMU", "qemu-system", []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM, syscall.SIGSEGV, syscall.SIGSTOP}},
	{"the guard", "/bin/sh -c . /dev/fd/3 uetest-guard", []syscall.Signal{syscall.SIGKILL}},
}

// disturbed is a run of which something is killed at a random time. It returns
// what.
func (s *soak) disturbed(t *testing.T, round int) string {
	longest := 1500 * time.Millisecond
	if s.rand.IntN(4) == 0 {
		longest *= 2 // it is made anew
		made := []string{"initramfs", "snapshots", "memo"}
		if err := os.RemoveAll(filepath.Join(s.cache, made[s.rand.IntN(len(made))])); err != nil {
			t.Fatal(err)
		}
	}
	victim := victims[s.rand.IntN(len(victims))]
	signal := victim.signals[s.rand.IntN(len(victim.signals))]
	delay := time.Duration(s.rand.Int64N(int64(longest)))
	what := fmt.Sprintf("%s: %s", victim.name, signal)

	ctx, cancel := context.WithTimeout(t.Context(), soakLimit)
	defer cancel()
	tmp := t.TempDir()
	cmd := s.command(ctx, tmp)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	time.Sleep(delay)
	for _, pid := range s.find(t, cmd.Process.Pid, tmp, victim.prefix) {
		_ = syscall.Kill(pid, signal) // it may be gone
	}
	err := <-done
	if ctx.Err() != nil {
		t.Errorf("round %d, %s after %v: the run did not end within %v\n%s", round, what, delay, soakLimit, out.String())
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Errorf("round %d, %s after %v: %v", round, what, delay, err)
	}
	if strings.Contains(out.String(), "goroutine ") {
		t.Errorf("round %d, %s after %v: uetest crashed:\n%s", round, what, delay, out.String())
	}
	s.check(t, cmd.Process.Pid, tmp)
	return what
}

// find returns the processes of a run: uetest itself, or one of those that it
// started.
func (s *soak) find(t *testing.T, uetest int, tmp, prefix string) []int {
	if prefix == "" {
		return []int{uetest}
	}
	var pids []int
	for pid, cmdline := range started(t, uetest, tmp) {
		if strings.HasPrefix(cmdline, prefix) {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	return pids[:min(1, len(pids))]
}

// started returns what a run started: processes with its environment, and the
// guard, which has another.
func started(t *testing.T, uetest int, tmp string) map[int]string {
	all := processes(t)
	guard := fmt.Sprintf(" uetest-guard %d ", uetest)
	maps.DeleteFunc(all, func(pid int, cmdline string) bool {
		return !strings.HasSuffix(cmdline, guard) && !inherited(pid, "TMPDIR="+tmp)
	})
	return all
}

// check reports what a run has left behind.
func (s *soak) check(t *testing.T, uetest int, tmp string) {
	t.Helper()
	const patience = 20 * time.Second
	var left []string
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		left = slices.Collect(maps.Values(started(t, uetest, tmp)))
		files, err := os.ReadDir(tmp)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			left = append(left, filepath.Join(tmp, f.Name()))
		}
		if len(left) == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Errorf("left behind: %q", left)
			break
		}
	}
	err := filepath.WalkDir(s.cache, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Type()&fs.ModeSocket != 0 {
			t.Errorf("left behind: the socket %s", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

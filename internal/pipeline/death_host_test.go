package pipeline

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"uetest/internal/blame"
	"uetest/internal/results"
)

// during calls act once the guest that runs has said that it was there before.
func during(t *testing.T, cfg Config, act func()) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	t.Cleanup(func() { cancel(); <-done })
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			streams, _ := filepath.Glob(filepath.Join(cfg.Cache, "runs", "*", "stream-*.jsonl"))
			for _, f := range streams {
				if b, _ := os.ReadFile(f); strings.Contains(string(b), `"key":"before"`) {
					act()
					return
				}
			}
			time.Sleep(10 * time.Millisecond)
		}
	}()
}

// qemus are the processes of QEMU that this one has started for a job.
func qemus(t *testing.T, cfg Config) (pids []int) {
	t.Helper()
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Error(err)
	}
	for _, dir := range dirs {
		stat, err := os.ReadFile(dir + "/stat")
		if err != nil {
			continue // ended
		}
		name, rest, _ := strings.Cut(string(stat), ") ")
		f := strings.Fields(rest)
		if strings.Contains(name, "(qemu-system") && len(f) > 1 && f[1] == strconv.Itoa(os.Getpid()) {
			pid, err := strconv.Atoi(filepath.Base(dir))
			args, _ := os.ReadFile(dir + "/cmdline") // empty: ended
			if err == nil && strings.Contains(string(args), cfg.Cache) {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// What the host does to a guest is no fault of the kernel: the test has an error,
// the exit code says who, and the other tests have their turn.
func TestDeathByTheHost(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		signal syscall.Signal
		detail string
		quick  bool
	}{
		{"QEMU is killed", syscall.SIGKILL, "QEMU was killed by signal 9; if nobody did, the kernel may have for want of memory", true},
		{"QEMU crashes", syscall.SIGSEGV, "QEMU was killed by signal 11", true},
		{"QEMU is stopped", syscall.SIGSTOP, "(QEMU) is stopped (state T): somebody sent it SIGSTOP", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			cfg := misbehaving(t)
			var acted time.Time
			during(t, cfg, func() {
				pids := qemus(t, cfg)
				if len(pids) != 1 {
					t.Errorf("processes %v, want one", pids)
				}
				for _, pid := range pids {
					if err := syscall.Kill(pid, tt.signal); err != nil {
						t.Error(err)
					}
				}
				acted = time.Now()
			})
			limit := 5 * time.Second
			if tt.quick {
				limit = time.Minute
			}
			d := death{behaviour: "waits", limit: limit, verdict: results.Errored, exit: int(blame.Host), detail: tt.detail, quick: tt.quick}
			if !tt.quick {
				d.dump = "is stopped (state T)"
			}
			d.test(t, cfg)
			if took := time.Since(acted); tt.quick && took > limit {
				t.Errorf("it took %v from then on", took)
			}
			if left := qemus(t, cfg); len(left) > 0 {
				t.Errorf("still there: %v", left)
			}
		})
	}
}

// TestDeathByAFullDisk has the run's files on a disk that fills up while a test
// talks.
func TestDeathByAFullDisk(t *testing.T) {
	t.Parallel()
	cfg := misbehaving(t)
	runs := filepath.Join(cfg.Cache, "runs")
	if err := os.Mkdir(runs, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", runs, "tmpfs", 0, "size=1m"); err != nil {
		t.Skip("needs the right to mount a small file system: ", err)
	}
	t.Cleanup(func() {
		// The cache holds the run's directory until this process ends.
		if err := unix.Unmount(runs, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	const done = "word=1 other=0"
	began := time.Now()
	run, err := runTests(t.Context(), cfg, entry("before", "done", done, 0), entry("culprit", "floods the kernel log for ever", "before=1", time.Minute), entry("after", "done", done, 0))
	t.Logf("%v: %v", time.Since(began), err)
	if !errors.Is(err, syscall.ENOSPC) || blame.Of(err) != blame.Host || !strings.Contains(err.Error(), "/stream-") {
		t.Errorf("error %v, the fault of %v; want a full disk, the host's, with the file", err, blame.Of(err))
	}
	if run == nil {
		t.Fatal("what there was before is gone")
	}
	verdicts := []results.Verdict{results.AsExpected, results.Missing, results.Missing}
	for i, test := range run.Tests {
		if test.Verdict != verdicts[i] || test.Verdict == results.Missing && !strings.Contains(test.Detail, "no space left on device") {
			t.Errorf("%s: %s, %s", test.ID, test.Verdict, test.Detail)
		}
	}
	if run.Exit() != int(blame.Host) || len(run.Tests) != len(verdicts) {
		t.Errorf("exit code %d, %d tests", run.Exit(), len(run.Tests))
	}
	if took := time.Since(began); took > time.Minute {
		t.Errorf("it took %v", took)
	}
	if left := qemus(t, cfg); len(left) > 0 {
		t.Errorf("still there: %v", left)
	}
	if open := openIn(t, run.Dir+"/"); len(open) > 0 {
		t.Errorf("open files: %q", open)
	}
	text, err := os.ReadFile(filepath.Join(run.Dir, fmt.Sprintf("console-%d.log", run.Tests[0].Boot)))
	if err != nil || !strings.Contains(string(text), "uetest: flood") {
		t.Errorf("the console so far: %d bytes, %v", len(text), err)
	}
}

// openIn returns the files in a directory that this process has open.
func openIn(t *testing.T, dir string) (open []string) {
	t.Helper()
	fds, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range fds {
		if file, err := os.Readlink(fd); err == nil && strings.HasPrefix(file, dir) {
			open = append(open, file)
		}
	}
	return open
}

package cache

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	if task := os.Getenv(helperVariable); task != "" {
		os.Exit(help(task))
	}
	os.Exit(m.Run())
}

// helperVariable makes the test's program a process that gets an entry.
const helperVariable = "UETEST_CACHE_HELPER"

type helperTask struct {
	Cache string
	// Begun is written once the maker has half an entry. It goes on when that
	// file is gone.
	Begun string
}

type helperResult struct{ Cached, Waited bool }

func help(text string) int {
	var task helperTask
	if err := json.Unmarshal([]byte(text), &task); err != nil {
		panic(err)
	}
	c, err := Open(task.Cache)
	if err != nil {
		panic(err)
	}
	n := c.Namespace(Images)
	var r helperResult
	n.Waiting = func(string) { r.Waited = true }
	e, err := n.Get(context.Background(), key, func(ctx context.Context, dir string) error {
		err := errors.Join(os.WriteFile(filepath.Join(dir, "vmlinux"), []byte("half"), 0o666), os.WriteFile(task.Begun, nil, 0o666))
		for err == nil {
			time.Sleep(5 * time.Millisecond)
			_, err = os.Stat(task.Begun)
		}
		return fill(ctx, dir)
	})
	if err == nil {
		err = intact(e)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	r.Cached = e.Cached
	return boolToExit(json.NewEncoder(os.Stdout).Encode(r) == nil)
}

func boolToExit(ok bool) int {
	if ok {
		return 0
	}
	return 1
}

// startHelper starts a process that gets the entry.
func startHelper(t *testing.T, task helperTask) (p *exec.Cmd, result func() helperResult) {
	t.Helper()
	text, err := json.Marshal(task)
	if err != nil {
		t.Fatal(err)
	}
	var out, said bytes.Buffer
	p = exec.CommandContext(t.Context(), os.Args[0])
	p.Env = append(os.Environ(), helperVariable+"="+string(text))
	p.Stdout, p.Stderr = &out, &said
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	return p, func() (r helperResult) {
		t.Helper()
		if err := p.Wait(); err != nil {
			t.Errorf("the process that gets the entry: %v: %s", err, said.Bytes())
		} else if err := json.Unmarshal(out.Bytes(), &r); err != nil {
			t.Errorf("the process that gets the entry: %v: %s", err, out.Bytes())
		}
		return r
	}
}

func waitFor(t *testing.T, file string) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if _, err := os.Stat(file); err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s did not appear", file)
		}
	}
}

func TestOneProcessMakesAndTheOtherWaitsAndUses(t *testing.T) {
	dir, begun := t.TempDir(), filepath.Join(t.TempDir(), "begun")
	_, first := startHelper(t, helperTask{dir, begun})
	waitFor(t, begun)
	_, second := startHelper(t, helperTask{dir, begun})
	time.Sleep(2 * waitNotice)
	if err := os.Remove(begun); err != nil {
		t.Fatal(err)
	}
	if r := first(); r.Cached || r.Waited {
		t.Errorf("the first: %+v, want it to make the entry", r)
	}
	if r := second(); !r.Cached || !r.Waited {
		t.Errorf("the second: %+v, want it to wait and use the entry", r)
	}
}

func TestKilledMakerLeavesNothingThatIsBelieved(t *testing.T) {
	dir, begun := t.TempDir(), filepath.Join(t.TempDir(), "begun")
	p, _ := startHelper(t, helperTask{dir, begun})
	waitFor(t, begun)
	if err := p.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = p.Wait()
	n, told := images(t, dir)
	items, err := n.c.List()
	if err != nil || len(items) != 1 || items[0].State != Leftover {
		t.Errorf("listed %+v, %v; want one leftover", items, err)
	}
	get(t, n, false)
	if left, _ := filepath.Glob(filepath.Join(dir, Images, "*"+tmpSuffix)); left != nil {
		t.Errorf("left %v", left)
	}
	if len(*told) != 0 {
		t.Errorf("told %q of what is no damage", *told)
	}
}

// Who waits for a lock file that its holder removes has to take the next one:
// else two would make the entry.
func TestLockFileThatIsRemovedIsNoLock(t *testing.T) {
	n, _ := images(t, t.TempDir())
	if err := n.prepare(); err != nil {
		t.Fatal(err)
	}
	var makers, most atomic.Int32
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 2000 {
				f, err := tryLock(n.Path(key) + lockSuffix)
				if err != nil {
					continue
				}
				if now := makers.Add(1); now > most.Load() {
					most.Store(now)
				}
				runtime.Gosched()
				makers.Add(-1)
				n.unlock(f)
			}
		})
	}
	group.Wait()
	if most.Load() != 1 {
		t.Errorf("%d held the lock at once", most.Load())
	}
}

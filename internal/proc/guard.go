package proc

import (
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"

	"uetest/internal/blame"
)

// A process that is killed with SIGKILL cannot clean up. So there is a second
// one, in a session of its own where no terminal's signal reaches it, that is
// told of each process group and each temporary directory over a pipe. The
// pipe's only other end is here and closes on exec; when uetest dies, however
// it dies, the guard reads the end of the file, ends the groups that are left
// and removes the directories. In between it sleeps in read(2).
//
// The parent-death signal (see Start) reaches the leader of a group earlier and
// also if somebody killed the guard; it does not reach the leader's children.

//go:embed guard.sh
var guardScript string

// guard is the process, started with the first entry, and what it knows.
type guard struct {
	mu      sync.Mutex
	pipe    *os.File // nil: none is running
	cmd     *exec.Cmd
	entries map[string]bool
}

var theGuard = &guard{entries: make(map[string]bool)}

// ensure starts the guard if none was started.
func (g *guard) ensure() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.pipe != nil {
		return nil
	}
	return g.start()
}

// add makes an entry: "g PGID START" or "d DIR".
func (g *guard) add(entry string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.entries[entry] = true
	return g.tell("+" + entry)
}

// remove takes an entry back.
func (g *guard) remove(entry string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.entries, entry)
	// That there is no guard any more is found out and said by the next add.
	_ = g.tell("-" + entry)
}

// tell writes one line. A guard that somebody killed is replaced by one that
// knows all entries. g.mu is held.
func (g *guard) tell(line string) error {
	if g.pipe != nil {
		// One write of less than PIPE_BUF (4096) bytes is never torn (pipe(7)).
		_, err := g.pipe.WriteString(line + "\n")
		if err == nil {
			return nil
		}
		if !errors.Is(err, syscall.EPIPE) {
			return blame.On(blame.Host, fmt.Errorf("guard process: %w", err))
		}
	}
	return g.start()
}

// start starts a guard and tells it all entries. g.mu is held.
func (g *guard) start() error {
	if g.pipe != nil {
		g.pipe.Close()
		g.pipe = nil
		_ = g.cmd.Wait() // it is dead: its end of the pipe is closed
	}
	r, w, err := os.Pipe() // both ends close on exec
	if err != nil {
		return blame.On(blame.Host, fmt.Errorf("guard process: %w", err))
	}
	defer r.Close()
	cmd, script, err := guardCmd()
	if err != nil {
		w.Close()
		return blame.On(blame.Host, fmt.Errorf("guard process: %w", err))
	}
	defer script.Close()
	// Neither uetest's output, on which a reader would wait, nor its directory.
	cmd.Stdin, cmd.Dir = r, "/"
	cmd.Env = []string{"PATH=/usr/local/bin:/usr/bin:/bin"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		w.Close()
		return blame.On(blame.Host, fmt.Errorf("guard process: %w", err))
	}
	g.pipe, g.cmd = w, cmd
	for e := range g.entries {
		if _, err := w.WriteString("+" + e + "\n"); err != nil {
			return blame.On(blame.Host, fmt.Errorf("guard process: %w", err))
		}
	}
	return nil
}

// guardCmd is the shell with the script on descriptor 3, so that a list of
// processes shows what it is and not the whole text.
func guardCmd() (*exec.Cmd, *os.File, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	defer w.Close()
	if _, err := w.WriteString(guardScript); err != nil { // fits a pipe's 64 KB
		r.Close()
		return nil, nil, err
	}
	cmd := exec.Command("/bin/sh", "-c", ". /dev/fd/3", "uetest-guard", strconv.Itoa(os.Getpid()))
	cmd.ExtraFiles = []*os.File{r}
	return cmd, r, nil
}

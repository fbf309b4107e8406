package agent

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// A thread is what its /proc stat file says about it.
type thread struct {
	id, ppid int
	comm     string
	state    byte // R, S, D, Z, …, proc(5)
}

func (t thread) ended() bool { return t.state == 'Z' || t.state == 'X' }

// A process has at least one thread that has not ended. That need not be the
// first: where another one cannot die, the first one waits for it as a zombie.
type process struct {
	pid     int
	threads []thread // those that have not ended
}

func (p process) String() string {
	t := p.threads[0]
	for _, other := range p.threads {
		if other.state == 'D' {
			t = other
		}
	}
	return fmt.Sprintf("%d (%s) in state %c", p.pid, t.comm, t.state)
}

// descendants returns the living descendants of this process, but for those
// named. It looks for at most limit, since a fork bomb makes processes faster
// than they are read; whole says whether it saw all.
func descendants(but map[int]bool, limit time.Duration) (found []process, whole bool) {
	end := time.Now().Add(limit)
	all, whole := readThreads("/proc", end)
	children := map[int][]thread{}
	for _, t := range all {
		children[t.ppid] = append(children[t.ppid], t)
	}
	for queue := []int{os.Getpid()}; len(queue) > 0; queue = queue[1:] {
		for _, c := range children[queue[0]] {
			queue = append(queue, c.id)
			if but[c.id] {
				continue
			}
			p := process{pid: c.id}
			threads, ok := readThreads(fmt.Sprintf("/proc/%d/task", c.id), end)
			whole = whole && ok
			for _, t := range threads {
				if !t.ended() {
					p.threads = append(p.threads, t)
				}
			}
			if len(p.threads) > 0 {
				found = append(found, p)
			}
		}
	}
	return found, whole
}

// readThreads reads NUMBER/stat for every number in dir, which is /proc or
// /proc/PID/task, until end; whole says whether it saw all.
func readThreads(dir string, end time.Time) (threads []thread, whole bool) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, true // it has ended
	}
	defer func() { _ = d.Close() }()
	names, _ := d.Readdirnames(-1)
	for _, name := range names {
		if time.Now().After(end) {
			return threads, false
		}
		if _, err := strconv.Atoi(name); err != nil {
			continue
		}
		// stat and not status or cmdline: it takes no lock that a stuck process
		// may hold (do_task_stat, fs/proc/array.c).
		stat, err := os.ReadFile(filepath.Join(dir, name, "stat"))
		if err != nil {
			continue // it has ended
		}
		if t, ok := parseStat(string(stat)); ok {
			threads = append(threads, t)
		}
	}
	return threads, true
}

// parseStat reads "pid (comm) state ppid …"; comm may hold blanks and
// parentheses (proc(5)).
func parseStat(stat string) (thread, bool) {
	i := strings.LastIndex(stat, ") ")
	if i < 0 {
		return thread{}, false
	}
	id, comm, ok := strings.Cut(stat[:i], " (")
	f := strings.Fields(stat[i+2:])
	if !ok || len(f) < 2 || len(f[0]) != 1 {
		return thread{}, false
	}
	pid, err := strconv.Atoi(id)
	if err != nil {
		return thread{}, false
	}
	ppid, err := strconv.Atoi(f[1])
	return thread{id: pid, ppid: ppid, comm: comm, state: f[0][0]}, err == nil
}

// whereabouts says where in the kernel each thread of the living descendants
// is: a line a thread, and for one in state D a line a stack frame. Reading it
// may itself hang on a lock of the process (lock_trace, fs/proc/base.c), so
// after limit it returns what there is.
func whereabouts(but map[int]bool, limit time.Duration) []string {
	const most = 64 // lines; a fork bomb has thousands of processes, all alike
	lines := make(chan string, most+32)
	but = maps.Clone(but)
	go func() {
		defer close(lines)
		found, _ := descendants(but, limit)
		sent := 0
		for _, p := range found {
			for _, t := range p.threads {
				for _, line := range t.where(p.pid) {
					lines <- line
					sent++
				}
				if sent >= most {
					lines <- fmt.Sprintf("%d processes in all", len(found))
					return
				}
			}
		}
	}()
	var got []string
	timeout := time.After(limit)
	for {
		select {
		case line, ok := <-lines:
			if !ok {
				return got
			}
			got = append(got, line)
		case <-timeout:
			return append(got, "no more: /proc did not answer")
		}
	}
}

// where is one line, and up to 30 more in state D.
func (t thread) where(pid int) []string {
	dir := fmt.Sprintf("/proc/%d/task/%d/", pid, t.id)
	line := fmt.Sprintf("process %d thread %d (%s) in state %c", pid, t.id, t.comm, t.state)
	if wchan, err := os.ReadFile(dir + "wchan"); err == nil && len(wchan) > 1 {
		line += " at " + string(wchan)
	}
	lines := []string{line}
	if t.state != 'D' {
		return lines
	}
	stack, _ := os.ReadFile(dir + "stack")
	for n, frame := range strings.Split(strings.TrimSpace(string(stack)), "\n") {
		if n < 30 && frame != "" {
			lines = append(lines, "  "+frame)
		}
	}
	return lines
}

// nextPID is the lowest id that a process or thread can get that is yet to be
// made, 0 if that is not known. The last field of loadavg is the id given last
// (loadavg_proc_show, fs/proc/loadavg.c).
func nextPID() int {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(b))
	if len(fields) == 0 {
		return 0
	}
	last, err := strconv.Atoi(fields[len(fields)-1])
	if err != nil {
		return 0
	}
	return last + 1
}

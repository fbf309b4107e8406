package doctor

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// scratchPrefix is what the names of uetest's directories in $TMPDIR begin with
// (proc.TempDir).
const scratchPrefix = "uetest-"

// left looks for what killed runs have left outside of the cache. uetest's guard
// removes all of it, unless it is killed too or the machine goes down.
func (e *examiner) left() {
	dirs, err := filepath.Glob(filepath.Join(os.TempDir(), scratchPrefix+"*"))
	if err != nil {
		return // of a pattern in $TMPDIR
	}
	boot := bootTime()
	running := processes("/proc")
	var stale []string
	for _, dir := range dirs {
		if info, err := os.Lstat(dir); err == nil && info.IsDir() && !boot.IsZero() && info.ModTime().Before(boot) {
			stale = append(stale, dir)
		}
	}
	f := Finding{Name: "left behind", Level: HostLevel, State: OK, Found: "nothing"}
	var said []string
	if len(stale) > 0 {
		said = append(said, fmt.Sprintf("%d directories in %s from before the machine was booted", len(stale), os.TempDir()))
		f.Get = append(f.Get, "rm -r "+strings.Join(stale[:min(len(stale), 5)], " "))
	}
	if orphans := orphans(running); len(orphans) > 0 {
		said = append(said, fmt.Sprintf("%d QEMUs whose uetest is gone", len(orphans)))
		f.Get = append(f.Get, "kill "+strings.Join(orphans, " "))
	}
	if said != nil {
		f.State, f.Found = Note, strings.Join(said, "; ")
	}
	e.add(f)
}

// bootTime is when the machine was booted.
func bootTime() time.Time {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &now); err != nil {
		return time.Time{}
	}
	return time.Now().Add(-time.Duration(now.Nano()))
}

// A process is what of /proc/PID is needed here.
type process struct {
	pid, parent int
	command     []string
}

// processes reads all of them, see proc(5). One that ends meanwhile is left out.
func processes(procfs string) map[int]process {
	list := map[int]process{}
	entries, err := os.ReadDir(procfs)
	if err != nil {
		return list
	}
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		dir := filepath.Join(procfs, entry.Name())
		command, err := os.ReadFile(filepath.Join(dir, "cmdline"))
		if err != nil || len(command) == 0 {
			continue
		}
		stat, err := os.ReadFile(filepath.Join(dir, "stat"))
		if err != nil {
			continue
		}
		// The name of the executable may hold anything; the last ")" ends it.
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		if len(fields) < 2 {
			continue
		}
		parent, err := strconv.Atoi(fields[1])
		if err != nil {
			continue
		}
		list[pid] = process{pid, parent, strings.Split(strings.TrimSuffix(string(command), "\x00"), "\x00")}
	}
	return list
}

// resultPort is in the arguments of every guest of uetest and of no other's
// (internal/vm).
const resultPort = "org.uetest.results"

// orphans are the ids of those QEMUs of uetest whose parent is gone.
func orphans(all map[int]process) []string {
	var ids []string
	for pid, p := range all {
		if !strings.HasPrefix(filepath.Base(p.command[0]), "qemu-system-") || !strings.Contains(strings.Join(p.command, " "), resultPort) {
			continue
		}
		if parent, ok := all[p.parent]; !ok || p.parent == 1 || strings.HasPrefix(filepath.Base(parent.command[0]), "systemd") {
			ids = append(ids, strconv.Itoa(pid))
		}
	}
	slices.Sort(ids)
	return ids
}

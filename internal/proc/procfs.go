package proc

import (
	"os"
	"strconv"
	"strings"
)

// stat is what this package needs of /proc/PID/stat (proc(5)).
type stat struct {
	state string // one letter; Z and X are dead
	pgrp  int
	start uint64 // clock ticks after boot
}

// parseStat reads the text of /proc/PID/stat. The second field, the name of the
// executable, may hold blanks and parentheses; the last ")" ends it.
func parseStat(text string) (stat, bool) {
	i := strings.LastIndexByte(text, ')')
	if i < 0 {
		return stat{}, false
	}
	f := strings.Fields(text[i+1:])
	const first = 3 // f[0] is field 3
	if len(f) <= 22-first {
		return stat{}, false
	}
	pgrp, err := strconv.Atoi(f[5-first])
	if err != nil {
		return stat{}, false
	}
	start, err := strconv.ParseUint(f[22-first], 10, 64)
	if err != nil {
		return stat{}, false
	}
	return stat{state: f[0], pgrp: pgrp, start: start}, true
}

func readStat(pid int) (stat, bool) {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return stat{}, false
	}
	return parseStat(string(b))
}

// startTime is when pid was started, in clock ticks after boot, or 0. With the
// pid it names a process for good.
func startTime(pid int) uint64 {
	s, _ := readStat(pid)
	return s.start
}

// Members are the living processes of a process group; a zombie is dead.
func Members(pgid int) []int {
	d, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer d.Close()
	names, _ := d.Readdirnames(-1)
	var pids []int
	for _, n := range names {
		pid, err := strconv.Atoi(n)
		if err != nil {
			continue
		}
		if s, ok := readStat(pid); ok && s.pgrp == pgid && s.state != "Z" && s.state != "X" {
			pids = append(pids, pid)
		}
	}
	return pids
}

// State is the state of a process as proc(5) has it, R, S, D, T, Z or another
// letter, or 0 if there is none of that id.
func State(pid int) byte {
	if s, ok := readStat(pid); ok && s.state != "" {
		return s.state[0]
	}
	return 0
}

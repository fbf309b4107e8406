// Package console finds kernel splats in a log: the reports that the kernel
// prints when something is wrong in the kernel itself.
//
// The patterns are the kernel's own format strings; each cites where it is
// printed. Lines may carry a printk time stamp "[    1.234567] ", a caller id
// "[    T42]" and a syslog prefix "<4>", which do not belong to the text.
package console

import (
	"regexp"
	"strings"
)

// A Splat is one report of the kernel.
type Splat struct {
	Title  string   `json:"title"`            // stable from run to run: no addresses, pids or times
	Kind   Kind     `json:"kind"`             // what sort of report it is
	Guilty string   `json:"guilty,omitempty"` // the function it is about, past the generic ones; empty if none can be told
	Fatal  bool     `json:"fatal,omitempty"`  // the kernel panicked, or started anew
	Task   Task     `json:"task,omitzero"`    // in whose context it was printed, or whom it is about
	Taint  string   `json:"taint,omitempty"`  // the flags of the header: "G        W"
	Frames []Frame  `json:"frames,omitempty"` // of all its stacks, in the order of the lines
	Lines  []string `json:"lines"`            // the report, from its first line
}

// A Task is what a report says of the task it comes from. PID and CPU are -1 if
// it does not say.
type Task struct {
	Comm string `json:"comm,omitempty"` // empty: nothing is known
	PID  int    `json:"pid"`
	CPU  int    `json:"cpu"`
}

// A Kind is a category of reports.
type Kind string

// maxLines bounds a report: a lockdep splat is the longest, some 120 lines.
const maxLines = 160

// class is one kind of report. The pattern's first group, if it has one, goes
// into the title behind the name.
type class struct {
	name    string
	pattern *regexp.Regexp
}

// classes are tried in order; the first match names the splat.
var classes = []class{
	{"KASAN", regexp.MustCompile(`^BUG: KASAN: (\S+ in [\w.]+)`)},                                        // mm/kasan/report.c
	{"KFENCE", regexp.MustCompile(`^BUG: KFENCE: ([\w -]+ in [\w.]+)`)},                                  // mm/kfence/report.c
	{"KCSAN", regexp.MustCompile(`^BUG: KCSAN: ([\w -]+ in [\w.]+)`)},                                    // kernel/kcsan/report.c
	{"KMSAN", regexp.MustCompile(`^BUG: KMSAN: ([\w-]+ in [\w.]+)`)},                                     // mm/kmsan/report.c
	{"page fault", regexp.MustCompile(`^BUG: unable to handle (page fault|kernel [\w ]+)`)},              // arch/x86/mm/fault.c
	{"null pointer", regexp.MustCompile(`^BUG: (kernel NULL pointer dereference)`)},                      // arch/x86/mm/fault.c
	{"general protection fault", regexp.MustCompile(`^general protection fault`)},                        // arch/x86/kernel/traps.c
	{"paging request", regexp.MustCompile(`^Unable to handle kernel ([\w ]+?) at virtual address`)},      // arch/arm64/mm/fault.c, arch/riscv/mm/fault.c
	{"divide error", regexp.MustCompile(`^divide error: `)},                                              // arch/x86/kernel/traps.c
	{"invalid opcode", regexp.MustCompile(`^invalid opcode: `)},                                          // arch/x86/kernel/traps.c
	{"double fault", regexp.MustCompile(`^(?:traps: )?(?:PANIC: )?double fault`)},                        // arch/x86/kernel/traps.c
	{"kernel BUG", regexp.MustCompile(`^kernel BUG at (\S+?):\d+!`)},                                     // lib/bug.c
	{"soft lockup", regexp.MustCompile(`^watchdog: BUG: (soft lockup)`)},                                 // kernel/watchdog.c
	{"hard lockup", regexp.MustCompile(`^(?:NMI )?[Ww]atchdog: .*(hard LOCKUP)`)},                        // kernel/watchdog_hld.c
	{"workqueue lockup", regexp.MustCompile(`^BUG: workqueue lockup`)},                                   // kernel/workqueue.c
	{"hung task", regexp.MustCompile(`^INFO: task (\S+?):\d+ blocked for more than`)},                    // kernel/hung_task.c
	{"RCU stall", regexp.MustCompile(`^(?:rcu: )?INFO: rcu_\w+ (?:self-)?detected`)},                     // kernel/rcu/tree_stall.h
	{"sleeping in atomic", regexp.MustCompile(`^BUG: (sleeping function|scheduling while atomic)`)},      // kernel/sched/core.c
	{"bad page", regexp.MustCompile(`^BUG: Bad (page state|page map|page cache|rss-counter state)`)},     // mm/page_alloc.c, mm/memory.c
	{"lockdep", regexp.MustCompile(`^WARNING: (possible [\w ]+ detected|.*lock.* detected|bad unlock)`)}, // kernel/locking/lockdep.c
	{"suspicious RCU usage", regexp.MustCompile(`^WARNING: (suspicious RCU usage)`)},                     // kernel/locking/lockdep.c
	{"refcount", regexp.MustCompile(`^refcount_t: (.+?)\.?$`)},                                           // lib/refcount.c
	{"list corruption", regexp.MustCompile(`^list_(?:add|del) corruption`)},                              // lib/list_debug.c
	{"WARNING", regexp.MustCompile(`^WARNING: CPU: \d+ PID: \d+ at (\S+?):\d+ `)},                        // kernel/panic.c __warn
	{"UBSAN", regexp.MustCompile(`^UBSAN: (\S+) in `)},                                                   // lib/ubsan.c
	{"BUG", regexp.MustCompile(`^BUG: (.+)`)},                                                            // everything else that calls itself one
	{"oops", regexp.MustCompile(`^(?:Internal error: )?Oops(?: - |: )`)},                                 // arch/*/kernel/traps.c, dumpstack.c
	{"out of memory", regexp.MustCompile(`^Out of memory: Killed process \d+ \((\S+?)\)`)},               // mm/oom_kill.c
	{"panic", regexp.MustCompile(`^Kernel panic - not syncing: (.+)`)},                                   // kernel/panic.c
}

var (
	// cut is the line that opens most reports; it belongs to the report it opens.
	cut = regexp.MustCompile(`^(?:-+\[ cut here \]-+|=+)$`)
	// last ends a report for certain.
	last = regexp.MustCompile(`^---\[ end `)
	// The function without what the compiler's optimisations append to its name
	// (".isra.0", ".cold"), which another compiler does not.
	rip = regexp.MustCompile(`^RIP: [0-9a-f]+:(\w+)[\w.]*\+0x`)
	// variable parts of a title: addresses, numbers after a colon, pids.
	hex = regexp.MustCompile(`\b(?:0x)?[0-9a-f]{8,16}\b`)
)

// Find returns the splats in a log, in order. A panic or an oops line that
// follows inside another report belongs to that report.
func Find(lines []string) []Splat {
	var splats []Splat
	open := -1 // index into splats of the report that is being read
	for i, line := range lines {
		text := Text(line)
		if open >= 0 && len(splats[open].Lines) < maxLines {
			s := &splats[open]
			s.Lines = append(s.Lines, line)
			if m := rip.FindStringSubmatch(text); m != nil && !strings.Contains(s.Title, " in ") {
				s.Title += " in " + m[1]
			}
			if last.MatchString(text) {
				open = -1
			}
			continue
		}
		title, ok := titleOf(text)
		if !ok {
			continue
		}
		s := Splat{Title: title, Kind: Kind(title[:max(strings.IndexByte(title, ':'), 0)])}
		if i > 0 && cut.MatchString(Text(lines[i-1])) {
			s.Lines = append(s.Lines, lines[i-1])
		}
		s.Lines = append(s.Lines, line)
		splats = append(splats, s)
		open = len(splats) - 1
	}
	for i := range splats {
		splats[i].Frames = framesOf(splats[i].Lines)
	}
	return splats
}

func titleOf(text string) (string, bool) {
	for _, c := range classes {
		m := c.pattern.FindStringSubmatch(text)
		if m == nil {
			continue
		}
		title := c.name
		if len(m) > 1 && m[1] != c.name {
			title += ": " + m[1]
		}
		return hex.ReplaceAllString(title, "ADDR"), true
	}
	return "", false
}

package console

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

var (
	address = regexp.MustCompile(`\b0x[0-9a-fA-F]+\b|\b[0-9a-f]{8,16}\b`)
	number  = regexp.MustCompile(`\b\d+\b`)
	suffix  = regexp.MustCompile(`\b(\w+)(?:\.(?:isra|part|constprop|cold|llvm|lto_priv)(?:\.\d+)*)+`)
	offset  = regexp.MustCompile(`\+0x[0-9a-f]+/0x[0-9a-f]+`)
	exit    = regexp.MustCompile(` exitcode=\S+| on CPU#?\d+.*`)
	more    = regexp.MustCompile(`\.  .*`) // advice behind the panic's reason

	access     = regexp.MustCompile(`^(Read|Write) (?:of size \d+ )?at addr `)
	misaligned = regexp.MustCompile(`^\s+FSC = 0x21: alignment fault$`)
	race       = regexp.MustCompile(`^BUG: KCSAN: .* in ([\w.]+)(?:\+\S+)?(?: / ([\w.]+)(?:\+\S+)?)?$`)
)

// titleOf makes the title of a report from the line that names it and from the
// guilty function.
func titleOf(f *form, texts []string, name int, guilty string) string {
	line := texts[name]
	title := f.title
	if f.pattern != nil {
		if m := f.pattern.FindStringSubmatchIndex(line); m != nil {
			title = string(f.pattern.ExpandString(nil, f.title, line, m))
		}
	}
	title = strings.TrimRight(title, " :!")
	if f.kind == Panic || f.kind == BUG {
		title = stable(title)
	}
	switch f.kind {
	case PageFault:
		// arm64 says what it was below: "FSC = 0x21: alignment fault"
		// (mem_abort_decode, arch/arm64/mm/fault.c).
		for _, text := range texts[name:] {
			if misaligned.MatchString(text) {
				title = "alignment fault"
				break
			}
		}
	case Slab: // the numbers are those of objects, the cache's are of its name
		cache, what, _ := strings.Cut(strings.TrimPrefix(title, "slab: "), ": ")
		return "slab: " + stable(what) + " in " + cache
	case KASAN:
		// KFENCE has it in its first line.
		for _, text := range texts[name:] {
			if m := access.FindStringSubmatch(text); m != nil {
				title += " " + m[1]
				break
			}
		}
	case KCSAN:
		if m := race.FindStringSubmatch(line); m != nil && m[2] != "" {
			two := []string{sourceName(m[1]), sourceName(m[2])}
			slices.Sort(two) // who came second is chance
			return title + " in " + two[0] + " / " + two[1]
		}
	}
	if guilty == "" || f.plain {
		return title
	}
	return title + " in " + guilty
}

// stable takes out of a text what differs from run to run.
func stable(text string) string {
	text = exit.ReplaceAllString(text, "")
	text = more.ReplaceAllString(text, "")
	text = offset.ReplaceAllString(text, "")
	text = suffix.ReplaceAllString(text, "$1")
	text = address.ReplaceAllString(text, "ADDR")
	return strings.TrimRight(number.ReplaceAllString(text, "NUM"), " :!")
}

// Where a report says what task it is of, the best first.
var tasks = []struct {
	pattern         *regexp.Regexp
	comm, pid, core int // groups, 0: none
}{
	{regexp.MustCompile(`^CPU: (\d+) (?:UID: \d+ )?PID: (\d+) Comm: (.{1,15}?) +(?:Not tainted|Tainted: .*)`), 3, 2, 1}, // dump_stack_print_info, lib/dump_stack.c
	{regexp.MustCompile(`^(?:watchdog: )?BUG: soft lockup - CPU#(\d+) stuck for \d+s! \[(.{1,15}):(\d+)\]`), 2, 3, 1},   // watchdog_timer_fn, kernel/watchdog.c
	{regexp.MustCompile(`^INFO: task (.{1,15}):(\d+) blocked for more than `), 1, 2, 0},                                 // check_hung_task, kernel/hung_task.c
	{regexp.MustCompile(`^BUG: (?:spinlock|rwlock) [\w ]+ on CPU#(\d+), (.{1,15})/(\d+)`), 2, 3, 1},                     // spin_dump, kernel/locking/spinlock_debug.c
	{regexp.MustCompile(`^(?:Read|Write|Free) .*by task (.{1,15})/(\d+)$`), 1, 2, 0},                                    // print_error_description, mm/kasan/report.c
	{regexp.MustCompile(`^BUG: scheduling while atomic: (.{1,15})/(\d+)/0x`), 1, 2, 0},                                  // __schedule_bug, kernel/sched/core.c
	{regexp.MustCompile(`^(.{1,15})/(\d+) is (?:trying to|leaving the kernel|freeing memory)`), 1, 2, 0},                // kernel/locking/lockdep.c
	{regexp.MustCompile(`^  comm "(.{1,15})", pid (\d+), (?:age|jiffies) `), 1, 2, 0},                                   // print_unreferenced, mm/kmemleak.c
	{regexp.MustCompile(`^WARNING: CPU: (\d+) PID: (\d+) at `), 0, 2, 1},                                                // __warn, kernel/panic.c
	{regexp.MustCompile(`^WARNING: \S+:\d+ at .*, CPU#(\d+): (.{1,15})/(\d+)$`), 2, 3, 1},                               // __warn, since 6.16
}

var tainted = regexp.MustCompile(`Comm: .{1,15}? +Tainted: (.*?) +\d+\.\d+`)

// taskOf returns the task that a report names, and the taint of its kernel.
func taskOf(texts []string) (Task, string) {
	taint := ""
	for _, text := range texts {
		if m := tainted.FindStringSubmatch(text); m != nil {
			taint = m[1]
			break
		}
	}
	// A report of one task by another names its subject first.
	order := slices.Clone(tasks)
	if len(texts) > 0 && slices.ContainsFunc(texts[:min(len(texts), 3)], tasks[2].pattern.MatchString) {
		order[0], order[2] = order[2], order[0]
	}
	for _, t := range order {
		for _, text := range texts {
			m := t.pattern.FindStringSubmatch(text)
			if m == nil {
				continue
			}
			task := Task{Comm: m[t.comm], PID: -1, CPU: -1}
			if t.comm == 0 {
				task.Comm = ""
			}
			task.PID = atoi(m[t.pid])
			if t.core > 0 {
				task.CPU = atoi(m[t.core])
			}
			return task, taint
		}
	}
	return Task{}, taint
}

func atoi(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return -1
	}
	return n
}

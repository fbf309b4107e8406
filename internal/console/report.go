package console

import (
	"regexp"
	"strings"
	"time"
)

const (
	// maxLines bounds a report. The longest are those with a backtrace of each
	// CPU, and what is printed about memory when there is none left.
	maxLines = 500
	// maxGap is how long a printer may be silent within a report: it waits 10 s
	// for the backtraces of other CPUs (nmi_trigger_cpumask_backtrace,
	// lib/nmi_backtrace.c).
	maxGap = 15 * time.Second
	// maxLead is how far the line that names a report may be behind the one that
	// opens it: a warning's own text stands between.
	maxLead = 20
	// maxMemory is the same for what is printed when memory has run out: all of
	// it stands before the line that names the victim.
	maxMemory = 400
)

// A report is a splat that is being cut out.
type report struct {
	first *form // of the line that names it
	form  *form // of the last line that follows it up, which says how it ends
	kind  Kind
	at    []int // its lines, indices into the log
	name  int   // index into at of the line that names it

	open    bool // takes further lines
	behind  bool // closed, and its printer has said nothing else since
	stacked bool // its stack has begun
	marked  bool // form.mark has been seen
	locks   bool // lists all locks that are held; a rule ends that
	nmi     bool // asked other CPUs for backtraces
	died    bool // the thread that printed it is being ended
	fatal   bool
	opener  int // index into at of the last line that may open another report
	last    Line
}

// A stream is what one caller of printk prints.
type stream struct {
	report  *report // the last one; open or not
	pending []int   // lines that open a report whose name is yet to come
	room    int     // how many more lines may be pending
	behalf  *report // of another caller: this one prints a part of it
}

// A cutter reads a log.
type cutter struct {
	lines   []Line
	timed   bool // the kernel's lines carry time stamps
	streams map[string]*stream
	reports []*report
	asked   *report // the last that asked other CPUs for backtraces
	booted  bool    // the banner of a kernel has been seen
	fatal   bool    // and the end of one since
}

var (
	banner = regexp.MustCompile(`^Linux version \d+\.\d+\S* \(`)
	dead   = regexp.MustCompile(` \[#\d+\]`)
	// openers stand above the line that names a report.
	openers = regexp.MustCompile(`^(?:-+\[ cut here \]-+|={20,}|page: ?\S+ refcount:.*|kernel tried to execute .*)$`)
	memory  = regexp.MustCompile(`^.{1,15} invoked oom-killer: `)
	group   = regexp.MustCompile(`^(?:Memory cgroup out of memory|oom_reaper): `) // no fault of the kernel: a limit was set
	rule    = regexp.MustCompile(`^={20,}$`)
	tail    = regexp.MustCompile(`^(?:note: .* exited with |Fixing recursive fault|Disabling lock debugging|Rebooting in |Kernel Offset: )`)
	regs    = regexp.MustCompile(`^(?:RIP: |EIP: |RSP: |RAX: |RDX: |RBP: |R10: |R13: |FS: |CS: |CR2: |DR[0367]: |PKRU: |Code: |EAX: |ESI: |DS: |CR0: |pc : |lr : |sp : |x\d+ ?: |pstate: |pmr_save: |epc : |\s*(?:gp|tp|t\d|s\d+|a\d|ra|sp) ?: |status: )`)
	shapes  = regexp.MustCompile(`^(?:$|\s*</?[A-Z#]+\d*>$|Call [Tt]race:|CPU: \d+|CPU#\d+|Hardware name: |Modules linked in:|Workqueue: |Stopper: ` +
		`|task:|Sending NMI |NMI backtrace for cpu |(?:rcu|rcu-tasks): |Preemption disabled at:|\[<[0-9a-f]+>\] ` +
		`|\d+ locks? held by |no locks held by | #\d+: |locks held by |Showing all locks held|INFO: lockdep is turned off|irq event stamp: |hardirqs last |softirqs last ` +
		`|FIX \S+: |Disabling lock debugging|\d+\.\d+\S* .*[tT]ainted|-{20,}$|.* is leaving the kernel with locks still held!$` +
		`|Showing busy workqueues|Showing backtraces of |workqueue \S+: |pool \d+: |  pwq \d+: |    (?:in-flight|pending|inactive|delayed): ` +
		`|INFO: NMI handler |Kernel Offset: |\s+\(t(?:=|ook )|\t)`)
)

// cut finds the reports in a log.
func cut(log []string) []*report {
	c := cutter{lines: make([]Line, len(log)), streams: map[string]*stream{}}
	for i, line := range log {
		c.lines[i] = Parse(line)
		c.timed = c.timed || c.lines[i].Timed
	}
	for i := range c.lines {
		c.line(i)
	}
	return c.reports
}

// line takes the next line of the log.
func (c *cutter) line(i int) {
	l := c.lines[i]
	if l.User || c.timed && !l.Timed && !strings.HasPrefix(l.Text, "unreferenced object ") && c.listing() == nil {
		return // what a program printed
	}
	if strings.HasPrefix(l.Text, "Linux version ") && banner.MatchString(l.Text) {
		c.boot(i)
		return
	}
	s := c.streams[l.Caller]
	if s == nil {
		s = &stream{}
		c.streams[l.Caller] = s
	}
	if c.onBehalf(s, i) {
		return
	}
	if r := s.report; r != nil && l.Timed && l.Time-r.last.Time > maxGap {
		r.open, r.behind = false, false
	}
	f := formOf(l.Text)
	switch r := s.report; {
	case f != nil && r != nil && r.takes(f, l.Caller):
		for _, p := range s.pending {
			r.add(c, p)
		}
		s.pending = nil
		r.follow(f)
		r.add(c, i)
	case f != nil:
		c.begin(s, f, i)
	case r != nil && r.accepts(l.Text):
		r.add(c, i)
	default:
		s.wait(i, l.Text)
	}
}

// listing is the report of a program that prints what the kernel's file says
// of lost memory, if one is open.
func (c *cutter) listing() *report {
	if s := c.streams[""]; s != nil && s.report != nil && s.report.open && s.report.kind == Kmemleak {
		return s.report
	}
	return nil
}

// boot notes that a kernel starts. A second one on a console was not asked
// for, unless the first said that it starts anew because of its end.
func (c *cutter) boot(i int) {
	if c.booted && !c.fatal {
		f := &form{kind: Reboot, title: "unexpected reboot", plain: true}
		c.reports = append(c.reports, &report{first: f, form: f, kind: Reboot, at: []int{i}, fatal: true})
	}
	c.booted, c.fatal, c.asked = true, false, nil
	clear(c.streams)
}

// onBehalf takes a line that is a part of a report of another caller: a CPU
// that prints its backtrace because it was asked to.
func (c *cutter) onBehalf(s *stream, i int) bool {
	l := c.lines[i]
	if strings.HasPrefix(l.Text, "NMI backtrace for cpu ") && c.asked != nil && s.report != c.asked &&
		(!l.Timed || l.Time-c.asked.last.Time <= maxGap) {
		s.behalf = c.asked
	}
	if s.behalf == nil {
		return false
	}
	if _, ok := frameOf(l.Text); !ok && (formOf(l.Text) != nil || !regs.MatchString(l.Text) && !shapes.MatchString(l.Text)) {
		s.behalf = nil
		return false
	}
	s.behalf.add(c, i)
	return true
}

// begin begins a report at line i.
func (c *cutter) begin(s *stream, f *form, i int) {
	r := &report{first: f, kind: f.kind}
	if old := s.report; old != nil && old.open {
		// What opens this report went to the one that did not end.
		if old.opener > old.name && len(old.at)-old.opener <= maxLead {
			s.pending = append(old.at[old.opener:], s.pending...)
			old.at = old.at[:old.opener:old.opener]
		}
		old.open, old.behind = false, false
	}
	for _, p := range s.pending {
		r.add(c, p)
	}
	s.pending, s.report = nil, r
	r.name, r.opener = len(r.at), 0
	r.follow(f)
	r.add(c, i)
	c.reports = append(c.reports, r)
}

// follow takes up a form: of the line that begins the report, or of one that
// the kernel prints because of what the report is about.
func (r *report) follow(f *form) {
	r.form, r.open, r.behind = f, true, false
	r.stacked, r.marked = false, false
}

// add appends line i of the log.
func (r *report) add(c *cutter, i int) {
	text := c.lines[i].Text
	r.at = append(r.at, i)
	r.last = c.lines[i]
	r.died = r.died || dead.MatchString(text)
	if strings.HasPrefix(text, "Kernel panic - not syncing") {
		r.fatal, c.fatal = true, true
	}
	if strings.HasPrefix(text, "Sending NMI from CPU ") {
		r.nmi, c.asked = true, r
	}
	r.locks = r.locks || strings.HasPrefix(text, "Showing all locks held")
	if r.form == nil {
		return
	}
	if r.open && openers.MatchString(text) && len(r.at)-1 > r.name {
		r.opener = len(r.at) - 1
	}
	switch {
	case r.form.ending == atOnce, r.form.ending == atMark && r.form.mark.MatchString(text) && len(r.at)-1 > r.name:
		r.open, r.behind = false, true
	case r.form.ending == atStack:
		r.marked = r.marked || r.form.mark == nil || r.form.mark.MatchString(text)
		if f, ok := frameOf(text); ok && r.marked && !f.Unreliable {
			r.stacked = true
		}
	}
	if len(r.at) >= maxLines {
		r.open, r.behind = false, false
	}
}

// accepts reports whether a line of the report's printer belongs to it.
func (r *report) accepts(text string) bool {
	switch {
	case r.open && (r.form.ending == atMark || r.form.ending == atStack && !r.stacked):
		return true
	case r.open:
		_, frame := frameOf(text)
		ok := frame || shapes.MatchString(text) || regs.MatchString(text)
		end := r.locks && rule.MatchString(text) // debug_show_all_locks, kernel/locking/lockdep.c
		if !ok || end {
			r.open, r.behind, r.locks = false, true, false
		}
		return ok || end
	case r.behind && text != "" && len(r.at) < maxLines:
		// The summary of an oops behind its end (oops_end, arch/x86/kernel/dumpstack.c).
		return tail.MatchString(text) || r.died && regs.MatchString(text)
	}
	return false
}

// wait looks at a line that belongs to no report: it may open one.
func (s *stream) wait(i int, text string) {
	switch {
	case memory.MatchString(text):
		s.pending, s.room = []int{i}, maxMemory
	case openers.MatchString(text) && s.room <= maxLead:
		s.pending, s.room = []int{i}, maxLead
	case len(s.pending) > 0 && s.room > 0 && !group.MatchString(text):
		s.pending = append(s.pending, i)
		s.room--
	default:
		s.pending, s.room = nil, 0
		if r := s.report; r != nil && text != "" {
			r.behind = false
		}
	}
}

// formOf returns the form of report that the line names, or nil.
func formOf(text string) *form {
	for i := range forms {
		if f := &forms[i]; strings.Contains(text, f.hint) && f.pattern.MatchString(text) {
			return f
		}
	}
	return nil
}

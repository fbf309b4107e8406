package console

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// UserMark stands before the text of a record that a program wrote to
// /dev/kmsg: whatever it says, the kernel did not say it.
const UserMark = "(from user space) "

// A Line is one line of a kernel log, taken apart.
type Line struct {
	Time   time.Duration // since boot
	Timed  bool          // the line has a time stamp
	Caller string        // who printed it, "T42" or "C1", if the kernel says (CONFIG_PRINTK_CALLER)
	Text   string        // what was printed
	User   bool          // a program printed it, not the kernel
}

// stamp is what printk puts before a line on the console: a syslog level, the
// time, the caller (print_syslog, print_time, print_caller in
// kernel/printk/printk.c). The time may be in microseconds only.
var stamp = regexp.MustCompile(`^(?:<\d{1,3}>)?(?:\[ *(\d{1,12})\.(\d{1,9})\](?:\[ *([TC]\d+)\])? ?)?`)

// inner is a stamp behind text that a program left on the console without the
// end of a line, such as a prompt.
var inner = regexp.MustCompile(`\[ *(\d{1,12})\.(\d{6})\](?:\[ *([TC]\d+)\])? `)

// Parse takes a line of a log apart.
func Parse(line string) Line {
	line = strings.TrimRight(line, "\r")
	m := stamp.FindStringSubmatchIndex(line)
	if m[2] < 0 {
		if in := inner.FindStringSubmatchIndex(line); in != nil {
			m = in
		}
	}
	l := Line{Text: line[m[1]:], Timed: m[2] >= 0}
	if l.Timed {
		l.Time = clock(line[m[2]:m[3]], line[m[4]:m[5]])
	}
	if m[6] >= 0 {
		l.Caller = line[m[6]:m[7]]
	}
	l.User = strings.HasPrefix(l.Text, UserMark)
	return l
}

func clock(sec, frac string) time.Duration {
	s, err1 := strconv.ParseInt(sec, 10, 64)
	f, err2 := strconv.ParseInt((frac + "000000000")[:9], 10, 64)
	if err1 != nil || err2 != nil || s > int64(1<<62/time.Second) {
		return 0
	}
	return time.Duration(s)*time.Second + time.Duration(f)
}

// Text returns the line without time stamp and other prefixes of printk.
func Text(line string) string { return Parse(line).Text }

// Print is the line as the kernel's console has it: the inverse of Parse.
func (l Line) Print() string {
	var b strings.Builder
	if l.Timed {
		b.WriteByte('[')
		sec := strconv.FormatInt(int64(l.Time/time.Second), 10)
		b.WriteString(strings.Repeat(" ", max(0, 5-len(sec))))
		b.WriteString(sec)
		b.WriteByte('.')
		b.WriteString(strconv.FormatInt(int64(1e6+l.Time%time.Second/time.Microsecond), 10)[1:])
		b.WriteByte(']')
		if l.Caller != "" {
			// print_caller pads to six columns, brackets not counted.
			b.WriteByte('[')
			b.WriteString(strings.Repeat(" ", max(0, 6-len(l.Caller))))
			b.WriteString(l.Caller)
			b.WriteByte(']')
		}
		b.WriteByte(' ')
	}
	b.WriteString(l.Text)
	return b.String()
}

// Record is a record of /dev/kmsg as the lines that the console has of it: a
// text of several lines has the stamp before each (record_print_text,
// kernel/printk/printk.c). If user is set a program wrote it, and the lines say so.
func Record(at time.Duration, caller, text string, user bool) []string {
	var lines []string
	for part := range strings.SplitSeq(text, "\n") {
		if user {
			part = UserMark + part
		}
		lines = append(lines, Line{Time: at, Timed: true, Caller: caller, Text: part}.Print())
	}
	return lines
}

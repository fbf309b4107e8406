package vm

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"uetest/internal/proc"
)

// Limits of a dump, before Scale: a guest that is to be ended for its silence
// does not get much more time.
const (
	// monitorLimit is for all that QEMU is asked; it answers in a millisecond
	// each if it answers at all.
	monitorLimit = time.Second
	// sysrqLimit is how long the kernel may take to begin with a report that was
	// asked for on its console: one interrupt.
	sysrqLimit = 300 * time.Millisecond
	// reportLimit is how long it may print on. A task takes a kilobyte, and the
	// serial port half a millisecond for that.
	reportLimit = 1500 * time.Millisecond
	// reportPause without a byte is the end of a report.
	reportPause = 60 * time.Millisecond
)

const (
	// samples is how often each CPU is looked at, samplePause apart: one that
	// loops is in several places of its loop, one that hangs in one.
	samples     = 3
	samplePause = 20 * time.Millisecond
	// stackWords is how much of a CPU's kernel stack is read.
	stackWords = 192
)

// sysrqs are the reports that the kernel is asked for: the tasks in state D,
// what each CPU does, and all tasks. The most telling come first, because time
// may run out (Documentation/admin-guide/sysrq.rst).
const sysrqs = "wlt"

// sysrqHelp has the kernel print a line behind all reports: no command has the
// letter (__handle_sysrq, drivers/tty/sysrq.c).
const sysrqHelp = "h"

var helpLine = regexp.MustCompile(`(?m)^.*sysrq: HELP : .*\n?`)

// A CPUDump is what one virtual CPU was found doing.
type CPUDump struct {
	Number int
	Seen   []CPUPlace // one after the other
	Stack  []uint64   // from the stack pointer on, if the CPU was in the kernel
}

// A CPUPlace is where a CPU was.
type CPUPlace struct {
	IP     uint64 // the instruction pointer
	User   bool   // in user space
	Halted bool   // waiting for an interrupt
}

// A Dump is what can be learned of a guest from outside.
type Dump struct {
	CPUs      []CPUDump
	Registers string // of all CPUs, as QEMU prints them
	// Console is what the kernel printed in answer to sysrq; empty: it did not
	// answer.
	Console string
	// Stopped reports that QEMU itself does not run, so that the guest's silence
	// is not its own: somebody stopped the process, or the machine.
	Stopped bool
	// Notes say what could not be learned, and why.
	Notes []string
}

// Dump looks what the guest does: the registers of its CPUs, and what its kernel
// says of its tasks, if it still answers the console. The guest goes on. It takes
// some seconds at most, whatever state QEMU and the guest are in, and returns
// what there is.
func (v *VM) Dump(ctx context.Context) Dump {
	var d Dump
	note := func(format string, args ...any) { d.Notes = append(d.Notes, fmt.Sprintf(format, args...)) }
	if state := proc.State(v.Pid()); state == 'T' || state == 't' {
		d.Stopped = true
		note("process %d (QEMU) is stopped (state %c): somebody sent it SIGSTOP or traces it", v.Pid(), state)
		return d
	}
	asked, cancel := context.WithTimeout(ctx, v.scale(monitorLimit))
	defer cancel()
	if s, err := v.monitor.Status(asked); err == nil && !s.Running {
		d.Stopped = true
		note("the machine does not run, QEMU has it as %s", s.State)
	}
	if err := v.sample(asked, &d); err != nil {
		note("registers: %v", err)
		return d // a monitor that does not answer will not take a break either
	}
	if d.Stopped {
		return d
	}
	if err := v.askKernel(ctx, &d); err != nil {
		note("sysrq on the console: %v", err)
	}
	return d
}

// sample looks at the CPUs several times and reads their stacks.
func (v *VM) sample(ctx context.Context, d *Dump) error {
	stacks := map[int]uint64{}
	for i := range samples {
		if i > 0 {
			time.Sleep(samplePause)
		}
		text, err := v.human(ctx, 0, "info registers -a")
		if err != nil {
			return err
		}
		d.Registers = text
		for _, r := range parseRegisters(text) {
			stacks[r.cpu] = r.sp
			if i == 0 {
				d.CPUs = append(d.CPUs, CPUDump{Number: r.cpu})
			}
			for c := range d.CPUs {
				if d.CPUs[c].Number == r.cpu {
					d.CPUs[c].Seen = append(d.CPUs[c].Seen, r.CPUPlace)
				}
			}
		}
	}
	if len(d.CPUs) == 0 {
		return fmt.Errorf("QEMU's answer names none: %.200q", d.Registers)
	}
	for i := range d.CPUs {
		c := &d.CPUs[i]
		if at := c.Seen[len(c.Seen)-1]; at.User || at.Halted {
			continue
		}
		text, err := v.human(ctx, c.Number, fmt.Sprintf("x /%dgx %#x", stackWords, stacks[c.Number]))
		if err != nil {
			return err
		}
		c.Stack = parseWords(text)
	}
	return nil
}

// human runs a command of QEMU's monitor for people.
func (v *VM) human(ctx context.Context, cpu int, command string) (string, error) {
	var text string
	err := v.monitor.Run(ctx, "human-monitor-command", map[string]any{"command-line": command, "cpu-index": cpu}, &text)
	return strings.ReplaceAll(text, "\r", ""), err
}

// registers of one CPU, as far as they are needed.
type registers struct {
	cpu int
	sp  uint64 // the stack pointer
	CPUPlace
}

var (
	cpuHead = regexp.MustCompile(`(?m)^CPU#(\d+)\s*$`)
	// One for each architecture; arm64's and riscv64's do not say of a CPU that
	// it waits.
	cpuPlace   = regexp.MustCompile(`\b[RE]IP=([0-9a-f]+) .*\bCPL=(\d).*\bHLT=(\d)`)
	placeARM64 = regexp.MustCompile(`(?m)^ ?PC=([0-9a-f]+) [^#]*\bPSTATE=[0-9a-f]+ .*\bEL(\d)[th]`)
	placeRISCV = regexp.MustCompile(`(?m)^ pc +([0-9a-f]+)\s*$`)
	stackAt    = regexp.MustCompile(`\b(?:RSP=|ESP=|SP=|x2/sp +)([0-9a-f]+)`)
	hexWord    = regexp.MustCompile(`\b0x([0-9a-f]{16})\b`)
)

// parseRegisters reads the output of "info registers -a" (x86_cpu_dump_state,
// target/i386/cpu-dump.c of QEMU).
func parseRegisters(text string) []registers {
	var all []registers
	heads := cpuHead.FindAllStringSubmatchIndex(text, -1)
	for i, h := range heads {
		end := len(text)
		if i+1 < len(heads) {
			end = heads[i+1][0]
		}
		n, err := strconv.Atoi(text[h[2]:h[3]])
		place, ok := placeOf(text[h[1]:end])
		if err != nil || !ok {
			continue
		}
		r := registers{cpu: n, CPUPlace: place}
		if m := stackAt.FindStringSubmatch(text[h[1]:end]); m != nil {
			r.sp, _ = strconv.ParseUint(m[1], 16, 64) // 0 is no stack
		}
		all = append(all, r)
	}
	return all
}

// placeOf reads the registers of one CPU: x86_cpu_dump_state,
// aarch64_cpu_dump_state and riscv_cpu_dump_state of QEMU's target/.
func placeOf(text string) (CPUPlace, bool) {
	for _, form := range []struct {
		pattern *regexp.Regexp
		place   func(ip uint64, m []string) CPUPlace
	}{
		{cpuPlace, func(ip uint64, m []string) CPUPlace {
			return CPUPlace{IP: ip, User: m[2] == "3", Halted: m[3] == "1"}
		}},
		{placeARM64, func(ip uint64, m []string) CPUPlace { return CPUPlace{IP: ip, User: m[2] == "0"} }},
		// Its kernel is in the upper half of the addresses.
		{placeRISCV, func(ip uint64, _ []string) CPUPlace { return CPUPlace{IP: ip, User: int64(ip) >= 0} }},
	} {
		m := form.pattern.FindStringSubmatch(text)
		if m == nil {
			continue
		}
		ip, err := strconv.ParseUint(m[1], 16, 64)
		return form.place(ip, m), err == nil
	}
	return CPUPlace{}, false
}

// parseWords reads the output of the command x with format gx: "ADDRESS:
// 0xWORD 0xWORD" a line.
func parseWords(text string) []uint64 {
	var words []uint64
	for _, m := range hexWord.FindAllStringSubmatch(text, -1) {
		if w, err := strconv.ParseUint(m[1], 16, 64); err == nil {
			words = append(words, w)
		}
	}
	return words
}

// errNoAnswer is a kernel that does not take its console's interrupt: it has
// them off, or is none.
var errNoAnswer = errors.New("the kernel does not answer")

// askKernel has the kernel print reports on its console: a break and a letter
// (uart_handle_break, uart_handle_sysrq_char, include/linux/serial_core.h).
func (v *VM) askKernel(ctx context.Context, d *Dump) error {
	ctx, cancel := context.WithTimeout(ctx, v.scale(sysrqLimit+reportLimit))
	defer cancel()
	in, err := v.ConsoleInput(ctx)
	if err != nil {
		return err
	}
	f, err := os.Open(v.cfg.Console)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	size := func() int64 {
		info, err := f.Stat()
		if err != nil {
			return 0
		}
		return info.Size()
	}
	begin := size()
	for _, letter := range sysrqs + sysrqHelp {
		at := size()
		if err = v.monitor.Run(ctx, "chardev-send-break", map[string]any{"id": consoleID}, nil); err != nil {
			break
		}
		deadline, _ := ctx.Deadline()
		_ = in.SetWriteDeadline(deadline)
		if _, err = in.WriteString(string(letter)); err != nil {
			break
		}
		err = v.settled(ctx, at, size)
		for errors.Is(err, errNoAnswer) && size() > begin { // it has answered before
			err = v.settled(ctx, at, size)
		}
		if err != nil {
			break
		}
	}
	report := func() string {
		text := make([]byte, min(size()-begin, maxReport))
		n, _ := f.ReadAt(text, begin)
		return string(text[:n])
	}
	// A pause may be the host's, which has no time for the guest: the end is where
	// the help is.
	for err == nil && size()-begin < maxReport && !helpLine.MatchString(report()) {
		if err = v.settled(ctx, size(), size); errors.Is(err, errNoAnswer) {
			err = nil // not yet; ctx has the limit
		}
	}
	d.Console = strings.Join(splitLines([]byte(helpLine.ReplaceAllString(report(), "")), false), "\n")
	if errors.Is(err, context.DeadlineExceeded) && d.Console != "" {
		err = errors.New("the kernel had not ended its report when the time was up")
	}
	return err
}

// maxReport bounds what is kept of the kernel's reports. A fork bomb has
// thousands of tasks.
const maxReport = 1 << 20

// settled waits until the console has grown beyond at and then rests.
func (v *VM) settled(ctx context.Context, at int64, size func() int64) error {
	const poll = 5 * time.Millisecond
	limit, last, since := time.Now().Add(v.scale(sysrqLimit)), at, time.Now()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-v.done:
			return errors.New("the machine ended")
		case <-time.After(poll):
		}
		now := size()
		switch {
		case now != last:
			last, since = now, time.Now()
		case now == at && time.Now().After(limit):
			return errNoAnswer
		case now > at && time.Since(since) > v.scale(reportPause):
			return nil
		}
	}
}

// Answered reports whether the kernel answered.
func (d Dump) Answered() bool { return d.Console != "" }

// Summary is the dump in a line: where each CPU is. name names an address of
// the kernel and returns "" for what is none; it may be nil.
func (d Dump) Summary(name func(uint64) string) string {
	var parts []string
	for _, c := range d.CPUs {
		parts = append(parts, fmt.Sprintf("CPU %d %s", c.Number, c.where(name)))
	}
	switch {
	case d.Stopped:
	case d.Answered():
		parts = append(parts, "the kernel answers sysrq")
	case len(d.CPUs) > 0:
		parts = append(parts, "the kernel does not answer sysrq")
	}
	if len(parts) == 0 || d.Stopped {
		parts = append(parts, d.Notes...)
	}
	return strings.Join(parts, "; ")
}

// where says where a CPU was seen, once for each place.
func (c CPUDump) where(name func(uint64) string) string {
	var places []string
	for _, p := range c.Seen {
		s := p.describe(name)
		if len(places) == 0 || places[len(places)-1] != s {
			places = append(places, s)
		}
	}
	return strings.Join(places, ", then ")
}

func (p CPUPlace) describe(name func(uint64) string) string {
	switch {
	case p.Halted:
		return "idle"
	case p.User:
		return "in user space"
	}
	if name != nil {
		if s := name(p.IP); s != "" {
			return "in " + s
		}
	}
	return fmt.Sprintf("at %#x", p.IP)
}

// Text is the dump for people, with the addresses of kernel code named by name,
// which may be nil.
func (d Dump) Text(name func(uint64) string) string {
	var b strings.Builder
	for _, n := range d.Notes {
		fmt.Fprintf(&b, "note: %s\n", n)
	}
	for _, c := range d.CPUs {
		fmt.Fprintf(&b, "CPU %d: %s\n", c.Number, c.where(name))
		for _, word := range c.Stack {
			if name == nil {
				break
			}
			// Like the frames with a question mark of a kernel's report: an
			// address that lies on the stack, for whatever reason.
			if s := name(word); s != "" {
				fmt.Fprintf(&b, "  ? %s\n", s)
			}
		}
	}
	if d.Registers != "" {
		fmt.Fprintf(&b, "\nRegisters, by QEMU:\n%s\n", strings.TrimSpace(d.Registers))
	}
	if d.Console != "" {
		fmt.Fprintf(&b, "\nThe kernel's answer to sysrq %s:\n%s\n", strings.Join(strings.Split(sysrqs, ""), ", "), d.Console)
	}
	return b.String()
}

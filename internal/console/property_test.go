package console

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

var callerID = regexp.MustCompile(`^(\[ *\d+\.\d+\]\[ *)([TC]\d+)\]`)

// rename gives the callers of a log other names, so that it shares none with
// another log.
func rename(log []string) []string {
	out := slices.Clone(log)
	for i, line := range out {
		out[i] = callerID.ReplaceAllString(line, "${1}${2}77]")
	}
	return out
}

// distinct reports whether the callers tell the log apart from another one:
// each line has one, and no CPU prints on behalf of somebody, which only one
// may ask for at a time (nmi_trigger_cpumask_backtrace, lib/nmi_backtrace.c).
func distinct(log []string) bool {
	for _, line := range log {
		l := Parse(line)
		if l.Timed && l.Caller == "" || strings.HasPrefix(l.Text, "Linux version ") || strings.HasPrefix(l.Text, "unreferenced object") || strings.HasPrefix(l.Text, "Sending NMI") {
			return false
		}
	}
	return true
}

func essence(log []string) []string {
	var out []string
	for _, s := range Find(log) {
		out = append(out, fmt.Sprintf("%s|%s|%s|%v|%+v|%s", s.Title, s.Kind, s.Guilty, s.Fatal, s.Task, strings.Join(s.Lines, "\n")))
	}
	slices.Sort(out)
	return out
}

// Two logs merged line by line in any order give the reports of both.
func TestReportsPrintedAtTheSameTimeAreToldApart(t *testing.T) {
	all := logs(t, "corpus", "formats")
	var names []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if distinct(all[name]) {
			names = append(names, name)
		}
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 400 {
		one, two := names[rng.IntN(len(names))], names[rng.IntN(len(names))]
		a, b := all[one], rename(all[two])
		want := append(essence(a), essence(b)...)
		slices.Sort(want)
		var merged []string
		for run := 1 + rng.IntN(8); len(a)+len(b) > 0; {
			from := &a
			if len(a) == 0 || len(b) > 0 && rng.IntN(2) == 0 {
				from = &b
			}
			n := min(1+rng.IntN(run), len(*from))
			merged = append(merged, (*from)[:n]...)
			*from = (*from)[n:]
		}
		if got := essence(merged); !slices.Equal(got, want) {
			t.Fatalf("%s and %s merged:\n got %d reports %.300q\nwant %d reports %.300q", one, two, len(got), got, len(want), want)
		}
	}
}

var wide = regexp.MustCompile(`\b[0-9a-f]{16}\b|\b0x[0-9a-f]{6,16}\b`)

// disguise makes of a log the one that another run might have given: other
// times, addresses and process ids.
func disguise(log []string, rng *rand.Rand) []string {
	shift, pids := time.Duration(rng.Int64N(int64(time.Hour))), rng.IntN(20000)
	out := make([]string, len(log))
	pid := regexp.MustCompile(`(PID: |\[ *T|\btask [\w./:-]+?:|by task [\w./:-]+?/|by task |lock-up \[[\w-]+:|stuck for \d+s! \[[\w./:-]+?:)(\d+)`)
	for i, line := range log {
		if l := Parse(line); l.Timed {
			l.Time += shift
			line = l.Print()
		}
		line = pid.ReplaceAllStringFunc(line, func(s string) string {
			m := pid.FindStringSubmatch(s)
			return fmt.Sprintf("%s%d", m[1], atoi(m[2])+pids)
		})
		line = wide.ReplaceAllStringFunc(line, func(s string) string {
			digits := []byte(s)
			for j := range digits {
				if s[j] != 'x' && s[j] != '0' {
					digits[j] = "123456789abcdef"[rng.IntN(15)]
				}
			}
			return string(digits)
		})
		out[i] = line
	}
	return out
}

func titles(log []string) []string {
	var out []string
	for _, s := range Find(log) {
		out = append(out, fmt.Sprintf("%s|%s|%s|%v|%d", s.Title, s.Kind, s.Guilty, s.Fatal, len(s.Lines)))
	}
	return out
}

func TestTitleIsTheSameInAnotherRun(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for name, log := range logs(t, "corpus", "formats") {
		want := titles(log)
		for range 5 {
			if got := titles(disguise(log, rng)); !slices.Equal(got, want) {
				t.Fatalf("%s.log with other times, addresses and process ids:\n got %q\nwant %q", name, got, want)
			}
		}
		for _, title := range want {
			if m := wide.FindString(title); m != "" {
				t.Errorf("%s.log: the title %q has the address %s", name, title, m)
			}
		}
	}
}

// Whatever the log, a line belongs to at most one report and reports keep the
// order of their lines.
func FuzzFind(f *testing.F) {
	for _, log := range logs(f, "corpus", "formats", "clean") {
		f.Add(strings.Join(log[:min(len(log), 200)], "\n"))
	}
	f.Add("<4>[1.0][T1] =====\n[1.0] WARNING: possible recursive locking detected")
	f.Fuzz(func(t *testing.T, log string) {
		lines := strings.Split(log, "\n")
		seen := map[int]bool{}
		reports := cut(lines)
		for _, r := range reports {
			if len(r.at) == 0 || len(r.at) > maxLines+maxMemory || r.name >= len(r.at) || !slices.IsSorted(r.at) {
				t.Fatalf("bad report: lines %v, named by %d", r.at, r.name)
			}
			for _, at := range r.at {
				if seen[at] {
					t.Fatalf("line %d %q is in two reports", at, lines[at])
				}
				seen[at] = true
			}
		}
		for i, s := range Find(lines) {
			if s.Title == "" || s.Kind == "" || len(s.Lines) != len(reports[i].at) {
				t.Errorf("bad splat %+v", s)
			}
			for _, fr := range s.Frames {
				if fr.At < 0 || fr.At >= len(s.Lines) || fr.Func == "" || !strings.Contains(s.Lines[fr.At], fr.Func) {
					t.Errorf("frame %+v is not of its line", fr)
				}
			}
			for at, line := range s.Lines {
				if line != lines[reports[i].at[at]] {
					t.Errorf("line %d of a report is %q, was %q in the log", at, line, lines[reports[i].at[at]])
				}
			}
		}
	})
}

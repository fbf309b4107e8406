// Witness runs upstream's own selftests for user_events in the guest, and says
// what each of their functions said. It is an area by its form alone: what it
// sees is held against what the other areas see (internal/pipeline), and its
// tests are not among those of the catalogue that a run does.
//
// The programs are no part of this tree; "uetest witness" puts them into the
// image (internal/witness).
package main

import (
	"bufio"
	"errors"
	"os"
	"path"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"uetest/selftests/kit"
)

func main() {
	kit.Main(kit.Tests{
		"witness/abi":    program("abi_test"),
		"witness/dyn":    program("dyn_test"),
		"witness/ftrace": program("ftrace_test"),
		"witness/perf":   program("perf_test"),
	})
}

// folder is where the image has the programs.
const folder = "/witness"

// limit is what upstream allows a program (tools/testing/selftests/user_events,
// settings). The agent's watchdog may be stricter.
const limit = 90 * time.Second

// program reports what each function of a program said, in their order.
//
// The events of one function are waited out before the next: from g3 on the
// kernel deletes an event some time after it was let go of, and all functions
// use the same names. In 6.1, where that is not so, a program can only be run
// as a whole: it has no options.
func program(name string) func(*kit.T) {
	return func(t *kit.T) {
		runs := [][]string{nil}
		if t.PlacesOutliveFiles() {
			listed, err := functions(run(t, name, "-l"))
			t.Check(err)
			runs = nil
			for _, f := range listed {
				runs = append(runs, []string{"-r", f})
			}
		}
		for _, args := range runs {
			results, err := parse(run(t, name, args...))
			if err != nil {
				t.Fatalf("%s %s: %v", name, strings.Join(args, " "), err)
			}
			for _, r := range results {
				t.Saw(r.function, r.said)
			}
			for _, event := range events {
				if err := t.Open().DeleteWhenFree(event); err != nil && !errors.Is(err, unix.ENOENT) {
					t.Fatalf("%s %s left the event %s, and it can't be deleted: %v", name, strings.Join(args, " "), event, err)
				}
			}
		}
	}
}

// events are the names that the programs use.
var events = [...]string{"__test_event", "__abi_event"}

// run runs a program and returns what it printed.
func run(t *kit.T, name string, args ...string) []string {
	r, w, err := os.Pipe()
	t.Check(err)
	defer func() { _ = r.Close() }()
	p, err := os.StartProcess(path.Join(folder, name), append([]string{name}, args...), &os.ProcAttr{
		Dir: "/", Env: os.Environ(), Files: []*os.File{nil, w, w},
		Sys: &unix.SysProcAttr{Pdeathsig: unix.SIGKILL},
	})
	_ = w.Close()
	if err != nil {
		t.Fatalf("%v; the image has upstream's programs only under \"uetest witness\"", err)
	}
	defer func() {
		_ = p.Kill()
		t.Check(kit.Reap(p.Pid))
	}()
	t.Check(r.SetReadDeadline(time.Now().Add(limit)))
	var lines []string
	for in := bufio.NewScanner(r); ; {
		if !in.Scan() {
			t.Check(in.Err())
			return lines
		}
		t.Logf("%s", in.Text())
		lines = append(lines, in.Text())
	}
}

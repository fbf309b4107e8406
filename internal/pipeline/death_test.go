package pipeline

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"uetest/initramfs"
	"uetest/internal/blame"
	"uetest/internal/console"
	"uetest/internal/proc"
	"uetest/internal/results"
	"uetest/internal/vm"
	"uetest/kernel-patches"
	"uetest/selftests/catalog"
)

// misbehaving is a job whose guests have the agent's test program.
func misbehaving(t *testing.T) Config {
	t.Helper()
	cfg := Config{Root: root(t), Cache: ownRuns(t), Kernels: []string{"rfc"}}
	var err error
	if cfg.Series, err = kernelpatches.Load("rfc"); err != nil {
		t.Fatal(err)
	}
	program, err := misbehave()
	if err != nil {
		t.Fatal(err)
	}
	cfg.files = []initramfs.File{{Path: "/selftests/misbehave", Mode: 0o755, Host: program}}
	return cfg
}

// misbehave builds the test program, once.
var misbehave = sync.OnceValues(func() (string, error) {
	program := filepath.Join(scratch, "misbehave")
	return program, proc.Run(context.Background(), proc.Cmd{
		Path: "go", Args: []string{"build", "-trimpath", "-ldflags=-s -w", "-o", program, "./testdata/misbehave"},
		Env: append(os.Environ(), "CGO_ENABLED=0", "GOARCH=amd64"),
	})
})

// ownRuns is a cache that shares everything with the others but its runs.
func ownRuns(t *testing.T) string {
	t.Helper()
	shared, own := sharedCache(t), t.TempDir()
	entries, err := os.ReadDir(shared)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() == "runs" {
			continue
		}
		if err := os.Symlink(filepath.Join(shared, e.Name()), filepath.Join(own, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	return own
}

// entry is a catalogue entry for a behaviour of the test program; as keeps those
// apart that have the same one.
func entry(as, behaviour, saw string, limit time.Duration) catalog.Test {
	return catalog.Test{ID: "misbehave/" + as + "/" + behaviour, Purpose: behaviour, Timeout: limit,
		Expect: map[catalog.Generation]catalog.Expect{catalog.G1: {Saw: saw}}}
}

// runTests runs tests that are in no catalogue.
func runTests(ctx context.Context, cfg Config, tests ...catalog.Test) (run *results.Run, err error) {
	cfg.Notify = serialize(cfg.Notify)
	targets, err := cfg.targets()
	if err != nil {
		return nil, err
	}
	err = withGuest(ctx, &cfg, targets[0].arch(), func(ctx context.Context, g *guest) error {
		run, err = one(ctx, &cfg, targets[0], g, tests)
		return err
	})
	return run, err
}

const (
	// limit is the time limit of a test that dies, before it is scaled.
	limit = 2 * time.Second
	// busyLimit is that of one that keeps a processor busy up to it.
	busyLimit = time.Second
)

// A death is what ends a test or its guest, and what has to be told of it.
type death struct {
	behaviour string
	limit     time.Duration // of the test; 0 is limit
	verdict   results.Verdict
	exit      int
	saw       string // by default what went before
	detail    string // in the test's detail
	splat     string // the title of its first
	log       string // in the test's log
	console   string // on the console of its guest
	dump      string // in the dump of its guest
	quick     bool   // told long before the time limit
	silent    bool   // nothing comes after the time limit: it is not waited for as long
	stays     bool   // the guest lives on, and those after it run in it
}

const exitKernel = int(blame.Kernel)

func TestDeath(t *testing.T) {
	t.Parallel()
	cfg := misbehaving(t)
	for _, d := range []death{
		// The kernel.
		{behaviour: "panics the kernel", verdict: results.UnknownFault, exit: exitKernel, quick: true,
			detail: "Kernel panic - not syncing: sysrq triggered crash", splat: "panic: sysrq triggered crash", console: "sysrq triggered crash"},
		{behaviour: "panics it and it stays", verdict: results.UnknownFault, exit: exitKernel, quick: true, limit: 20 * time.Second,
			detail: "did not reset the machine", splat: "panic: sysrq triggered crash", console: "---[ end Kernel panic"},
		{behaviour: "faults three times", verdict: results.UnknownFault, exit: exitKernel, quick: true, detail: "a triple fault", console: "sysrq: Resetting"},
		{behaviour: "restarts", verdict: results.UnknownFault, exit: exitKernel, quick: true, detail: "restarted", console: "reboot: Restarting system"},
		{behaviour: "hangs a task", limit: 60 * time.Second, verdict: results.UnknownFault, exit: 1, detail: "hung task", splat: "hung task in pipe_write", console: "pipe_write", quick: true},
		{behaviour: "locks a processor up", limit: 60 * time.Second, verdict: results.UnknownFault, exit: 1, detail: "soft lockup", splat: "soft lockup", console: "do_sys_poll", quick: true},
		{behaviour: "hogs memory for good", limit: 60 * time.Second, verdict: results.UnknownFault, exit: exitKernel, detail: "System is deadlocked on memory", splat: "panic: System is deadlocked on memory", quick: true},
		{behaviour: "hogs memory", limit: 60 * time.Second, saw: "-", verdict: results.UnknownFault, exit: 1, detail: "out of memory", splat: "out of memory: misbehave", quick: true},

		// The agent.
		{behaviour: "faults init", verdict: results.UnknownFault, exit: exitKernel, quick: true, detail: "Attempted to kill init!", splat: "panic: Attempted to kill init"},
		{behaviour: "stops init", silent: true, verdict: results.UnknownFault, exit: exitKernel, detail: "went silent", dump: "task:misbehave"},
		{behaviour: "starves the rest", silent: true, limit: busyLimit, verdict: results.UnknownFault, exit: exitKernel, detail: "went silent", dump: "task:misbehave"},

		// The test alone.
		{behaviour: "loops", limit: busyLimit, saw: "-", verdict: results.Errored, exit: 1, detail: "timeout: not ended after", log: "looping", dump: "task:misbehave"},
		{behaviour: "bomb", saw: "-", verdict: results.Errored, exit: 1, detail: "timeout: not ended after", dump: "task:misbehave"},
		{behaviour: "says nothing more on 3", verdict: results.Errored, exit: 1, detail: "timeout: not ended after"},
		{behaviour: "garbage", saw: "-", verdict: results.Errored, exit: 1, detail: `failed: descriptor 3: not a message: "hello"`, stays: true, quick: true},
		{behaviour: "silent", saw: "-", verdict: results.Errored, exit: 1, detail: "exit status 0 without an end message", quick: true},
		{behaviour: "floods the kernel log for ever", limit: busyLimit, verdict: results.Errored, exit: 1, detail: "timeout: not ended after", console: "uetest: flood 100"},
		{behaviour: "floods its output for ever", limit: busyLimit, verdict: results.Errored, exit: 1, detail: "timeout: not ended after", log: "flood 100"},
		{behaviour: "fills the temporary files", verdict: results.AsExpected, limit: 30 * time.Second, log: "left behind and removed: /tmp/full", stays: true},
	} {
		t.Run(d.behaviour, func(t *testing.T) {
			t.Parallel() // most of it waits for a limit
			d.test(t, cfg)
		})
	}
}

func (d death) test(t *testing.T, cfg Config) {
	if d.limit == 0 {
		d.limit = limit
	}
	switch d.saw {
	case "":
		d.saw = "before=1"
	case "-":
		d.saw = ""
	}
	if d.silent {
		cfg.endLimit = 2 * time.Second
	}
	const done = "word=1 other=0"
	began := time.Now()
	run, err := runTests(t.Context(), cfg, entry("before", "done", done, 0), entry("culprit", d.behaviour, d.saw, d.limit), entry("after", "done", done, 0))
	took := time.Since(began)
	if run == nil {
		t.Fatal(err)
	}
	if blame.Of(err) != blame.Party(d.exit) && err != nil {
		t.Errorf("error %v", err)
	}
	var dies results.Test
	for _, test := range run.Tests {
		switch {
		case strings.HasPrefix(test.ID, "misbehave/culprit/"):
			dies = test
		case test.Verdict != results.AsExpected:
			t.Errorf("%s: %s, %s", test.ID, test.Verdict, test.Detail)
		}
	}
	t.Logf("%v in all, %d boots, exit %d; %s: %s\nsplats %v, problems %q\n%s", took.Round(time.Millisecond), run.Boots, run.Exit(), dies.Verdict, dies.Detail, titles(dies.Splats), run.Problems, strings.Join(dies.Log[:min(len(dies.Log), 40)], "\n"))
	if dies.Verdict != d.verdict || !strings.Contains(dies.Detail, d.detail) {
		t.Errorf("%s (%s), want %s with %q", dies.Verdict, dies.Detail, d.verdict, d.detail)
	}
	if dies.Saw != d.saw {
		t.Errorf("saw %q, want %q", dies.Saw, d.saw)
	}
	if got := titles(dies.Splats); d.splat != "" && (len(got) == 0 || !strings.HasPrefix(got[0], d.splat)) {
		t.Errorf("splats %q, want first %q", got, d.splat)
	}
	if !slices.ContainsFunc(dies.Log, func(l string) bool { return strings.Contains(l, d.log) }) && d.log != "" {
		t.Errorf("no %q in the log", d.log)
	}
	if d.saw == "before=1" && !slices.Contains(dies.Log, "printed before") {
		t.Error("what was printed before is gone")
	}
	if run.Exit() != d.exit {
		t.Errorf("exit code %d, want %d", run.Exit(), d.exit)
	}
	if after := run.Tests[len(run.Tests)-1]; d.stays != (after.Boot == dies.Boot) {
		t.Errorf("it ran in guest %d, the one after it in guest %d", dies.Boot, after.Boot)
	}
	text, err := os.ReadFile(filepath.Join(run.Dir, fmt.Sprintf("console-%d.log", dies.Boot)))
	if err != nil || !strings.Contains(string(text), d.console) {
		t.Errorf("console: no %q in %d bytes, %v", d.console, len(text), err)
	}
	if d.dump != "" {
		file := fmt.Sprintf("dump-%d.txt", dies.Boot)
		text, err := os.ReadFile(filepath.Join(run.Dir, file))
		if err != nil || !strings.Contains(string(text), d.dump) {
			t.Errorf("%s: %v, want %q in\n%s", file, err, d.dump, text[:min(len(text), 2000)])
		}
	}
	if most := time.Duration(vm.TCG.Scale() * float64(d.limit)); d.quick && d.limit > limit && took > most*2/3 {
		t.Errorf("it took %v with a limit of %v, and could be told at once", took, most)
	}
}

func titles(splats []console.Splat) []string {
	var titles []string
	for _, s := range splats {
		titles = append(titles, s.Title)
	}
	return titles
}

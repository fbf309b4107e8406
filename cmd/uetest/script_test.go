package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) {
	testscript.Main(shared{m}, map[string]func(){"uetest": main})
}

// TestScript runs the command line as a user does. Scripts whose name begins
// with "vm_" build kernels and boot them; they share the user's cache.
func TestScript(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	cache, err := cacheDir()
	if err != nil {
		t.Fatal(err)
	}
	// The guest image is made with the go command.
	goEnv := map[string]string{}
	for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOFLAGS", "GOTOOLCHAIN"} {
		goEnv[name] = strings.TrimSuffix(output(t, "go", "env", name), "\n")
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("UETEST_ROOT", root)
			e.Setenv("UETEST_CACHE", filepath.Join(e.WorkDir, ".cache"))
			e.Setenv("SHARED_CACHE", cache)
			for name, value := range goEnv {
				e.Setenv(name, value)
			}
			e.Setenv("HOME", e.WorkDir)
			return nil
		},
		Condition: func(cond string) (bool, error) {
			switch cond {
			case "root":
				return os.Geteuid() == 0, nil
			case "source", "source-6.12":
				_, version, ok := strings.Cut(cond, "-")
				if !ok {
					version = "6.1"
				}
				_, err := os.Stat("/usr/src/linux-source-" + version + ".tar.xz")
				return err == nil, nil
			}
			return false, errors.New("unknown condition")
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":          exits,
			"fingerprint":    fingerprint,
			"plantedhistory": plantedHistory,
			"rebundle":       rebundle,
			"sameto":         sameTo,
			"tinyfs":         tinyFS,
			"hltkernel": func(ts *testscript.TestScript, _ bool, args []string) {
				ts.Check(os.WriteFile(ts.MkAbs(args[0]), haltingKernel(), 0o644))
			},
		},
	})
}

// tinyFS mounts an empty file system of a megabyte: tinyfs DIR.
func tinyFS(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: tinyfs DIR")
	}
	dir := ts.MkAbs(args[0])
	ts.Check(os.Mkdir(dir, 0o755))
	ts.Check(unix.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"))
	ts.Defer(func() { ts.Check(unix.Unmount(dir, unix.MNT_DETACH)) })
}

// exits runs a command and checks its exit code: exits CODE COMMAND ARG...
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND ARG...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var e *exec.ExitError
		if !errors.As(err, &e) {
			ts.Fatalf("%s: %v", args[1], err)
		}
		got = e.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

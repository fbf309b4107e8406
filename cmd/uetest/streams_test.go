package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestOddStreams runs what needs no boot with standard streams and terminals as
// scripts, cron and full disks have them.
func TestOddStreams(t *testing.T) {
	t.Parallel()
	uetest := buildUetest(t)
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	patch := filepath.Join(dir, "x.patch")
	if err := os.WriteFile(patch, []byte("--- a/x.c\n+++ b/x.c\n@@ -1 +1 @@\n-int a;\n+int b;\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	vmlinux := filepath.Join(dir, "vmlinux")
	if err := os.WriteFile(vmlinux, haltingKernel(), 0o644); err != nil {
		t.Fatal(err)
	}
	type verb struct {
		line string
		code int
	}
	verbs := []verb{
		{"--help", 0}, {"help run", 0}, {"", 0},
		{"run --help", 0}, {"list tests", 0}, {"list faults", 0}, {"list kernels", 0},
		{"clean --dry-run", 0}, {"completion bash", 0}, {"kernel", 0},
		{"run -n --kernel " + vmlinux, 0}, {"shell -n --kernel " + vmlinux, 0},
		{"nosuch", 2}, {"run --on nosuch", 2}, {"patch restore nosuch", 2},
		{"model --nosuch", 2}, {"mutate nosuch", 2}, {"witness nosuch", 2}, {"replay nosuch", 2}, {"repro nosuch", 2}, {"symbolize --nosuch", 2},
	}
	if testing.Short() { // one of each kind: 15 s else
		verbs = slices.DeleteFunc(verbs, func(v verb) bool {
			return !strings.Contains("--help|list tests|run -n --kernel "+vmlinux+"|nosuch", v.line) || v.line == ""
		})
	}
	const any = -1
	streams := []struct {
		name  string
		shell string // $U is the command
		code  int    // want of those that have output; any: the verb's
		says  string // on standard error
	}{
		{"no TERM", "unset TERM; $U", any, ""},
		{"a dumb terminal", "TERM=dumb $U", any, ""},
		{"standard input closed", "$U <&-", any, ""},
		{"standard output closed", "$U >&-", any, ""},
		{"standard error closed", "$U 2>&-", any, ""},
		{"standard error full", "$U 2>/dev/full", any, ""},
		{"all closed", "$U <&- >&- 2>&-", any, ""},
		{"standard output full", "$U >/dev/full", 6, "no space left on device"},
		{"nobody reads", "{ $U; echo $? >&3; } 3>code | true; exit $(cat code)", 141, ""},
		{"nobody reads and it is not told by a signal", "trap '' PIPE; { $U; echo $? >&3; } 3>code | true; exit $(cat code)", 141, ""},
	}
	for _, s := range streams {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			for _, v := range verbs {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				// The reader has to be gone before anything is written.
				line := strings.ReplaceAll(s.shell, "$U", "uetest "+v.line)
				cmd := exec.CommandContext(ctx, "bash", "-c", `uetest() { [ ! -p /dev/stdout ] || sleep 0.05; "$UETEST" "$@"; }; `+line)
				cmd.Env = append(os.Environ(), "UETEST="+uetest, "UETEST_ROOT="+root, "UETEST_CACHE="+filepath.Join(dir, "cache"))
				cmd.Dir = t.TempDir()
				cmd.WaitDelay = time.Second
				out, err := os.Create(filepath.Join(cmd.Dir, "out"))
				if err != nil {
					t.Fatal(err)
				}
				var said bytes.Buffer
				cmd.Stdout, cmd.Stderr = out, &said
				err = cmd.Run()
				_ = out.Close()
				cancel()
				var exit *exec.ExitError
				if err != nil && !errors.As(err, &exit) {
					t.Fatalf("%q: %v", line, err)
				}
				want, says := v.code, ""
				if s.code != any && v.code == 0 {
					want, says = s.code, s.says
				}
				if got := cmd.ProcessState.ExitCode(); got != want || !strings.Contains(said.String(), says) {
					t.Errorf("%q: exit code %d, want %d; standard error, want %q:\n%s", line, got, want, says, said.String())
				}
				if strings.Contains(said.String(), "goroutine ") || want == 141 && said.Len() > 0 {
					t.Errorf("%q says:\n%s", line, said.String())
				}
			}
		})
	}
}

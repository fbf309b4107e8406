package kernel

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"uetest/internal/blame"
	"uetest/internal/proc"
)

// maker runs make in a build directory.
type maker struct {
	b        *Builder
	dir      *buildDir
	arch     arch
	name     string   // Spec.Name
	counting []string // arguments for Spec.Gcov
	ran      bool     // the log has output of this run
}

// grace is what make gets to remove half-written targets.
const grace = 10 * time.Second

// kbuildEnv makes the image depend on its sources alone
// (Documentation/kbuild/reproducible-builds.rst).
var kbuildEnv = []string{
	"KBUILD_BUILD_TIMESTAMP=Thu Jan  1 00:00:00 UTC 1970",
	"KBUILD_BUILD_USER=uetest",
	"KBUILD_BUILD_HOST=uetest",
	"KBUILD_BUILD_VERSION=1",
}

func (m *maker) command(args ...string) proc.Cmd {
	all := []string{
		"-C", m.dir.src(), "O=" + m.dir.obj(),
		fmt.Sprintf("-j%d", m.b.jobs()),
		"--no-print-directory",
		// The lines of one target stay together, so that an error can be cut out.
		"--output-sync=target",
	}
	return proc.Cmd{
		Scratch: true,
		Path:    "make",
		Args:    slices.Concat(all, m.variables(hasCcache()), args),
		Env:     slices.Concat(environment(), m.ccacheEnv(), kbuildEnv),
		Grace:   grace,
	}
}

// variables are those that make is given, which are part of an image's key.
func (m *maker) variables(ccache bool) []string {
	all := []string{"ARCH=" + m.arch.make}
	if m.arch.needPVH {
		// KASAN's checks read a shadow that is mapped after PVH's entry has run, and
		// KCSAN's the data of a CPU, which it has not got by then. 6.1 has them in it
		// all the same: arch/x86/platform/pvh/enlighten.c and memcmp of lib/string.c,
		// which it calls.
		for _, checks := range []string{"KASAN", "KCSAN"} {
			all = append(all, checks+"_SANITIZE_enlighten.o=n", checks+"_SANITIZE_string.o=n")
		}
	}
	all = append(all, m.counting...)
	if m.name != "" {
		all = append(all, "LOCALVERSION=-"+m.name)
	}
	// Where the cache is must not show in the image: the build id is a hash of
	// the debug information too. It also makes the places of a splat relative
	// to the tree. Of several maps that fit, GCC and gas take the last.
	var prefix []string
	for _, to := range []string{m.dir.obj() + "=.", m.dir.src() + "=.", m.dir.src() + "/="} {
		prefix = append(prefix, "-fdebug-prefix-map="+to)
	}
	if ccache {
		prefix = append(prefix, ccacheMaps...)
	}
	all = append(all, "KCFLAGS="+strings.Join(prefix, " "), "KAFLAGS="+strings.Join(prefix, " "))
	return append(all, m.arch.makeArgs(ccache)...)
}

// run makes targets. What make prints goes to the log of the build directory,
// which the first make of a maker empties; each of its steps is told to line.
func (m *maker) run(ctx context.Context, line func(step string), targets ...string) error {
	flags := os.O_WRONLY | os.O_CREATE | os.O_APPEND
	if !m.ran {
		flags |= os.O_TRUNC
	}
	m.ran = true
	log, err := os.OpenFile(m.dir.log(), flags, 0o666)
	if err != nil {
		return hostError(err)
	}
	defer func() { _ = log.Close() }()
	start, err := log.Seek(0, 2)
	if err != nil {
		return hostError(err)
	}
	cmd := m.command(targets...)
	out := &stepWriter{to: log, step: line}
	cmd.Stdout, cmd.Stderr = out, out
	if _, err := fmt.Fprintf(log, "$ %s\n", cmd); err != nil {
		return hostError(err)
	}

	m.dir.state.Making = time.Now()
	if err := m.dir.save(); err != nil {
		return hostError(err)
	}
	process, err := proc.Start(ctx, cmd)
	if err != nil {
		return hostError(err)
	}
	m.dir.state.Group = process.Pid()
	saved := m.dir.save()
	err = process.Wait()
	var exit *proc.ExitError
	if err != nil && !errors.As(err, &exit) { // the log cannot be written
		return hostError(err)
	}
	if saved != nil {
		return hostError(saved)
	}
	if exit != nil && exit.Signal == syscall.SIGKILL { // the next run cleans up
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return blame.On(blame.Host, fmt.Errorf("make was killed: is the host out of memory? (log: %s)", m.dir.log()))
	}
	m.dir.state.Making, m.dir.state.Group = time.Time{}, 0
	if err := m.dir.save(); err != nil {
		return hostError(err)
	}
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err == nil:
		return nil
	}
	text, readErr := readFrom(m.dir.log(), start)
	if readErr != nil {
		return hostError(readErr)
	}
	return m.failure(text, strings.Join(targets, " "))
}

// maxLog bounds how much of a log is read for its errors.
const maxLog = 16 << 20

func readFrom(name string, offset int64) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	data := make([]byte, max(0, min(info.Size()-offset, maxLog)))
	n, err := f.ReadAt(data, max(offset, info.Size()-maxLog))
	if n == len(data) {
		err = nil
	}
	return string(data[:n]), err
}

// failure says what went wrong in a make that failed.
func (m *maker) failure(text, target string) error {
	if strings.Contains(text, noSpace) {
		return hostError(fmt.Errorf("building the kernel in %s: %w", m.dir.dir, syscall.ENOSPC))
	}
	if trouble := hostTrouble(text); trouble != "" {
		return blame.On(blame.Host, fmt.Errorf("building the kernel: %s (log: %s)", trouble, m.dir.log()))
	}
	e := &BuildError{Target: target, Log: m.dir.log()}
	e.Diagnostics, e.Tail = diagnose(strings.ReplaceAll(text, m.dir.src()+"/", ""))
	return blame.On(blame.Patch, e)
}

// hostTroubles are errors of a build that no patch can cause.
var hostTroubles = []struct {
	pattern *regexp.Regexp
	advice  string
}{
	{regexp.MustCompile(`(?m)^(?:/bin/)?(?:ba|da)?sh: (?:line )?\d+: (\S+): (?:command )?not found$`), ""},
	{regexp.MustCompile(`(?m)fatal error: (?:libelf|gelf|elf)\.h: No such file or directory$`), "install it with: apt-get install libelf-dev"},
	{regexp.MustCompile(`(?m)fatal error: openssl/\S+: No such file or directory$`), "install it with: apt-get install libssl-dev"},
	{regexp.MustCompile(`(?m)(?:fatal error: Killed signal terminated program \S+|virtual memory exhausted.*|Cannot allocate memory)$`), "the host is out of memory"},
}

// hostTrouble returns a line of the log that blames the host, with what to do
// about it, or nothing.
func hostTrouble(text string) string {
	for _, t := range hostTroubles {
		match := t.pattern.FindStringSubmatch(text)
		if match == nil {
			continue
		}
		if len(match) > 1 { // a program
			if _, err := proc.LookPath(match[1]); err != nil {
				return err.Error()
			}
			continue
		}
		return match[0] + ": " + t.advice
	}
	return ""
}

// stepWriter copies make's output to the log and finds its steps.
type stepWriter struct {
	to   *os.File
	step func(string)
	line []byte
}

// maxStep bounds a line that is looked at.
const maxStep = 4 << 10

func (w *stepWriter) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		i := bytes.IndexByte(rest, '\n')
		if i < 0 {
			if len(w.line) < maxStep {
				w.line = append(w.line, rest...)
			}
			break
		}
		if s, ok := buildStep(string(append(w.line, rest[:i]...))); ok && w.step != nil {
			w.step(s)
		}
		w.line, rest = w.line[:0], rest[i+1:]
	}
	return w.to.Write(p)
}

var step = regexp.MustCompile(`^  [A-Z][A-Z0-9_+-]*(?: \[[MR]\])? +\S`)

// buildStep tells whether a line is one that kbuild prints for a step: "  CC
// kernel/fork.o" (scripts/Kbuild.include, quiet_cmd_*).
func buildStep(line string) (string, bool) {
	if !step.MatchString(line) {
		return "", false
	}
	return strings.Join(strings.Fields(line), " "), true
}

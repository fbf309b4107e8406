package doctor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/semver"

	"uetest/internal/needs"
	"uetest/internal/proc"
)

// versionLimit is ample for a program that says its version, also on a busy host.
const versionLimit = 20 * time.Second

// packages looks for everything of the list.
func (e *examiner) packages(ctx context.Context) {
	for _, n := range needs.All() {
		if n.Level == needs.Rare || n.Arch == "x86_64" {
			continue
		}
		if n.Package == "qemu-system-x86" && !e.wants("x86_64") {
			n.Arch = "x86_64" // then only for that one
		}
		f := Finding{Name: n.Package, State: OK}
		f.Level, f.For = e.level(n.Level, n.Arch)
		for _, p := range n.Programs {
			if !has(p) {
				f.Lacking = append(f.Lacking, p)
			}
		}
		for _, h := range n.Headers {
			if has("gcc") && !hasHeader(ctx, h) {
				f.Lacking = append(f.Lacking, "<"+h+">")
			} // without a compiler that is what is lacking
		}
		for _, file := range n.Files {
			if _, err := os.Stat(file); err != nil {
				f.Lacking = append(f.Lacking, file)
			}
		}
		switch {
		case len(f.Lacking) > 0:
			f.State = Lacks
		case n.Package == goPackage:
			e.goCommand(ctx, &f)
		case len(n.Programs) > 0:
			e.version(ctx, n, &f)
		default:
			f.Found = "<" + strings.Join(n.Headers, ">, <") + ">"
			if n.Files != nil {
				f.Found = strings.Join(n.Files, ", ")
			}
		}
		if f.State == Lacks {
			f.Without, f.Get = n.Without, e.get(n)
		}
		e.add(f)
	}
}

// goPackage is older in Debian 12 than go.mod asks for, so that it takes more than
// to install it.
const goPackage = "golang-go"

// get is the command that gets a package.
func (e *examiner) get(n needs.Need) []string {
	switch {
	case n.Package == goPackage:
		return []string{"scripts/setup; then run scripts/uetest, which finds the Go that it fetches"}
	case n.Arch != "" && n.Arch != "x86_64" && e.apt:
		return []string{"scripts/setup --arch " + n.Arch}
	}
	return []string{e.install(n.Package)}
}

func (e *examiner) wants(arch string) bool {
	return slices.Contains(e.Arches, arch)
}

func has(program string) bool {
	_, err := proc.LookPath(program)
	return err == nil
}

func hasHeader(ctx context.Context, name string) bool {
	ctx, cancel := context.WithTimeout(ctx, versionLimit)
	defer cancel()
	return proc.Run(ctx, proc.Cmd{Path: "gcc", Args: []string{"-E", "-x", "c", "-o", "/dev/null", "-"},
		Stdin: strings.NewReader("#include <" + name + ">\n")}) == nil
}

// version asks the first program of a package what it is.
func (e *examiner) version(ctx context.Context, n needs.Need, f *Finding) {
	ctx, cancel := context.WithTimeout(ctx, versionLimit)
	defer cancel()
	out, err := proc.Output(ctx, proc.Cmd{Path: n.Programs[0], Args: []string{"--version"}, Env: append(os.Environ(), "LC_ALL=C")})
	if err != nil {
		f.State, f.Found = Lacks, "does not run: "+reason(err)
		return
	}
	f.Found = parseVersion(string(out))
	if n.Minimum != "" && f.Found != "" && older(f.Found, n.Minimum) {
		f.State, f.Found = Lacks, f.Found+" is too old: Linux asks for "+n.Minimum
	}
}

var (
	parenthesis = regexp.MustCompile(`\([^()]*\)`)
	number      = regexp.MustCompile(`\b\d+(?:\.\d+)+\b`)
)

// parseVersion finds the version in what a program says to --version: the first
// number with dots that is not in parentheses, where distributions and projects
// put their own.
func parseVersion(text string) string {
	return number.FindString(parenthesis.ReplaceAllString(text, ""))
}

// older compares two versions, number by number.
func older(a, b string) bool {
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	for i := range y {
		if i >= len(x) {
			return true
		}
		m, _ := strconv.Atoi(x[i]) // digits alone, by parseVersion
		n, _ := strconv.Atoi(y[i])
		if m != n {
			return m < n
		}
	}
	return false
}

// goCommand tells whether the go command in $PATH is the one that go.mod asks for,
// or can fetch it.
func (e *examiner) goCommand(ctx context.Context, f *Finding) {
	ctx, cancel := context.WithTimeout(ctx, versionLimit)
	defer cancel()
	out, err := proc.Output(ctx, proc.Cmd{Path: "go", Args: []string{"version"}, Env: append(os.Environ(), "GOTOOLCHAIN=local", "GOFLAGS=")})
	if err != nil {
		f.State, f.Found = Lacks, "does not run: "+reason(err)
		return
	}
	f.Found = goNumber(string(out))
	want := wantedGo(e.Root)
	// Since 1.21 the go command fetches the toolchain that a go.mod names.
	switch have := "v" + f.Found; {
	case f.Found == "" || semver.Compare(have, "v"+want) >= 0:
	case semver.Compare(have, "v1.21") >= 0 && os.Getenv("GOTOOLCHAIN") != "local":
		f.State, f.Found = Note, fmt.Sprintf("%s, which fetches %s itself", f.Found, want)
	default:
		f.State, f.Found = Lacks, fmt.Sprintf("%s is older than the %s of go.mod and cannot fetch it", f.Found, want)
	}
}

var goVersion = regexp.MustCompile(`\bgo(\d+(?:\.\d+)+)\b`)

func goNumber(text string) string {
	if m := goVersion.FindStringSubmatch(text); m != nil {
		return m[1]
	}
	return ""
}

// wantedGo is what the go.mod of a source tree asks for; empty if there is none,
// and then root tells.
func wantedGo(root string) string {
	data, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		return ""
	}
	mod, err := modfile.ParseLax("go.mod", data, nil)
	if err != nil || mod.Go == nil {
		return ""
	}
	return mod.Go.Version
}

// firstLine is what of an error fits in a table.
func firstLine(s string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	return line
}

// reason is what an error of a program is about: the last line that it wrote, or
// the error itself.
func reason(err error) string {
	var exit *proc.ExitError
	if errors.As(err, &exit) && strings.TrimSpace(exit.Stderr) != "" {
		lines := strings.Split(strings.TrimSpace(exit.Stderr), "\n")
		return lines[len(lines)-1]
	}
	return firstLine(err.Error())
}

package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"uetest/internal/blame"
	"uetest/internal/manpage"
)

// verbs are the commands that are uetest's own: not cobra's help and completion.
func verbs() []*cobra.Command {
	var list []*cobra.Command
	for _, c := range manpage.Pages(newRoot()) {
		if manpage.Section(c) == manpage.Commands {
			list = append(list, c)
		}
	}
	return list
}

func TestEachVerbAndFlagIsDocumented(t *testing.T) {
	for _, c := range verbs() {
		for what, text := range map[string]string{"Short": c.Short, "Long": c.Long, "Example": c.Example} {
			if text == "" {
				t.Errorf("%s has no %s", c.CommandPath(), what)
			}
		}
		if len(c.Short) > 110 {
			t.Errorf("%s: %q is too long for a line of a list", c.CommandPath(), c.Short)
		}
		for _, line := range strings.Split(c.Long+"\n"+c.Example, "\n") {
			if len([]rune(line)) > 88 {
				t.Errorf("%s: a line of %d columns: %q", c.CommandPath(), len(line), line)
			}
		}
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if f.Usage == "" {
				t.Errorf("%s --%s is not documented", c.CommandPath(), f.Name)
			}
		})
	}
}

// plainFlags take a text that nobody can complete.
var plainFlags = []string{
	"append", "boot-timeout", "cpu", "cross-compile", "memory", "older-than", "origin", "smp", "tester",
}

// A flag that takes a value offers its values, or is one for which there are none.
func TestFlagsOfferTheirValues(t *testing.T) {
	used := map[string]bool{}
	args := map[string]bool{}
	for _, c := range verbs() {
		args[strings.TrimPrefix(c.CommandPath(), "uetest ")] = true
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			used[f.Name] = true
			_, completes := c.GetFlagCompletionFunc(f.Name)
			switch {
			case completes, slices.Contains(plainFlags, f.Name):
			case slices.Contains([]string{"bool", "int", "int64", "uint64", "duration", "float64"}, f.Value.Type()):
			default:
				t.Errorf("%s --%s offers no values", c.CommandPath(), f.Name)
			}
		})
	}
	for name := range flagValues {
		if !used[name] {
			t.Errorf("there are values for --%s, which no verb has", name)
		}
	}
	for _, name := range plainFlags {
		if !used[name] {
			t.Errorf("no verb has the flag --%s", name)
		}
	}
	for path := range verbArgs {
		if !args[path] {
			t.Errorf("there are arguments for uetest %s, which is no verb", path)
		}
	}
}

func TestExamplesAreTakenByTheirVerbs(t *testing.T) {
	for _, c := range verbs() {
		for _, line := range strings.Split(c.Example, "\n") {
			if rest, ok := strings.CutPrefix(strings.TrimSpace(line), "uetest "); ok {
				if err := taken(rest); err != nil {
					t.Errorf("%s: %q: %v", c.CommandPath(), line, err)
				}
			}
		}
	}
}

// shown is a command of uetest in a page: indented, with a prompt or without.
var shown = regexp.MustCompile(`(?m)^(?:    |)(?:\$ )?(?:[A-Z_]+=\S* )*(?:scripts/)?uetest ([a-z].*)$`)

// inBlock tells a command from a sentence that begins so.
var inBlock = regexp.MustCompile(`^(?:    |\$ |scripts/)`)

func TestCommandsInTheDocsAreTaken(t *testing.T) {
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, page := range append(pages, "../../README.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range shown.FindAllStringSubmatch(string(text), -1) {
			// Forms of a command, and what was shortened.
			if !inBlock.MatchString(m[0]) || strings.ContainsAny(m[1], "[…") || strings.HasSuffix(m[1], "\\") {
				continue
			}
			checked++
			if err := taken(m[1]); err != nil {
				t.Errorf("%s: %q: %v", filepath.Base(page), m[0], err)
			}
		}
	}
	if checked < 80 {
		t.Errorf("only %d commands found", checked)
	}
}

var (
	word = regexp.MustCompile(`(?:'[^']*'|"[^"]*"|[^\s'"])+`)
	// behind a command: two blanks, a comment, and what the shell does with it.
	behind = regexp.MustCompile(`\s{2,}.*|\t.*| #.*| (?:[|<>]|&&) .*|;.*`)
)

// taken says why uetest does not take a command line, if it does not.
func taken(line string) error {
	var args []string
	for _, w := range word.FindAllString(behind.ReplaceAllString(line, ""), -1) {
		args = append(args, strings.NewReplacer("'", "", `"`, "").Replace(w))
	}
	root := newRoot()
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	of, left, err := root.Find(args)
	if err != nil {
		return err
	}
	if err := of.ParseFlags(left); err != nil {
		return err
	}
	return of.ValidateArgs(of.Flags().Args())
}

func TestExitCodesAreThoseOfBlame(t *testing.T) {
	var want []string
	for _, p := range []blame.Party{0, blame.Test, blame.Usage, blame.Patch, blame.Nothing, blame.Kernel, blame.Host, blame.User} {
		want = append(want, fmt.Sprint(int(p)))
	}
	var got []string
	for _, line := range strings.Split(exitCodes, "\n") {
		got = append(got, strings.Fields(line)[0])
	}
	if !slices.Equal(got, want) {
		t.Errorf("help tells of %v, there are %v", got, want)
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(exitCodes, "\n") {
		code, text, _ := strings.Cut(strings.TrimSpace(line), " ")
		if row := "| " + code + " | " + strings.TrimSpace(text) + " |"; !strings.Contains(string(readme), row) {
			t.Errorf("README.md has no row %q", row)
		}
	}
}

// readsVariable finds the variables that the program's own code reads.
var readsVariable = regexp.MustCompile(`(?:Getenv|LookupEnv)\("([A-Z_]+)"\)|Variable\s*=\s*"(UETEST_[A-Z_]+)"`)

func TestEnvironmentIsDocumented(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range readsVariable.FindAllStringSubmatch(string(text), -1) {
			seen++
			if name := m[1] + m[2]; !strings.Contains(topicEnvironment, "\n  "+name+" ") {
				t.Errorf("%s reads %s, of which 'uetest help environment' says nothing", file, name)
			}
		}
	}
	if seen < 6 {
		t.Errorf("only %d variables found", seen)
	}
}

// The pages are read by a man that is there.
func TestManPagesRenderWithoutAWarning(t *testing.T) {
	man, err := exec.LookPath("man")
	if err != nil {
		t.Skip("there is no man: apt-get install man-db groff")
	}
	if _, err := exec.LookPath("groff"); err != nil {
		t.Skip("there is no groff: apt-get install groff")
	}
	dir := t.TempDir()
	var stdout, stderr bytes.Buffer
	if code := run([]string{"man", "--dir", dir}, strings.NewReader(""), &stdout, &stderr); code != 0 {
		t.Fatalf("uetest man --dir: exit code %d\n%s", code, stderr.String())
	}
	pages, err := filepath.Glob(filepath.Join(dir, "man?", "uetest*"))
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("%d pages below %s\n", len(pages), dir); stdout.String() != want || len(pages) < 25 {
		t.Errorf("got %q and %d files", stdout.String(), len(pages))
	}
	for _, page := range pages {
		cmd := exec.CommandContext(t.Context(), man, "--warnings", "-l", page)
		cmd.Env = append(os.Environ(), "MANWIDTH=100", "LC_ALL=C.UTF-8", "MAN_KEEP_FORMATTING=", "PAGER=cat", "MANPAGER=cat", "GROFF_NO_SGR=1")
		var out, warnings bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &warnings
		if err := cmd.Run(); err != nil || warnings.Len() > 0 {
			t.Errorf("%s: %v\n%s", filepath.Base(page), err, warnings.String())
		}
		name := strings.TrimSuffix(filepath.Base(page), filepath.Ext(page))
		nothingLost(t, name, out.String())
	}
}

// BSD's reader of manual pages says what is not as man(7) has it.
func TestManPagesAreFreeOfLint(t *testing.T) {
	mandoc, err := exec.LookPath("mandoc")
	if err != nil {
		t.Skip("there is no mandoc: apt-get install mandoc")
	}
	dir := t.TempDir()
	var stdout, stderr bytes.Buffer
	if code := run([]string{"man", "--dir", dir}, strings.NewReader(""), &stdout, &stderr); code != 0 {
		t.Fatalf("uetest man --dir: exit code %d\n%s", code, stderr.String())
	}
	pages, err := filepath.Glob(filepath.Join(dir, "man?", "uetest*"))
	if err != nil || len(pages) < 25 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	out, _ := exec.CommandContext(t.Context(), mandoc, append([]string{"-T", "lint", "-W", "warning"}, pages...)...).CombinedOutput() // its exit code is that of the worst
	dates := 0
	for line := range strings.Lines(string(out)) {
		if strings.HasSuffix(strings.TrimSpace(line), `missing date, using "": TH`) {
			dates++ // a page of no day is the same each time
			continue
		}
		t.Error(strings.TrimSpace(line))
	}
	if dates != len(pages) {
		t.Errorf("%d pages were read, not %d", dates, len(pages))
	}
}

// nothingLost compares a rendered page with the command that it is of, word by
// word: roff takes some characters for something else, and lines for macros.
func nothingLost(t *testing.T, name, page string) {
	t.Helper()
	plain := strings.NewReplacer("‐\n", "", "-\n", "-").Replace(regexp.MustCompile(".\b").ReplaceAllString(page, ""))
	plain = strings.Join(strings.Fields(plain), "")
	root := newRoot()
	root.InitDefaultCompletionCmd()
	for _, c := range manpage.Pages(root) {
		if manpage.Name(c) != name {
			continue
		}
		texts := []string{c.Short, c.Long, c.Example}
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			_, usage := pflag.UnquoteUsage(f)
			texts = append(texts, "--"+f.Name, usage)
		})
		for _, text := range texts {
			for _, w := range strings.Fields(strings.ReplaceAll(text, "…", "...")) {
				if !strings.Contains(plain, w) {
					t.Errorf("%s: the page has no %q", name, w)
				}
			}
		}
		return
	}
	t.Errorf("%s is a page of nothing", name)
}

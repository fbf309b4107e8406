package kernel

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// A BuildError is a make that failed on what it was given: code that does not
// compile or link, or a Kconfig file that does not parse.
type BuildError struct {
	Target      string       // of make: "vmlinux"
	Diagnostics []Diagnostic // errors, in the order in which they were printed
	Tail        []string     // the end of the log if there is no diagnostic
	Log         string       // path of all that make printed; the next build overwrites it
}

// Diagnostic is one error of a compiler, a linker or another tool of the
// build.
type Diagnostic struct {
	File    string // path in the kernel tree, empty if the tool names none
	Line    int    // from 1, 0 if unknown
	Column  int    // from 1, 0 if unknown
	Message string // without place and severity
	// Lines is what the tool printed: where it was included from, the function,
	// the error itself, the code with its marks, notes.
	Lines []string
}

// maxShown is how many diagnostics an error prints; the log has them all.
const maxShown = 5

func (e *BuildError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "the kernel does not build (make %s):", e.Target)
	for i, d := range e.Diagnostics {
		if i == maxShown {
			fmt.Fprintf(&b, "\nand %d more errors", len(e.Diagnostics)-i)
			break
		}
		b.WriteString("\n" + strings.Join(d.Lines, "\n"))
	}
	for _, line := range e.Tail {
		b.WriteString("\n" + line)
	}
	fmt.Fprintf(&b, "\nlog: %s", e.Log)
	return b.String()
}

// The lines of GCC's and Clang's text diagnostics, of Kconfig's parser and of
// GNU ld.
var (
	// kernel/fork.c:12:3: error: …, and conf's kernel/Kconfig:12: syntax error
	located = regexp.MustCompile(`^([^\s:]+):(\d+):(?:(\d+):)? (?:(error|fatal error|warning|note): )?(.*)$`)
	// In file included from a.h:1, and its continuation
	included = regexp.MustCompile(`^(?:In file included from |                 from )\S+:\d+`)
	// kernel/fork.c: In function 'f':
	inFunction = regexp.MustCompile(`^\S+: (?:In function|At top level|In member function)`)
	// "   12 |  code" and "      |  ^~~"
	codeLine = regexp.MustCompile(`^\s+(?:\d+ )?\|`)
	// ld: file.o: in function `f': and what follows
	inObject = regexp.MustCompile(`^(?:\S*ld: )?(\S+\.o): in function `)
	linker   = regexp.MustCompile(`^(?:\S*ld: )?(?:(\S+?):(?:\(\S+\)|(\d+)): )?(undefined reference to .*|multiple definition of .*|cannot find .*)$`)
	// make[4]: *** No rule to make target 'x.o', needed by 'built-in.a'.  Stop.
	noRule = regexp.MustCompile(`^make(?:\[\d+\])?: \*\*\* (No rule to make target .*?)\.?(?:  Stop\.)?$`)
	// ERROR: modpost: …, error: objtool: …
	otherTool = regexp.MustCompile(`^(?:ERROR|error|FAILED)[: ]`)
)

// diagnose cuts the errors out of what make printed, or returns the end of it
// if there is none. Lines of different targets may be interleaved by whole
// lines; a context line goes to the diagnostic before it.
func diagnose(text string) (found []Diagnostic, tail []string) {
	var before []string // context that comes ahead of an error
	open := -1          // the diagnostic that context lines go to
	all := strings.Split(strings.TrimRight(text, "\n"), "\n")
	for _, line := range all {
		if len(line) > maxStep {
			line = line[:maxStep]
		}
		if d, severity, ok := parseDiagnostic(line); ok {
			switch severity {
			case "error":
				d.Lines = append(before, line)
				found = append(found, d)
				open = len(found) - 1
			case "note":
				if open >= 0 {
					found[open].Lines = append(found[open].Lines, line)
				}
			default: // a warning and its context are not why it failed
				open = -1
			}
			before = nil
			continue
		}
		switch {
		case included.MatchString(line), inFunction.MatchString(line), inObject.MatchString(line):
			if open >= 0 && !included.MatchString(line) || len(before) == 0 {
				open = -1
			}
			before = append(before, line)
		case codeLine.MatchString(line):
			if open >= 0 {
				found[open].Lines = append(found[open].Lines, line)
			}
		}
	}
	if found == nil {
		tail = lastLines(all, 20)
	}
	return found, tail
}

// parseDiagnostic reads the main line of a diagnostic.
func parseDiagnostic(line string) (d Diagnostic, severity string, ok bool) {
	if m := linker.FindStringSubmatch(line); m != nil {
		n, _ := strconv.Atoi(m[2]) // empty for a place in an object
		return Diagnostic{File: m[1], Line: n, Message: m[3]}, "error", true
	}
	if m := noRule.FindStringSubmatch(line); m != nil {
		return Diagnostic{Message: m[1]}, "error", true
	}
	if otherTool.MatchString(line) {
		return Diagnostic{Message: line}, "error", true
	}
	m := located.FindStringSubmatch(line)
	if m == nil {
		return Diagnostic{}, "", false
	}
	d = Diagnostic{File: m[1], Message: m[5]}
	var err error
	if d.Line, err = strconv.Atoi(m[2]); err != nil {
		return Diagnostic{}, "", false
	}
	if m[3] != "" {
		if d.Column, err = strconv.Atoi(m[3]); err != nil {
			return Diagnostic{}, "", false
		}
	}
	switch severity = m[4]; severity {
	case "fatal error":
		severity = "error"
	case "":
		if kconfigWord.MatchString(d.Message) || makeStop.MatchString(d.Message) {
			severity = "error"
			break
		}
		if asmError.MatchString(d.Message) {
			severity = "error"
			break
		}
		return Diagnostic{}, "", false
	}
	return d, severity, true
}

var (
	// scripts/kconfig/parser.y, lexer.l: "file:line: syntax error"
	kconfigWord = regexp.MustCompile(`^(?:syntax error|invalid |unknown |unexpected |can't open file|recursive dependency|recursive inclusion|multi-line strings)`)
	// "Makefile:12: *** missing separator.  Stop."
	makeStop = regexp.MustCompile(`^\*\*\* .*Stop\.$`)
	// as: "file.S:12: Error: …"
	asmError = regexp.MustCompile(`^Error: `)
)

func lastLines(lines []string, n int) []string {
	return lines[max(0, len(lines)-n):]
}

// Package mutant makes small patches, mutants, each of which breaks one thing in
// the lines that a patch added: a statement is left out, a condition negated, a bit
// cleared that was set, a constant changed, a lock not taken, a hunk put back.
//
// It knows as much of C as that takes and compiles nothing. What it makes is
// different from the file in what is compiled, and what can't be compiled for
// certain, a declaration left out or the value of a function, it does not make. The
// lines keep their numbers, so that a mutant that compiles to the same code can be
// told by that.
package mutant

import (
	"fmt"
	"math/rand/v2"
	"path"
	"regexp"
	"slices"
	"strings"

	"uetest/internal/patch"
)

// The operators, in the order in which a list names them.
const (
	DropStatement    = "drop-statement"
	DropLock         = "drop-lock"
	DropReference    = "drop-reference"
	NegateCondition  = "negate-condition"
	DropOperand      = "drop-operand"
	ChangeComparison = "change-comparison"
	Swap             = "swap"
	ChangeConstant   = "change-constant"
	RevertHunk       = "revert-hunk"
)

// Operators are all of them.
var Operators = []string{DropStatement, DropLock, DropReference, NegateCondition, DropOperand, ChangeComparison, Swap, ChangeConstant, RevertHunk}

// File is a file that a patch changed.
type File struct {
	patch.ChangedFile
	Text []byte // as the patch leaves it
}

// Mutant is a patch that goes on top of the one whose lines it breaks.
type Mutant struct {
	// ID names it: file, function, operator, and what it is about. It holds no
	// line number, so it stays when the patch changes elsewhere.
	ID       string
	Operator string
	File     string
	Function string // empty: outside of any
	Line     int    // the first that it changes, in File
	Breaks   string // what is broken, in a line
	Diff     string
}

// Text is the mutant as a patch that says of itself what it breaks.
func (m *Mutant) Text() []byte { return []byte(m.Breaks + "\n\n" + m.Diff) }

// Change returns the lines that the mutant takes away and puts in, without what
// tells where: "-" or "+" and the text.
func (m *Mutant) Change() []string {
	var list []string
	for _, l := range strings.Split(m.Diff, "\n") {
		if strings.HasPrefix(l, "---") || strings.HasPrefix(l, "+++") || l == "" || l[0] != '-' && l[0] != '+' {
			continue
		}
		if t := strings.TrimSpace(l[1:]); t != "" {
			list = append(list, l[:1]+t)
		}
	}
	return list
}

// Generate makes the mutants of what the patch added to the C files among files, in
// their order and in that of the lines.
func Generate(files []File) []Mutant {
	var all []Mutant
	bases := map[string]int{}
	for _, f := range files {
		bases[path.Base(f.Path)]++
	}
	for _, f := range files {
		if ext := path.Ext(f.Path); ext != ".c" && ext != ".h" {
			continue
		}
		g := newGenerator(f)
		if bases[path.Base(f.Path)] == 1 {
			g.name = path.Base(f.Path)
		}
		all = append(all, g.all()...)
	}
	return all
}

// Sample chooses n of list by seed, in the order of list.
func Sample[T any](list []T, n int, seed uint64) []T {
	if n >= len(list) {
		return list
	}
	at := rand.New(rand.NewPCG(seed, 0)).Perm(len(list))[:n]
	slices.Sort(at)
	var some []T
	for _, i := range at {
		some = append(some, list[i])
	}
	return some
}

// generator makes the mutants of one file.
type generator struct {
	*source
	file  File
	name  string // of the file, in ids
	added map[int]bool
	funcs []function
	list  []Mutant
	ids   map[string]int
	seen  map[string]bool // diffs
}

func newGenerator(f File) *generator {
	g := &generator{source: newSource(string(f.Text)), file: f, name: f.Path, added: map[int]bool{}, ids: map[string]int{}, seen: map[string]bool{}}
	for _, h := range f.Hunks {
		for _, l := range h.Lines {
			if l.Op == patch.Added {
				g.added[l.Number] = true
			}
		}
	}
	g.funcs = g.functions()
	return g
}

func (g *generator) all() []Mutant {
	for _, f := range g.funcs {
		for _, st := range g.statements(f) {
			g.statement(f, st)
		}
		g.locks(f)
	}
	g.tokensOf()
	g.hunks()
	// Those of a line stand together; of one line they stay in the order of the
	// operators, since that is how they were made.
	slices.SortStableFunc(g.list, func(a, b Mutant) int { return a.Line - b.Line })
	return g.list
}

// edit replaces bytes of the file.
type edit struct {
	from, to int
	text     string
}

// edits are made together.
type edits []edit

// apply makes the edits, each of which keeps the number of lines: what it lacks of
// them is put in behind it.
func (e edits) apply(src string) string {
	var b strings.Builder
	at := 0
	for _, one := range e {
		b.WriteString(src[at:one.from])
		b.WriteString(one.text)
		b.WriteString(strings.Repeat("\n", max(0, strings.Count(src[one.from:one.to], "\n")-strings.Count(one.text, "\n"))))
		at = one.to
	}
	b.WriteString(src[at:])
	return b.String()
}

// isAdded tells whether one of the tokens stands on an added line.
func (g *generator) isAdded(from, to int) bool {
	for i := from; i <= to && i < len(g.tokens); i++ {
		if g.added[g.tokens[i].line] {
			return true
		}
	}
	return false
}

// maxAbout bounds the last part of an id.
const maxAbout = 40

var notInID = regexp.MustCompile(`[^A-Za-z0-9_]+`)

// put adds a mutant, unless nothing that is compiled comes of it, or what comes of
// it is there.
func (g *generator) put(f *function, operator, about, breaks string, e edits) {
	after := e.apply(g.src)
	if sameCode(g.src, after) {
		return
	}
	diff, line := unified(g.file.Path, g.src, after)
	g.add(f, operator, about, breaks, diff, line)
}

func (g *generator) add(f *function, operator, about, breaks, diff string, line int) {
	if diff == "" || g.seen[diff] {
		return
	}
	g.seen[diff] = true
	m := Mutant{Operator: operator, File: g.file.Path, Line: line, Breaks: breaks, Diff: diff}
	parts := []string{g.name}
	if f != nil {
		m.Function = f.name
		parts = append(parts, f.name)
	}
	parts = append(parts, operator)
	about = strings.Trim(notInID.ReplaceAllString(about, "-"), "-")
	if len(about) > maxAbout {
		about = strings.TrimRight(about[:maxAbout], "-")
	}
	if about != "" {
		parts = append(parts, about)
	}
	m.ID = strings.Join(parts, ":")
	if g.ids[m.ID]++; g.ids[m.ID] > 1 {
		m.ID += fmt.Sprintf(":%d", g.ids[m.ID])
	}
	g.list = append(g.list, m)
}

// in returns the function that a token is in.
func (g *generator) in(i int) *function {
	for k := range g.funcs {
		if f := &g.funcs[k]; i > f.open && i < f.shut {
			return f
		}
	}
	return nil
}

// sameCode tells whether two texts are the same to a compiler: but for comments,
// blanks and what they include.
func sameCode(a, b string) bool {
	x, y := code(a), code(b)
	return slices.Equal(x, y)
}

func code(src string) []string {
	s := newSource(src)
	var list []string
	for i, t := range s.tokens {
		word := s.at(i)
		if t.kind == directive {
			word = s.span(i, i)
			if strings.HasPrefix(strings.TrimSpace(word[1:]), "include") {
				continue
			}
		}
		if word != ";" || len(list) == 0 || list[len(list)-1] != ";" { // one is as good as two
			list = append(list, word)
		}
	}
	return list
}

// Nothing is a patch of the first C file with an empty line: it puts a blank there,
// which compiles to the same. A kernel with it is one with a mutant in every other
// way. It is nil if there is no such line.
func Nothing(files []File) []byte {
	for _, f := range files {
		if path.Ext(f.Path) != ".c" {
			continue
		}
		src := string(f.Text)
		if i := strings.Index(src, "\n\n"); i >= 0 {
			diff, _ := unified(f.Path, src, src[:i+1]+" "+src[i+1:])
			return []byte("a blank\n\n" + diff)
		}
	}
	return nil
}

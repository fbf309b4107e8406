package kernel

import (
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// kconfig is what the Kconfig files of a tree say of its symbols, as far as it
// takes to explain why an option did not come out as asked. The language is
// that of Documentation/kbuild/kconfig-language.rst; macros that run programs
// are kept as text.
type kconfig struct {
	tree    fs.FS
	vars    map[string]string // $(SRCARCH) and the like in source lines
	symbols map[string]*symbol
}

// place is a line of a Kconfig file.
type place struct {
	file string
	line int
}

func (p place) String() string { return fmt.Sprintf("%s:%d", p.file, p.line) }

type symbol struct {
	definitions []*definition
	selectedBy  []conditional // text is the name of the symbol that selects
}

// definition is one "config NAME" block; a symbol may have several.
type definition struct {
	place
	prompt   bool
	promptIf []conditional // all must hold for the prompt to be shown
	depends  []conditional // of the block and of what encloses it
	defaults []conditional // text is the value
	ranges   []conditional // text is "min max"
	choice   *choice
}

type choice struct{ members []string }

// conditional is a line with a condition; cond is nil if there is none.
type conditional struct {
	place
	text string
	cond *expr
}

// maxKconfigFiles and maxSourceDepth bound a tree whose files source each
// other; 6.12 has some 1,600 files, 7 deep.
const (
	maxKconfigFiles = 20000
	maxSourceDepth  = 40
)

// readKconfig reads the Kconfig file at the top of tree and all it sources.
// What it cannot read or parse it leaves out: the answer to "why" may then be
// shorter, never wrong.
func readKconfig(tree fs.FS, vars map[string]string) *kconfig {
	k := &kconfig{tree: tree, vars: vars, symbols: map[string]*symbol{}}
	p := &kconfigParser{kconfig: k}
	p.file("Kconfig", 0)
	return k
}

func (k *kconfig) symbol(name string) *symbol {
	s := k.symbols[name]
	if s == nil {
		s = &symbol{}
		k.symbols[name] = s
	}
	return s
}

type kconfigParser struct {
	*kconfig
	files  int
	frames []*frame
	// The block that attribute lines belong to: a symbol, or the last frame.
	current     *definition
	currentName string
}

// frame is an open if, menu or choice.
type frame struct {
	depends []conditional
	visible []conditional
	choice  *choice
}

func (p *kconfigParser) file(name string, depth int) {
	p.files++
	if depth > maxSourceDepth || p.files > maxKconfigFiles {
		return
	}
	data, err := fs.ReadFile(p.tree, path.Clean(name))
	if err != nil {
		return
	}
	lines := strings.Split(string(data), "\n")
	help := -1 // indentation of the help text; -1 outside of it, 0 before its first line
	for i := 0; i < len(lines); i++ {
		at := place{name, i + 1}
		line := lines[i]
		if help >= 0 {
			in := indentation(line)
			if strings.TrimSpace(line) == "" || help == 0 && in > 0 || help > 0 && in >= help {
				if help == 0 && strings.TrimSpace(line) != "" {
					help = in
				}
				continue
			}
			help = -1
		}
		for strings.HasSuffix(line, `\`) && i+1 < len(lines) {
			i++
			line = strings.TrimSuffix(line, `\`) + " " + lines[i]
		}
		word, rest, _ := strings.Cut(strings.TrimSpace(strings.ReplaceAll(line, "\t", " ")), " ")
		rest = strings.TrimSpace(rest)
		switch word {
		case "help", "---help---":
			help = 0
		case "source", "osource", "rsource", "orsource":
			included := p.expand(unquote(rest))
			if strings.Contains(word, "rs") {
				included = path.Join(path.Dir(name), included)
			}
			p.current = nil
			p.file(included, depth+1)
		default:
			p.statement(at, word, rest)
		}
	}
}

// expand puts in the variables of a source line.
func (p *kconfigParser) expand(s string) string {
	for name, value := range p.vars {
		s = strings.ReplaceAll(s, "$("+name+")", value)
		s = strings.ReplaceAll(s, "$"+name, value)
	}
	return s
}

func (p *kconfigParser) statement(at place, word, rest string) {
	switch word {
	case "config", "menuconfig":
		p.define(at, rest)
	case "choice":
		p.open(&frame{choice: &choice{}})
	case "menu":
		p.open(&frame{})
	case "if":
		p.open(&frame{depends: p.conditionals(at, "if "+rest, rest)})
	case "endif", "endmenu", "endchoice":
		if len(p.frames) > 0 {
			p.frames = p.frames[:len(p.frames)-1]
		}
		p.current = nil
	case "comment", "mainmenu":
		p.current = &definition{} // its depends belong to nobody
		p.currentName = ""
	default:
		p.attribute(at, word, rest)
	}
}

func (p *kconfigParser) open(f *frame) {
	p.frames = append(p.frames, f)
	p.current = nil
}

func (p *kconfigParser) define(at place, name string) {
	if !validName(name) {
		p.current = &definition{}
		return
	}
	d := &definition{place: at}
	for _, f := range p.frames {
		d.depends = append(d.depends, f.depends...)
		d.promptIf = append(d.promptIf, f.visible...)
		if f.choice != nil {
			d.choice = f.choice
			f.choice.members = append(f.choice.members, name)
		}
	}
	s := p.symbol(name)
	s.definitions = append(s.definitions, d)
	p.current, p.currentName = d, name
}

// attribute reads a line that belongs to the current block.
func (p *kconfigParser) attribute(at place, word, rest string) {
	if word == "depends" {
		on := p.conditionals(at, "depends "+rest, strings.TrimPrefix(rest, "on"))
		if p.current != nil {
			p.current.depends = append(p.current.depends, on...)
		} else if len(p.frames) > 0 {
			f := p.frames[len(p.frames)-1]
			f.depends = append(f.depends, on...)
		}
		return
	}
	if word == "visible" && p.current == nil && len(p.frames) > 0 {
		f := p.frames[len(p.frames)-1]
		f.visible = append(f.visible, p.conditionals(at, "visible "+rest, strings.TrimPrefix(rest, "if"))...)
		return
	}
	d := p.current
	if d == nil {
		return
	}
	value, cond := splitIf(rest)
	line := conditional{place: at, text: value}
	if cond != "" {
		e, err := parseExpr(cond)
		if err != nil {
			return
		}
		line.cond = e
	}
	switch word {
	case "bool", "tristate", "string", "int", "hex", "prompt":
		if value != "" {
			d.prompt = true
			if line.cond != nil {
				d.promptIf = append(d.promptIf, line)
			}
		}
	case "default", "def_bool", "def_tristate":
		d.defaults = append(d.defaults, line)
	case "range":
		d.ranges = append(d.ranges, line)
	case "select":
		if validName(value) && p.currentName != "" {
			s := p.symbol(value)
			line.text = p.currentName
			s.selectedBy = append(s.selectedBy, line)
		}
	}
}

// conditionals returns the line as a condition, or nothing if it cannot be
// parsed.
func (p *kconfigParser) conditionals(at place, text, cond string) []conditional {
	e, err := parseExpr(cond)
	if err != nil {
		return nil
	}
	if i := strings.Index(text, " #"); i >= 0 {
		text = text[:i]
	}
	return []conditional{{place: at, text: strings.Join(strings.Fields(text), " "), cond: e}}
}

// splitIf splits "value if condition" where the "if" is a word of its own and
// not part of a quoted text.
func splitIf(s string) (value, cond string) {
	tokens := exprTokens(s)
	for i, t := range tokens {
		if t == "if" {
			return strings.Join(tokens[:i], " "), strings.Join(tokens[i+1:], " ")
		}
	}
	return strings.Join(tokens, " "), ""
}

func unquote(s string) string { return strings.Trim(s, `"' `) }

// indentation is the column of the first character that is not a blank.
func indentation(line string) int {
	n := 0
	for _, c := range []byte(line) {
		switch c {
		case ' ':
			n++
		case '\t':
			n += 8 - n%8
		default:
			return n
		}
	}
	return n
}

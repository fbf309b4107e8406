package kernel

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"uetest/internal/blame"
)

// option is one setting that a fragment asks for.
type option struct {
	name  string // without CONFIG_
	value string // y, m, n for "is not set", a number, or a quoted string verbatim
	file  string
	line  int
}

func (o option) String() string { return setting(o.name, o.value) }

// setting is a line of .config as scripts/kconfig/confdata.c writes it.
func setting(name, value string) string {
	if value == "n" {
		return "# CONFIG_" + name + " is not set"
	}
	return "CONFIG_" + name + "=" + value
}

// parseFragment reads the settings of a fragment. Unlike a .config it may hold
// no line that means nothing, and no option twice with different values: both
// are mistakes that would otherwise go unseen.
func parseFragment(f Fragment) ([]option, error) {
	var options []option
	seen := map[string]option{}
	for i, line := range strings.Split(f.Text, "\n") {
		line = strings.TrimSpace(line)
		name, value, ok := parseSetting(line)
		if !ok {
			if line == "" || strings.HasPrefix(line, "#") && !strings.HasPrefix(line, "# CONFIG_") {
				continue
			}
			return nil, blame.On(blame.Usage, fmt.Errorf(`%s:%d: expected "CONFIG_NAME=value", "# CONFIG_NAME is not set" or a comment, found %q`, f.Name, i+1, shorten(line)))
		}
		o := option{name, value, f.Name, i + 1}
		if before, twice := seen[name]; twice && before.value != value {
			return nil, blame.On(blame.Usage, fmt.Errorf("%s:%d: %s contradicts line %d: %s", f.Name, o.line, o, before.line, before))
		}
		seen[name] = o
		options = append(options, o)
	}
	return options, nil
}

// parseSetting reads one line of a .config. ok is false for a line that sets
// nothing.
func parseSetting(line string) (name, value string, ok bool) {
	if rest, is := strings.CutPrefix(line, "# CONFIG_"); is {
		name, ok = strings.CutSuffix(rest, " is not set")
		return name, "n", ok && validName(name)
	}
	rest, is := strings.CutPrefix(line, "CONFIG_")
	if !is {
		return "", "", false
	}
	name, value, ok = strings.Cut(rest, "=")
	if !ok || !validName(name) || !validValue(value) {
		return "", "", false
	}
	return name, value, true
}

func validName(s string) bool {
	for _, c := range []byte(s) {
		switch {
		case c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '_':
		default:
			return false
		}
	}
	return s != ""
}

func validValue(s string) bool {
	switch s {
	case "y", "m", "n":
		return true
	}
	if strings.HasPrefix(s, `"`) {
		return validString(s)
	}
	_, err := strconv.ParseInt(s, 0, 64)
	if err != nil {
		_, err = strconv.ParseUint(s, 0, 64)
	}
	return err == nil && !strings.Contains(s, "_")
}

// validString tells whether s is one quoted string in which a backslash
// escapes a quote or a backslash (scripts/kconfig/confdata.c, escape_string_value).
func validString(s string) bool {
	if len(s) < 2 || s[len(s)-1] != '"' {
		return false
	}
	for i, in := 0, s[1:len(s)-1]; i < len(in); i++ {
		switch in[i] {
		case '"':
			return false
		case '\\':
			if i++; i == len(in) {
				return false
			}
		}
	}
	return true
}

// config is the settings of a .config by name; an option that is not set is
// missing or "n".
type config map[string]string

// parseConfig reads a .config. Lines that set nothing are comments.
func parseConfig(text string) config {
	c := config{}
	for line := range strings.Lines(text) {
		if name, value, ok := parseSetting(strings.TrimSpace(line)); ok {
			c[name] = value
		}
	}
	return c
}

// get returns the value of an option, "n" if it is not set.
func (c config) get(name string) string {
	if v, ok := c[name]; ok {
		return v
	}
	return "n"
}

// has tells whether o came out as asked.
func (c config) has(o option) bool {
	return sameValue(c.get(o.name), o.value)
}

// sameValue compares numbers as numbers: 0x10 is 16.
func sameValue(a, b string) bool {
	if a == b {
		return true
	}
	x, y, ok := numbers(a, b)
	return ok && x == y
}

// numbers returns a and b as numbers if both are.
func numbers(a, b string) (x, y int64, ok bool) {
	x, errX := strconv.ParseInt(a, 0, 64)
	y, errY := strconv.ParseInt(b, 0, 64)
	return x, y, errX == nil && errY == nil
}

// mergeFragments returns what the fragments ask for together: each option
// once, as the last one that names it has it, sorted by name.
func mergeFragments(fragments []Fragment) ([]option, error) {
	var all []option
	for _, f := range fragments {
		options, err := parseFragment(f)
		if err != nil {
			return nil, err
		}
		all = append(all, options...)
	}
	last := map[string]int{}
	for i, o := range all {
		last[o.name] = i
	}
	var merged []option
	for i, o := range all {
		if last[o.name] == i {
			merged = append(merged, o)
		}
	}
	// Which fragment says it makes no other kernel.
	slices.SortFunc(merged, func(a, b option) int { return strings.Compare(a.name, b.name) })
	return merged, nil
}

// mergeInto returns base with the options put in place of its own lines for
// them. They are last, so that of a choice the member they ask for wins.
func mergeInto(base string, options []option) string {
	asked := map[string]bool{}
	for _, o := range options {
		asked[o.name] = true
	}
	var b strings.Builder
	for line := range strings.Lines(base) {
		if name, _, ok := parseSetting(strings.TrimSpace(line)); ok && asked[name] {
			continue
		}
		b.WriteString(strings.TrimSuffix(line, "\n") + "\n")
	}
	for _, o := range options {
		b.WriteString(o.String() + "\n")
	}
	return b.String()
}

// A ConfigError is the options that did not come out of make olddefconfig as
// the fragments asked.
type ConfigError struct {
	Options []OptionError
}

// OptionError is one option that vanished or changed.
type OptionError struct {
	File, Asked string   // the fragment, and its line's text
	Line        int      //
	Got         string   // the line of .config it became
	Why         []string // dependencies that are not met, with their place in Kconfig
}

func (e *ConfigError) Error() string {
	var b strings.Builder
	n := len(e.Options)
	if n == 1 {
		b.WriteString("an option of the configuration did not come out as asked:")
	} else {
		fmt.Fprintf(&b, "%d options of the configuration did not come out as asked:", n)
	}
	for _, o := range e.Options {
		b.WriteString("\n" + o.String())
	}
	b.WriteString("\nmeet its dependencies in a fragment, or take the line out")
	return b.String()
}

func (o OptionError) String() string {
	s := fmt.Sprintf("%s:%d: asked for %s, got %s", o.File, o.Line, o.Asked, o.Got)
	for _, w := range o.Why {
		s += "\n    " + w
	}
	return s
}

// check compares got with what was asked. explain says why an option may not
// have the value that was asked; it is called only for those that differ.
func check(asked []option, got config, explain func(option, config) []string) error {
	e := &ConfigError{}
	for _, o := range asked {
		if !got.has(o) {
			e.Options = append(e.Options, OptionError{
				File: o.file, Line: o.line, Asked: o.String(),
				Got: setting(o.name, got.get(o.name)),
				Why: explain(o, got),
			})
		}
	}
	if e.Options == nil {
		return nil
	}
	return blame.On(blame.Patch, e)
}

func shorten(s string) string {
	if len(s) > 80 {
		return s[:77] + "..."
	}
	return s
}

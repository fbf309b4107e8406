package kernel

import (
	"fmt"
	"strings"
)

// explain says why o has another value in got than it asks for: the
// dependencies that are not met, what selects it, or that it cannot be set at
// all. It is empty if the Kconfig files do not tell.
func (k *kconfig) explain(o option, got config) []string {
	s := k.symbols[o.name]
	if s == nil || len(s.definitions) == 0 {
		return []string{"this kernel has no option of that name"}
	}
	var why []string
	if o.value == "n" {
		why = s.forced(got)
	} else {
		why = s.missing(got)
	}
	if len(why) == 0 {
		why = s.unsettable(o.name, got)
	}
	return cut(why, 8)
}

// forced says what selects a symbol that was to be off.
func (s *symbol) forced(got config) (why []string) {
	for _, by := range s.selectedBy {
		if got.get(by.text) != "n" && by.cond.eval(got) != no {
			line := fmt.Sprintf("selected by %s=%s (%s)", by.text, got.get(by.text), by.place)
			if by.cond != nil {
				line += " if " + by.cond.String()
			}
			why = append(why, line)
		}
	}
	return why
}

// missing says which dependencies are not met. A symbol that is defined more
// than once needs those of one definition only.
func (s *symbol) missing(got config) (why []string) {
	for _, d := range s.definitions {
		var unmet []string
		for _, dep := range d.depends {
			if text := dep.cond.unmet(got); text != "" {
				unmet = append(unmet, fmt.Sprintf("%s: %s: %s", dep.place, dep.text, text))
			}
		}
		if unmet == nil {
			return nil
		}
		why = append(why, unmet...)
	}
	return why
}

// unsettable says why a symbol whose dependencies are met is not the user's to
// set.
func (s *symbol) unsettable(name string, got config) (why []string) {
	for _, d := range s.definitions {
		if !d.prompt {
			why = append(why, fmt.Sprintf("%s: %s has no prompt, its defaults and what selects it decide", d.place, name))
			for _, def := range d.defaults {
				line := fmt.Sprintf("%s: default %s", def.place, def.text)
				if e, err := parseExpr(def.text); err == nil && e.op != opLeaf {
					line = fmt.Sprintf("%s: default %s: %s", def.place, e, e.unmet(got))
				}
				if def.cond != nil {
					line += " if " + def.cond.String()
				}
				why = append(why, line)
			}
			continue
		}
		for _, p := range d.promptIf {
			if text := p.cond.unmet(got); text != "" {
				why = append(why, fmt.Sprintf("%s: can be set only if %s: %s", p.place, p.cond, text))
			}
		}
		if d.choice != nil {
			for _, m := range d.choice.members {
				if m != name && got.get(m) == "y" {
					why = append(why, fmt.Sprintf("%s: one of a choice, of which %s is set", d.place, m))
				}
			}
		}
		for _, r := range d.ranges {
			if r.cond.eval(got) != no {
				why = append(why, fmt.Sprintf("%s: range %s", r.place, r.text))
			}
		}
	}
	return why
}

func cut(lines []string, n int) []string {
	if len(lines) > n {
		return append(lines[:n:n], fmt.Sprintf("and %d more", len(lines)-n))
	}
	return lines
}

// kconfigVars are the variables in the source lines of the kernel's Kconfig
// files (Makefile: SRCARCH, HEADER_ARCH).
func kconfigVars(srcArch string) map[string]string {
	return map[string]string{"SRCARCH": srcArch, "HEADER_ARCH": srcArch, "srctree": "."}
}

// settings are the options as lines of .config, without where they come from.
func settings(options []option) string {
	var b strings.Builder
	for _, o := range options {
		b.WriteString(o.String() + "\n")
	}
	return b.String()
}

// Package manpage writes a command of cobra's as a manual page, in the macros of
// man(7).
//
// cobra has a package for that, which takes every text for Markdown: it runs the
// lines of a table together, drops an <ADDRESS>, and shows a flag as --on=[].
// The texts here are written for a terminal, and the page has them as they are.
package manpage

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Sections of the manual, see man(1).
const (
	Commands = "1"
	Topics   = "7"
)

// Section is where a command's page goes: one that does nothing is a topic.
func Section(c *cobra.Command) string {
	if c.IsAdditionalHelpTopicCommand() && c.HasParent() {
		return Topics
	}
	return Commands
}

// Name is what a command's page is called: uetest-kernel-build.
func Name(c *cobra.Command) string { return strings.ReplaceAll(c.CommandPath(), " ", "-") }

// Pages are the commands that have a page, below and with c.
func Pages(c *cobra.Command) []*cobra.Command {
	list := []*cobra.Command{c}
	for _, sub := range c.Commands() {
		if sub.Hidden || sub.Deprecated != "" || sub.Name() == "help" {
			continue
		}
		list = append(list, Pages(sub)...)
	}
	return list
}

// Write writes the page of c. It holds nothing of the day or the machine, so it has no
// date.
func Write(w io.Writer, c *cobra.Command) error {
	var p page
	root := c.Root().Name()
	p.macro("TH", strings.ToUpper(Name(c)), Section(c), "", root, root+" manual")
	p.macro("SH", "NAME")
	p.line(escape(Name(c)) + ` \- ` + escape(c.Short))
	if Section(c) == Commands {
		p.macro("SH", "SYNOPSIS")
		path := c.CommandPath()
		p.line(`\fB` + escape(path) + `\fR` + escape(strings.TrimPrefix(c.UseLine(), path)))
	}
	p.macro("SH", "DESCRIPTION")
	text := c.Long
	if text == "" {
		text = c.Short
	}
	p.text(text)
	p.commands(c)
	p.options("OPTIONS", c.NonInheritedFlags())
	p.options("OPTIONS OF EVERY COMMAND", c.InheritedFlags())
	if c.Example != "" {
		p.macro("SH", "EXAMPLES")
		p.asIs(strings.Split(strings.Trim(c.Example, "\n"), "\n"))
	}
	p.seeAlso(c)
	_, err := io.WriteString(w, p.String())
	return err
}

type page struct {
	strings.Builder
	headed bool // the last line was a heading
}

// paragraph begins one. Below a heading there is one already.
func (p *page) paragraph() {
	if !p.headed {
		p.macro("PP")
	}
}

// macro writes a macro with its arguments.
func (p *page) macro(name string, args ...string) {
	p.headed = name == "SH"
	p.WriteString("." + name)
	for _, a := range args {
		p.WriteString(` "` + escape(a) + `"`)
	}
	p.WriteByte('\n')
}

// line writes a line of text that is escaped already.
func (p *page) line(s string) {
	p.headed = false
	if strings.HasPrefix(s, ".") {
		s = `\&` + s // else a macro
	}
	p.WriteString(s + "\n")
}

// text writes paragraphs. Lines that begin with blanks are shown as they are.
func (p *page) text(s string) {
	var kept []string
	flush := func() {
		p.asIs(kept)
		kept = nil
	}
	begun := false
	for _, line := range strings.Split(strings.Trim(s, "\n"), "\n") {
		line = strings.ReplaceAll(line, "\t", "    ") // roff's own stops are elsewhere
		switch {
		case strings.TrimSpace(line) == "":
			flush()
			begun = false
		case strings.HasPrefix(line, " "):
			kept = append(kept, line)
		default:
			if kept != nil {
				flush()
				begun = false
			}
			if !begun {
				p.paragraph()
				begun = true
			}
			p.line(escape(line))
		}
	}
	flush()
}

// asIs writes lines that stay lines.
func (p *page) asIs(lines []string) {
	if len(lines) == 0 {
		return
	}
	p.paragraph()
	p.macro("nf")
	for _, l := range lines {
		p.line(escape(strings.TrimRight(l, " ")))
	}
	p.macro("fi")
}

// commands lists those below c.
func (p *page) commands(c *cobra.Command) {
	titled := false
	for _, sub := range c.Commands() {
		if sub.Hidden || sub.Deprecated != "" || Section(sub) == Topics || sub.Name() == "help" {
			continue
		}
		if !titled {
			p.macro("SH", "COMMANDS")
			titled = true
		}
		p.macro("TP")
		p.line(`\fB` + escape(Name(sub)) + `\fR(` + Section(sub) + `)`)
		p.line(escape(sub.Short))
	}
}

func (p *page) options(title string, flags *pflag.FlagSet) {
	if !flags.HasAvailableFlags() {
		return
	}
	p.macro("SH", title)
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Deprecated != "" {
			return
		}
		value, usage := pflag.UnquoteUsage(f)
		name := `\fB\-\-` + escape(f.Name) + `\fR`
		if f.Shorthand != "" && f.ShorthandDeprecated == "" {
			name = `\fB\-` + escape(f.Shorthand) + `\fR, ` + name
		}
		switch {
		case value == "":
		case f.NoOptDefVal != "":
			name += `[=\fI` + escape(value) + `\fR]`
		default:
			name += ` \fI` + escape(value) + `\fR`
		}
		p.macro("TP")
		p.line(name)
		p.line(escape(usage + defaultOf(f, usage)))
	})
}

// noDefaults are what a flag has that nobody gave.
var noDefaults = []string{"", "0", "0s", "false", "[]"}

func defaultOf(f *pflag.Flag, usage string) string {
	if slices.Contains(noDefaults, f.DefValue) || strings.Contains(usage, "default") {
		return ""
	}
	return fmt.Sprintf(" (default %s)", f.DefValue)
}

// seeAlso names the pages around c, and from the top those of the topics.
func (p *page) seeAlso(c *cobra.Command) {
	var list []string
	add := func(other *cobra.Command) {
		list = append(list, `\fB`+escape(Name(other))+`\fR(`+Section(other)+`)`)
	}
	if c.HasParent() {
		add(c.Parent())
	}
	for _, other := range c.Root().Commands() {
		if Section(other) == Topics && other != c {
			add(other)
		}
	}
	if len(list) > 0 {
		p.macro("SH", "SEE ALSO")
		p.line(strings.Join(list, ", "))
	}
}

// escape makes text of what is plain: see groff_char(7) for the characters that
// roff takes for typographic ones.
var escaper = strings.NewReplacer(
	`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`, `"`, `\(dq`,
	"×", `\(mu`, "→", `\(->`, "…", "...",
)

func escape(s string) string { return escaper.Replace(s) }

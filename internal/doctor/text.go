package doctor

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"uetest/internal/needs"
)

// sections are the parts of the text, in order.
var sections = []struct{ level, title string }{
	{Levels[needs.Main], "What the main job needs"},
	{Levels[needs.Some], "What other things need"},
	{Levels[needs.Speed], "What makes it faster"},
	{HostLevel, "The machine"},
}

// colours of the states, see ECMA-48 8.3.117.
var colours = map[State]string{OK: "\x1b[32m", Lacks: "\x1b[31m", Note: "\x1b[33m"}

// Text writes the report for people.
func (r *Report) Text(w io.Writer, colour bool) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s; for %s\n", r.Host, strings.Join(r.Arches, ", "))
	width := 0
	for _, f := range r.Findings {
		width = max(width, len(f.Name))
	}
	for _, s := range sections {
		title := "\n" + s.title + "\n"
		for _, f := range r.Findings {
			if f.Level != s.level {
				continue
			}
			b.WriteString(title)
			title = ""
			word := string(f.State)
			if f.fatal() {
				word = "LACKS"
			}
			word = fmt.Sprintf("%-5s", word)
			if colour {
				word = colours[f.State] + word + "\x1b[0m"
			}
			fmt.Fprintf(&b, "  %s  %-*s  %s\n", word, width, f.Name, f.text())
			for _, how := range f.Get {
				fmt.Fprintf(&b, "           %s\n", how)
			}
		}
	}
	b.WriteString("\n" + r.verdict())
	_, err := io.WriteString(w, b.String())
	return err
}

// text is what there is to say of a finding, in one line.
func (f *Finding) text() string {
	var parts []string
	if f.Found != "" {
		parts = append(parts, f.Found)
	}
	if len(f.Lacking) > 0 {
		parts = append(parts, "no "+strings.Join(f.Lacking, ", "))
	}
	if f.Without != "" {
		parts = append(parts, f.Without)
	}
	text := strings.Join(parts, ": ")
	if f.For != "" {
		text = strings.TrimSpace(text + " (" + cmp.Or(archFlag(f.For), f.For) + ")")
	}
	return text
}

// archFlag is how an architecture is asked for.
func archFlag(name string) string {
	if strings.HasPrefix(name, "-") {
		return ""
	}
	return "--arch " + name
}

// verdict is the last line, and what gets everything that the main job lacks.
func (r *Report) verdict() string {
	var names, how []string
	for _, f := range r.Findings {
		if !f.fatal() {
			continue
		}
		names = append(names, f.Name)
		for _, g := range f.Get {
			if !slices.Contains(how, g) {
				how = append(how, g)
			}
		}
	}
	if names == nil {
		return "The main job can be done: uetest run\n"
	}
	return fmt.Sprintf("The main job cannot be done, for want of %s. To get it:\n  %s\n", strings.Join(names, ", "), strings.Join(joinApt(how), "\n  "))
}

// joinApt makes one command of several that install a package each.
func joinApt(how []string) []string {
	const install = "apt-get install "
	var prefix string
	var packages, rest []string
	for _, h := range how {
		if before, pkg, ok := strings.Cut(h, install); ok && (before == "" || before == "sudo ") {
			prefix = before
			packages = append(packages, pkg)
		} else {
			rest = append(rest, h)
		}
	}
	if packages != nil {
		rest = append([]string{prefix + install + strings.Join(packages, " ")}, rest...)
	}
	return rest
}

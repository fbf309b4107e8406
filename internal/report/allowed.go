package report

import (
	"fmt"
	"slices"

	"uetest/internal/console"
	"uetest/internal/results"
)

// passed is a report of the kernel that was let pass, and how often.
type passed struct {
	title, reason string
	times         int
}

// letPass are the reports of a kernel that were let pass, each title once.
func letPass(r *results.Run) []passed {
	var kinds []passed
	add := func(splats []console.Splat) {
		for _, s := range splats {
			if s.Allowed == "" {
				continue
			}
			i := slices.IndexFunc(kinds, func(k passed) bool { return k.title == s.Title && k.reason == s.Allowed })
			if i < 0 {
				i = len(kinds)
				kinds = append(kinds, passed{title: s.Title, reason: s.Allowed})
			}
			kinds[i].times++
		}
	}
	for i := range r.Tests {
		add(r.Tests[i].Splats)
	}
	add(r.Splats)
	return kinds
}

// allowed writes a line for each report of the kernel that was let pass, and if
// asked for the allowances that nothing needed.
func (p *printer) allowed(r *results.Run, o Options) {
	kinds := letPass(r)
	if len(kinds) > 0 || o.Verbose && len(r.Unused) > 0 {
		p.f("\n")
	}
	for _, k := range kinds {
		splats := "splats"
		if k.times == 1 {
			splats = "splat"
		}
		p.f("%s: %s: %s\n", p.paint(yellow, fmt.Sprintf("%d %s allowed", k.times, splats)), printable(k.title), k.reason)
	}
	if o.Verbose {
		for _, u := range r.Unused {
			p.f("not needed: %s\n", u)
		}
	}
}

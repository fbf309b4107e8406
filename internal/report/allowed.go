package report

import (
	"fmt"

	"uetest/internal/console"
	"uetest/internal/results"
)

// allowed writes a line for each report of the kernel that was let pass, and if
// asked for the allowances that nothing needed.
func (p *printer) allowed(r *results.Run, o Options) {
	type kind struct{ title, reason string }
	var kinds []kind
	count := map[kind]int{}
	add := func(splats []console.Splat) {
		for _, s := range splats {
			k := kind{s.Title, s.Allowed}
			if s.Allowed == "" {
				continue
			}
			if count[k]++; count[k] == 1 {
				kinds = append(kinds, k)
			}
		}
	}
	for i := range r.Tests {
		add(r.Tests[i].Splats)
	}
	add(r.Splats)
	if len(kinds) > 0 || o.Verbose && len(r.Unused) > 0 {
		p.f("\n")
	}
	for _, k := range kinds {
		splats := "splats"
		if count[k] == 1 {
			splats = "splat"
		}
		p.f("%s: %s: %s\n", p.paint(yellow, fmt.Sprintf("%d %s allowed", count[k], splats)), printable(k.title), k.reason)
	}
	if o.Verbose {
		for _, u := range r.Unused {
			p.f("not needed: %s\n", u)
		}
	}
}

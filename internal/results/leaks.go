package results

import (
	"slices"
	"strings"

	"uetest/internal/console"
	"uetest/internal/wire"
)

// leak takes down an object that nobody points to any more. It belongs to the
// test whose process allocated it, whichever ran when it was found; to none if it
// is older than the tests of the guest.
func (g *Guest) leak(m wire.Message) {
	lines := strings.Split(strings.TrimRight(m.Text, "\n"), "\n")
	for _, splat := range console.Find(lines) {
		i := slices.IndexFunc(g.begun, func(b begun) bool { return splat.Task.PID >= b.pid })
		if i < 0 {
			g.j.splats = merge(g.j.splats, []console.Splat{splat})
			continue
		}
		owner := g.owner(g.begun[i].s, splat)
		if !slices.ContainsFunc(owner.result.Splats, func(s console.Splat) bool { return s.Title == splat.Title }) {
			g.j.belated(owner, []console.Splat{splat}, splat.Lines)
		}
	}
}

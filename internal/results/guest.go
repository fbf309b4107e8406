package results

import (
	"fmt"
	"slices"
	"strings"

	"uetest/internal/blame"
	"uetest/internal/console"
	"uetest/internal/wire"
)

// Guest is the judge's ear at one guest. The messages of a guest come in order;
// those of several guests come as they like.
type Guest struct {
	j      *Judge
	number int
	open   *state   // the test between Start and End
	last   *state   // the one that ended last
	begun  []begun  // the tests so far whose processes can be told by their ids
	outer  []string // kernel log before any test
}

// begun is a test and the first process id that is its own.
type begun struct {
	pid int
	s   *state
}

// Guest returns the ear at another guest, whose number in the run Test.Boot
// has.
func (j *Judge) Guest(number int) *Guest {
	j.mu.Lock()
	defer j.mu.Unlock()
	g := &Guest{j: j, number: number}
	j.guests = append(j.guests, g)
	return g
}

// Add takes one message of the guest. It returns the finished result when m
// ends a test, else nil. A message for a test that is not in the plan or not
// running is an error of the protocol.
func (g *Guest) Add(m wire.Message) (*Test, error) {
	g.j.mu.Lock()
	defer g.j.mu.Unlock()
	switch m.Kind {
	case wire.Kmsg:
		g.kmsg(m)
		return nil, nil
	case wire.Leak:
		g.leak(m)
		return nil, nil
	case wire.Start:
		s := g.j.byID[m.ID]
		switch {
		case s == nil:
			return nil, fmt.Errorf("guest started %q, which was not asked for", m.ID)
		case g.open != nil:
			return nil, fmt.Errorf("guest started %q while %q runs", m.ID, g.open.result.ID)
		case s.reported || s.running:
			return nil, fmt.Errorf("guest started %q a second time", m.ID)
		}
		g.start(s)
		g.begin(s, m.PID)
		return nil, nil
	case wire.End:
		// A test that the agent could not even start has an End alone.
		if s := g.j.byID[m.ID]; s != nil && g.open == nil && !s.reported && m.Status != wire.Done {
			g.start(s)
		}
		fallthrough
	case wire.Saw, wire.Log, wire.Output:
		if m.Kind == wire.Log && m.ID == "" {
			g.j.notes = append(g.j.notes, m.Text)
			return nil, nil
		}
		if g.open == nil || g.open.result.ID != m.ID {
			return nil, fmt.Errorf("guest sent %s for %q, which is not running", m.Kind, m.ID)
		}
	default:
		return nil, nil
	}
	s := g.open
	switch m.Kind {
	case wire.Saw:
		if s.result.Saw != "" {
			s.result.Saw += " "
		}
		s.result.Saw += m.Key + "=" + m.Value
	case wire.Log, wire.Output:
		if m.Sample != nil {
			s.result.Samples = append(s.result.Samples, Sample(*m.Sample))
			return nil, nil
		}
		s.result.Log = append(s.result.Log, strings.Split(strings.TrimRight(m.Text, "\n"), "\n")...)
	case wire.End:
		g.open, g.last = nil, s
		s.result.Took = m.At
		g.j.decide(s, g.divide(s), m.Status, m.Text)
		return &s.result, nil
	}
	return nil, nil
}

func (g *Guest) start(s *state) {
	s.running = true
	s.result.Boot = g.number
	g.open = s
}

// begin notes from where on process ids are those of test s. Once the kernel has
// begun again with small ones they tell nothing any more.
func (g *Guest) begin(s *state, pid int) {
	if n := len(g.begun); pid == 0 || n > 0 && pid < g.begun[n-1].pid {
		g.begun = nil
	}
	if pid != 0 {
		g.begun = append(g.begun, begun{pid, s})
	}
}

// owner is the test whose process a report names, if that is not test s, in
// whose time the report came, but one before it: what a test leaves in the
// kernel may show late.
func (g *Guest) owner(s *state, splat console.Splat) *state {
	for _, b := range slices.Backward(g.begun) {
		if splat.Task.PID >= b.pid {
			return b.s
		}
	}
	return s // of a kernel thread
}

// divide returns the reports in the log of test s, and hands those that belong
// to a test before it to that one.
func (g *Guest) divide(s *state) (own []console.Splat) {
	for _, splat := range console.Find(s.kmsg) {
		if owner := g.owner(s, splat); owner != s {
			g.j.belated(owner, []console.Splat{splat}, splat.Lines)
		} else {
			own = append(own, splat)
		}
	}
	return g.j.mark(s, own)
}

// kmsg keeps a line of the kernel's log. What comes between two tests belongs to
// the one that ended: nothing else has happened in this guest since.
func (g *Guest) kmsg(m wire.Message) {
	lines := console.Record(m.At, m.Caller, m.Text, m.Facility != 0)
	switch {
	case g.open != nil:
		g.open.kmsg = append(g.open.kmsg, lines...)
	case g.last != nil:
		g.last.late = append(g.last.late, lines...)
	default:
		g.outer = append(g.outer, lines...)
	}
}

// Lost ends test id, which was sent to the guest before it went silent or away,
// whether it had started or not, and returns its result. why is what the host
// saw, and party who did it: a test whose guest the host ended has not found a
// fault. splats are those found on the console, which may hold more than the
// stream did.
func (g *Guest) Lost(id, why string, party blame.Party, splats []console.Splat) *Test {
	g.j.mu.Lock()
	defer g.j.mu.Unlock()
	g.open = nil
	s := g.j.byID[id]
	if s == nil || s.reported {
		g.j.splats = append(g.j.splats, splats...)
		return nil
	}
	s.reported = true
	r := &s.result
	r.Boot, r.Kmsg = g.number, s.kmsg
	r.Splats = g.j.mark(s, merge(g.divide(s), splats))
	switch {
	case s.provoked():
		r.Verdict, r.Detail = KnownFault, s.expect.Fault
	case party != blame.Kernel && len(r.Splats) == 0:
		r.Verdict, r.Detail = Errored, why
	default:
		r.Verdict, r.Detail = UnknownFault, why
	}
	return r
}

// Splatted reports whether the kernel has reported anything that belongs to the
// test that ended last and is not allowed. A kernel that has is not one to run
// another test on.
func (g *Guest) Splatted() bool {
	g.j.mu.Lock()
	defer g.j.mu.Unlock()
	if g.last == nil {
		return false
	}
	splats := append(console.Find(g.last.kmsg), console.Find(g.last.late)...)
	return len(Charged(g.j.mark(g.last, splats))) > 0
}

package model

import (
	"math/rand/v2"
	"slices"
)

// weights says how often an operation is tried.
var weights = []struct {
	Verb
	n int
}{
	{Open, 3}, {Close, 4}, {Pass, 3},
	{Register, 14}, {Unregister, 3}, {Write, 5},
	{Enable, 14}, {Disable, 10},
	{Map, 5}, {Unmap, 2}, {Protect, 5}, {Discard, 3},
	{Load, 5}, {Store, 12},
	{Fork, 6}, {Exec, 1}, {Exit, 2},
}

// someBits and someValues are few, so that operations meet. Removing a trigger
// takes the kernel twenty times as long as the rest.
var (
	someSources = []Source{EnableFile, EnableFile, EnableFile, SetEvent, System, Instance, Instance, Perf, Perf, Trigger}
	someBits    = []int{0, 1, 31}
	someValues  = []uint32{0, 0, 1, 0x100, 0xffffffff}
)

// dice makes one program. Each program has a taste of its own: names that it
// uses and operations that it leaves out. That reaches more than programs that
// all do a little of everything (Groce et al., Swarm Testing, ISSTA 2012).
type dice struct {
	*rand.Rand
	limits map[string]int // of names, by their prefix
	verbs  []Verb         // each as often as it is to be tried
}

func newDice(seed, number uint64) *dice {
	d := &dice{Rand: rand.New(rand.NewPCG(seed, number)), limits: map[string]int{}}
	for _, w := range weights {
		n := w.n
		if w.Verb != Register && w.Verb != Enable && d.IntN(5) == 0 {
			n = 0
		}
		for range n {
			d.verbs = append(d.verbs, w.Verb)
		}
	}
	return d
}

// low is a number below n, below a limit that the program has for such names,
// the low ones more often: what has to meet should.
func (d *dice) low(prefix string, n int) int {
	limit, ok := d.limits[prefix]
	if !ok {
		limit = 1 + d.IntN(n)
		d.limits[prefix] = limit
	}
	return min(d.IntN(limit), d.IntN(limit))
}

// op returns an operation with arguments of any kind.
func (d *dice) op() Op {
	o := Op{Verb: d.verbs[d.IntN(len(d.verbs))]}
	for _, s := range forms[o.Verb] {
		s.random(&o, d)
	}
	return o
}

// Generate returns the sequence of that number: a random program of at most
// steps operations that can be carried out. Seed and number make it.
func Generate(g Generation, seed, number uint64, steps int) Program {
	d := newDice(seed, number)
	m := New(g)
	var p Program
	add := func(o Op) {
		// What is to be new takes the next name.
		switch o.Verb {
		case Fork:
			o.To = unused(m.procs[:], o.To)
		case Open:
			o.File = unused(m.files[:], o.File)
		case Pass:
			// A fork has all descriptors, so few can be passed.
			for n := range Processes * Files * Processes {
				if m.Can(o) {
					break
				}
				o.Proc, o.File, o.To = n/(Files*Processes), n/Processes%Files, n%Processes
			}
		}
		if m.Can(o) && len(p) < steps {
			m.step(o)
			p = append(p, o)
		}
	}
	// Most of what there is to see takes a registered word.
	if d.IntN(8) > 0 {
		add(Op{Verb: Open, Keep: d.IntN(4) == 0})
		add(Op{Verb: Map, Kind: Kinds[d.IntN(len(Kinds))]})
		if d.IntN(4) > 0 {
			add(Op{Verb: Store})
		}
	}
	length := len(p) + 1 + d.IntN(max(1, steps-len(p)))
	// A few tries that are in vain are no loss.
	for tries := 20 * steps; tries > 0 && len(p) < length; tries-- {
		add(d.op())
	}
	return p
}

// unused is the first name that nobody has had, or else name.
func unused[T any](taken []*T, name int) int {
	if i := slices.Index(taken, nil); i >= 0 {
		return i
	}
	return name
}

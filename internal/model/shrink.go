package model

import "slices"

// A tester reports which of some programs still fails: the first one's index
// and how many of its operations it takes, or -1 if none does.
type tester func([]Program) (which, length int, err error)

// shrink cuts a failing program down: operations are taken out, ever fewer at
// a time, and what is left is made simpler, until no change of that kind still
// fails. The same program and the same answers give the same result.
func shrink(g Generation, p Program, test tester) (Program, error) {
	for size := max(1, len(p)/2); len(p) > small && size > 0; {
		q, err := first(g, p, removals(p, size), test)
		if err != nil {
			return p, err
		}
		if q == nil {
			size /= 2
			continue
		}
		p = q
		size = min(size, len(p))
	}
	// All that can be done to it at once: what a test costs is the call.
	for {
		var candidates []Program
		for size := max(1, len(p)/2); size > 0; size-- {
			candidates = append(candidates, removals(p, size)...)
		}
		q, err := first(g, p, slices.Concat(candidates, renames(p), simplifications(p)), test)
		if err != nil || q == nil {
			return p, err
		}
		p = q
	}
}

// small is a program of which there are not many that are smaller.
const small = 8

// first returns the first candidate that fails, cut behind its failure. What
// can't be carried out in a candidate is left out; it has to be smaller than p.
func first(g Generation, p Program, candidates []Program, test tester) (Program, error) {
	var list []Program
	seen := map[string]bool{}
	for _, c := range candidates {
		c = Possible(g, c)
		if text := c.String(); len(c) > 0 && c.weight() < p.weight() && !seen[text] {
			seen[text] = true
			list = append(list, c)
		}
	}
	const batch = 64 // what the guest does after the first that fails is for nothing
	for chunk := range slices.Chunk(list, batch) {
		which, length, err := test(chunk)
		if err != nil {
			return nil, err
		}
		if which >= 0 {
			return chunk[which][:length], nil
		}
	}
	return nil, nil
}

// removals is p without each run of size operations.
func removals(p Program, size int) []Program {
	var list []Program
	// From the end: what comes late is needed less.
	for end := len(p); end > 0; end -= size {
		list = append(list, slices.Delete(slices.Clone(p), max(0, end-size), end))
	}
	return list
}

// simplifications is p with one argument of one operation made simpler.
func simplifications(p Program) []Program {
	var list []Program
	for i := range p {
		o := p[i]
		for _, s := range forms[o.Verb] {
			s.simpler(&o, func() {
				q := slices.Clone(p)
				q[i] = o
				list = append(list, q)
			})
		}
	}
	return list
}

// renames is p with one name replaced by a lower one wherever it stands: the
// two exchanged, or made one.
func renames(p Program) []Program {
	var list []Program
	rename := func(n int, fields func(*Op) []*int) {
		for high := range n {
			for low := range high {
				exchanged, one := slices.Clone(p), slices.Clone(p)
				for i := range p {
					for _, f := range fields(&exchanged[i]) {
						switch *f {
						case high:
							*f = low
						case low:
							*f = high
						}
					}
					for _, f := range fields(&one[i]) {
						if *f == high {
							*f = low
						}
					}
					exchanged[i], one[i] = exchanged[i].canonical(), one[i].canonical()
				}
				list = append(list, one, exchanged)
			}
		}
	}
	rename(Processes, func(o *Op) []*int { return []*int{&o.Proc, &o.To} })
	rename(Files, func(o *Op) []*int { return []*int{&o.File} })
	rename(Events, func(o *Op) []*int { return []*int{&o.Event} })
	rename(Pages, func(o *Op) []*int { return []*int{&o.Place.Page} })
	rename(Words, func(o *Op) []*int { return []*int{&o.Place.Word} })
	var used int // bits are many, and few of them in a program
	for _, o := range p {
		used = max(used, o.Bit+1)
	}
	rename(used, func(o *Op) []*int { return []*int{&o.Bit} })
	return list
}

// weight orders programs: fewer operations are less, and then simpler ones.
func (p Program) weight() int {
	const perOp = 1 << 10 // more than any operation's own
	w := 0
	for _, o := range p {
		w += perOp
		for _, s := range forms[o.Verb] {
			w += s.weight(&o)
		}
	}
	return w
}

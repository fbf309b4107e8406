package coverage

import "fmt"

// Code returns the lines that something was compiled from, in the functions that
// the kernel has: of one that was not needed there are no counters.
func (n *Notes) Code(has func(function string) bool) map[Place]bool {
	places := map[Place]bool{}
	for i := range n.functions {
		f := &n.functions[i]
		if !has(f.name) {
			continue
		}
		for _, l := range f.lines {
			places[l.at] = true
		}
	}
	return places
}

// Functions returns the names of the functions that are counted, by their names
// for the linker, and how many counters each has.
func (n *Notes) Functions() map[string]int {
	counters := map[string]int{}
	for i := range n.functions {
		counters[n.functions[i].name] = n.functions[i].counters
	}
	return counters
}

// Executed returns the lines that were executed, by the counters of the
// functions. Of functions that are not in counters none was. Another number of
// counters than the notes have is an error: they are not of this kernel.
func (n *Notes) Executed(counters map[string][]uint64) (map[Place]bool, error) {
	places := map[Place]bool{}
	for i := range n.functions {
		f := &n.functions[i]
		counts, ok := counters[f.name]
		if !ok {
			continue
		}
		if len(counts) != f.counters {
			return nil, fmt.Errorf("function %s has %d counters in the kernel and %d in the compiler's notes: they are of different builds", f.name, len(counts), f.counters)
		}
		blocks := f.solve(counts)
		for _, l := range f.lines {
			if blocks[l.block] != 0 {
				places[l.at] = true
			}
		}
	}
	return places, nil
}

// The first two blocks.
const (
	entryBlock = 0
	exitBlock  = 1
)

// solve returns how often each block was executed. What goes into a block comes
// out of it: so of the arcs that were not counted, which make a tree, each has
// one place where it is the only one that is not known yet.
func (f *function) solve(counts []uint64) []int64 {
	type side struct {
		unknown int   // arcs
		sum     int64 // of the known ones
	}
	in, out := make([]side, f.blocks), make([]side, f.blocks)
	arcsOf := make([][]int, f.blocks) // those that are not known, both ways
	known := make([]bool, len(f.arcs))
	next := 0
	for i, a := range f.arcs {
		if a.tree {
			out[a.from].unknown++
			in[a.to].unknown++
			arcsOf[a.from] = append(arcsOf[a.from], i)
			arcsOf[a.to] = append(arcsOf[a.to], i)
			continue
		}
		known[i] = true
		count := int64(counts[next])
		next++
		out[a.from].sum += count
		in[a.to].sum += count
	}
	settle := func(arc int, count int64) {
		known[arc] = true
		a := f.arcs[arc]
		out[a.from].unknown--
		out[a.from].sum += count
		in[a.to].unknown--
		in[a.to].sum += count
	}
	blocks := make([]int64, f.blocks)
	valid := make([]bool, f.blocks)
	work := make([]int, f.blocks)
	for b := range work {
		work[b] = b
	}
	for len(work) > 0 {
		b := work[len(work)-1]
		work = work[:len(work)-1]
		if !valid[b] {
			// Nothing goes into the entry, and nothing comes out of the exit.
			switch {
			case b != exitBlock && out[b].unknown == 0:
				blocks[b], valid[b] = out[b].sum, true
			case b != entryBlock && in[b].unknown == 0:
				blocks[b], valid[b] = in[b].sum, true
			default:
				continue
			}
		}
		for _, arc := range arcsOf[b] {
			a := f.arcs[arc]
			switch {
			case known[arc]:
			case a.from == b && out[b].unknown == 1:
				settle(arc, blocks[b]-out[b].sum)
				work = append(work, a.to, b)
			case a.to == b && in[b].unknown == 1:
				settle(arc, blocks[b]-in[b].sum)
				work = append(work, a.from, b)
			}
		}
	}
	return blocks
}

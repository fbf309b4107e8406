package patch

import (
	"container/heap"
	"crypto/sha1"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"uetest/internal/patch/layout"
)

// A search looks for the layout of a file's hunks that gives the blob the
// patch names. The hash proves the find: the id has to be long enough that one
// of the layouts tried can't have it by chance.

// chance is the likelihood of a false find that a search may take: tries over
// the number of ids that share the abbreviation. Twelve digits, the kernel's
// abbreviation, allow any search here; seven allow 2684 tries.
const chance = 1e-5

// maxHabits is how many suppositions about the author are searched in.
const maxHabits = 60

// search returns the layout that is proven, or false.
func (d *draft) search(doc *layout.Document, budget int, end time.Time) ([][]string, bool) {
	id := d.diff.NewBlob
	if id == "" {
		return nil, false
	}
	ids := 1.0
	for range min(len(id), 20) {
		ids *= 16
	}
	if most := ids * chance; most < float64(budget) {
		budget = int(most)
	}
	walks := []*walk{d.walk(doc, 0)}
	for i, h := range doc.Habits() {
		if i == maxHabits {
			break
		}
		walks = append(walks, d.walk(doc.With(h), h.Cost))
	}
	// Each supposition gets a share, the plain one most; what is left over goes
	// to those that still have layouts to try.
	for share := 50; d.tries < budget; share *= 4 {
		open := false
		for i, w := range walks {
			n := share
			if i == 0 {
				n *= 4
			}
			for ; n > 0 && d.tries < budget; n-- {
				added, ok := w.next()
				if !ok {
					break
				}
				if d.tries%64 == 0 && time.Now().After(end) {
					return nil, false
				}
				open = true
				d.tries++
				if w.hash(id) {
					return added, true
				}
			}
		}
		if !open {
			break
		}
	}
	return nil, false
}

// walk goes through the layouts of a file, the likeliest first.
type walk struct {
	draft    *draft
	variants []*layout.Variants
	bodies   []map[int]string // of each hunk, by variant
	static   []string         // the text before each hunk, and after the last
	queue    picks
	now      pick
}

// pick is a variant of each hunk.
type pick struct {
	index []int
	last  int // hunks before it are not varied any more
	cost  float64
}

func (d *draft) walk(doc *layout.Document, cost float64) *walk {
	w := &walk{draft: d}
	done := 0
	for i, h := range doc.Hunks() {
		w.variants = append(w.variants, h.Variants())
		w.bodies = append(w.bodies, map[int]string{})
		a := d.hunks[i]
		w.static = append(w.static, strings.Join(d.base[done:a.at], ""))
		done = a.at + a.old
	}
	w.static = append(w.static, strings.Join(d.base[done:], ""))
	w.queue = picks{{index: make([]int, len(w.variants)), cost: cost}}
	return w
}

// next moves on to the next layout and returns its added lines.
func (w *walk) next() ([][]string, bool) {
	if len(w.queue) == 0 {
		return nil, false
	}
	w.now = heap.Pop(&w.queue).(pick)
	added := make([][]string, len(w.variants))
	for i, n := range w.now.index {
		l, ok := w.variants[i].At(n)
		if !ok {
			return nil, false
		}
		added[i] = l.Lines
	}
	for i := w.now.last; i < len(w.variants); i++ {
		l, ok := w.variants[i].At(w.now.index[i] + 1)
		if !ok {
			continue
		}
		is, _ := w.variants[i].At(w.now.index[i])
		p := pick{slices.Clone(w.now.index), i, w.now.cost + l.Cost - is.Cost}
		p.index[i]++
		heap.Push(&w.queue, p)
	}
	return added, true
}

// hash says whether the file in the present layout is the blob.
func (w *walk) hash(id string) bool {
	size := 0
	for i, n := range w.now.index {
		body, ok := w.bodies[i][n]
		if !ok {
			l, _ := w.variants[i].At(n)
			body = w.draft.body(i, l.Lines)
			w.bodies[i][n] = body
		}
		size += len(w.static[i]) + len(body)
	}
	size += len(w.static[len(w.now.index)])
	h := sha1.New()
	h.Write(blobHeader(size))
	for i, n := range w.now.index {
		h.Write([]byte(w.static[i]))
		h.Write([]byte(w.bodies[i][n]))
	}
	h.Write([]byte(w.static[len(w.now.index)]))
	return SameBlob(id, hex.EncodeToString(h.Sum(nil)))
}

// picks is a heap by cost.
type picks []pick

func (p picks) Len() int           { return len(p) }
func (p picks) Less(i, j int) bool { return p[i].cost < p[j].cost }
func (p picks) Swap(i, j int)      { p[i], p[j] = p[j], p[i] }
func (p *picks) Push(x any)        { *p = append(*p, x.(pick)) }
func (p *picks) Pop() any {
	old := *p
	last := old[len(old)-1]
	*p = old[:len(old)-1]
	return last
}

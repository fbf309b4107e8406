package pipeline

import (
	"fmt"
	"strings"
	"sync"

	"uetest/selftests/catalog"
)

// Isolation says which tests get a guest of their own.
type Isolation int

// The isolations.
const (
	IsolateAuto Isolation = iota // those that the catalogue says want a fresh kernel
	IsolateTest                  // all
	IsolateNone                  // those alone that take another machine
)

var isolations = []string{"auto", "test", "none"}

// String returns the name that ParseIsolation takes.
func (i Isolation) String() string { return isolations[i] }

// ParseIsolation is the inverse of String.
func ParseIsolation(name string) (Isolation, error) {
	for i, n := range isolations {
		if n == name {
			return Isolation(i), nil
		}
	}
	return 0, fmt.Errorf("no isolation %q; there are %s", name, strings.Join(isolations, ", "))
}

// queue hands tests out to guests: first those that may share a kernel, then
// those that want one each. It is safe for concurrent use.
type queue struct {
	mu     sync.Mutex
	groups []*group // tests that may share a guest; those that may not are groups of one
}

type group struct{ tests []catalog.Test }

// newQueue makes a queue of tests. Only those of one class may share a guest.
func newQueue(tests []catalog.Test, how Isolation, class func(catalog.Test) string) *queue {
	q := &queue{}
	shared := map[string]*group{}
	var fresh []*group
	for _, t := range tests {
		alone := t.Isolation == catalog.Fresh || how == IsolateTest
		if how == IsolateNone {
			alone = !t.Machine.Usual()
		}
		if alone {
			fresh = append(fresh, &group{[]catalog.Test{t}})
			continue
		}
		g := shared[class(t)]
		if g == nil {
			g = &group{}
			shared[class(t)] = g
			q.groups = append(q.groups, g)
		}
		g.tests = append(g.tests, t)
	}
	q.groups = append(q.groups, fresh...)
	return q
}

// first takes the first test for another guest. more gives those that may come
// after it in the same one.
func (q *queue) first() (t catalog.Test, more func() (catalog.Test, bool), ok bool) {
	q.mu.Lock()
	groups := q.groups
	q.mu.Unlock()
	for _, g := range groups {
		if t, ok := q.take(g); ok {
			return t, func() (catalog.Test, bool) { return q.take(g) }, true
		}
	}
	return t, nil, false
}

func (q *queue) take(g *group) (t catalog.Test, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(g.tests) == 0 {
		return t, false
	}
	t, g.tests = g.tests[0], g.tests[1:]
	return t, true
}

// clear takes what is left out.
func (q *queue) clear() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, g := range q.groups {
		g.tests = nil
	}
}

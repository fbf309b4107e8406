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
	shared []catalog.Test
	fresh  []catalog.Test
	total  int
}

func newQueue(tests []catalog.Test, how Isolation) *queue {
	q := &queue{total: len(tests)}
	for _, t := range tests {
		alone := t.Isolation == catalog.Fresh || how == IsolateTest
		if how == IsolateNone {
			alone = !t.Machine.Usual()
		}
		if alone {
			q.fresh = append(q.fresh, t)
		} else {
			q.shared = append(q.shared, t)
		}
	}
	return q
}

// first takes the first test for another guest. more gives those that may come
// after it in the same one.
func (q *queue) first() (t catalog.Test, more func() (catalog.Test, bool), ok bool) {
	if t, ok := q.take(&q.shared); ok {
		return t, func() (catalog.Test, bool) { return q.take(&q.shared) }, true
	}
	t, ok = q.take(&q.fresh)
	return t, func() (catalog.Test, bool) { return catalog.Test{}, false }, ok
}

func (q *queue) take(list *[]catalog.Test) (t catalog.Test, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(*list) == 0 {
		return t, false
	}
	t, *list = (*list)[0], (*list)[1:]
	return t, true
}

// clear takes what is left out.
func (q *queue) clear() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.shared, q.fresh = nil, nil
}

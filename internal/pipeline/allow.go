package pipeline

import (
	"fmt"
	"sync"

	"uetest/internal/console"
	"uetest/kernel-patches"
)

// allowlist is what the series allows of one kernel, and what of that was used.
type allowlist struct {
	kernel string
	list   []kernelpatches.Allowance

	mu   sync.Mutex
	used map[string]bool // by Allowance.Place
}

func newAllowlist(s *kernelpatches.Series, kernel string) *allowlist {
	a := &allowlist{kernel: kernel, used: map[string]bool{}}
	if s == nil {
		return a
	}
	for _, entry := range s.Allow() {
		if entry.On(kernel) {
			a.list = append(a.list, entry)
		}
	}
	return a
}

// allows implements results.Allowed: the first entry that covers a splat is the
// one that was needed.
func (a *allowlist) allows(test string, s console.Splat) (reason string, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, entry := range a.list {
		if entry.Covers(a.kernel, test, s.Title) {
			a.used[entry.Place] = true
			return entry.Reason, true
		}
	}
	return "", false
}

// unused returns the entries that covered nothing, for people.
func (a *allowlist) unused() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var list []string
	for _, entry := range a.list {
		if !a.used[entry.Place] {
			list = append(list, fmt.Sprintf("%s: %s", entry.Place, entry.Title))
		}
	}
	return list
}

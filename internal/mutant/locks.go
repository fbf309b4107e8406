package mutant

import (
	"regexp"
	"strings"
)

// Words of the names of functions that count references.
var reference = regexp.MustCompile(`(?:^|_)(?:get|put|grab|drop|mmgrab|mmdrop|ref|unref|refcount|kref|pin|unpin|hold|unhold|fget|fput|dget|dput|igrab|iput)(?:_|$)`)

func isReference(name string) bool { return reference.MatchString(name) }

// unlocking are the words that make the name of what gives a lock back of that of
// what takes it.
var unlocking = []struct{ take, give string }{{"lock", "unlock"}, {"down", "up"}, {"disable", "enable"}, {"irqsave", "irqrestore"}}

// lockOf is what gives back the lock that a function of this name takes; empty if it
// takes none.
func lockOf(name string) string {
	words, takes := strings.Split(name, "_"), false
	for i, w := range words {
		for _, u := range unlocking {
			if w == u.take && (u.take != "disable" || words[0] == "preempt" || words[0] == "migrate" || words[0] == "local" || words[0] == "pagefault") {
				words[i], takes = u.give, true
			}
		}
	}
	if !takes || isReference(name) {
		return ""
	}
	return strings.Join(words, "_")
}

// unlockOf is what takes the lock that a function of this name gives back.
func unlockOf(name string) string {
	words := strings.Split(name, "_")
	for i, w := range words {
		for _, u := range unlocking {
			if w == u.give {
				words[i] = u.take
			}
		}
	}
	if taken := strings.Join(words, "_"); taken != name && lockOf(taken) == name {
		return taken
	}
	return ""
}

// locks leaves locks out: where they are taken and where they are given back.
func (g *generator) locks(f function) {
	var calls []*statement
	var find func(list []*statement)
	find = func(list []*statement) {
		for _, st := range list {
			if st.form == simple && g.call(st.first) != "" && st.last > st.first {
				calls = append(calls, st)
			}
			find(st.body)
		}
	}
	find(g.statements(f))
	for i, st := range calls {
		gives := lockOf(g.call(st.first))
		if gives == "" || !g.isAdded(st.first, st.last) {
			continue
		}
		args := g.span(st.first+1, st.last)
		whole := edits{g.without(st.first, st.last)}
		for _, other := range calls[i+1:] {
			if g.span(other.first+1, other.last) != args {
				continue
			}
			if name := g.call(other.first); name == g.call(st.first) {
				break
			} else if name == gives {
				whole = append(whole, g.without(other.first, other.last))
			}
		}
		if len(whole) > 1 {
			g.put(&f, DropLock, g.call(st.first)+" and "+gives, "without the lock of "+g.span(st.first, st.last), whole)
		}
	}
}

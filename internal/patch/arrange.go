package patch

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// letter is a patch with the place that it has.
type letter struct {
	change *Change
	file   *mailbox
	at     int // its place among all that was read
}

func (m *letter) errorf(format string, args ...any) error {
	return &Error{Name: m.change.place(m.file.name), Line: m.change.subjectLine, Err: fmt.Errorf(format, args...)}
}

func (m *letter) where() string {
	name := m.change.place(m.file.name)
	if m.change.subjectLine > 0 {
		return fmt.Sprintf("%s:%d", name, m.change.subjectLine)
	}
	return name
}

// set is mails of one series: those with the same m and version.
type set struct {
	mails []*letter // patches, by n
	cover *letter
}

// key is what the mails of a series have in common.
type key struct{ of, version int }

func (s *set) first() *letter {
	if len(s.mails) > 0 {
		return s.mails[0]
	}
	return s.cover
}

func (s *set) key() key {
	c := s.first().change
	return key{c.Of, c.Version}
}

// whole says whether every mail of the set is there.
func (s *set) whole() bool { return len(s.missing()) == 0 }

// missing returns the parts that are not there.
func (s *set) missing() []int {
	var list []int
	for n := 1; n <= s.key().of && len(list) < 5; n++ {
		if !slices.ContainsFunc(s.mails, func(m *letter) bool { return m.change.Number == n }) {
			list = append(list, n)
		}
	}
	return list
}

// lone says whether the set is a single mail out of a series.
func (s *set) lone() bool { return len(s.mails) == 1 && s.cover == nil }

// title is what the series is called: by its introduction, or its first mail.
func (s *set) title() string {
	if s.cover != nil {
		return s.cover.change.Title
	}
	return s.first().change.Title
}

// arrange puts the mails of files in order. notes may be nil.
func arrange(files []*mailbox, partial bool, notes *Series) ([]*letter, error) {
	var single []*letter // those without a number
	var groups []string
	at := 0
	take := func(l *mailbox, c *Change) *letter {
		at++
		return &letter{c, l, at}
	}
	byGroup := map[string][]*letter{}
	for _, l := range files {
		if !slices.Contains(groups, l.group) {
			groups = append(groups, l.group)
		}
		for _, c := range l.covers {
			byGroup[l.group] = append(byGroup[l.group], take(l, c))
		}
		for _, c := range l.mails {
			m := take(l, c)
			if c.Of == 0 {
				single = append(single, m)
				continue
			}
			byGroup[l.group] = append(byGroup[l.group], m)
		}
	}
	if err := checkSingles(single); err != nil && !partial {
		return nil, err
	}
	var whole, rest []set
	for _, g := range groups {
		sets := split(byGroup[g])
		if err := checkVersions(sets); err != nil && !partial {
			return nil, err
		}
		for _, s := range sets {
			if s.whole() {
				whole = append(whole, s)
			} else {
				rest = append(rest, s)
			}
		}
	}
	// What is in no source complete may be so in several together.
	var left []*letter
	for _, s := range rest {
		left = append(left, s.mails...)
		if s.cover != nil {
			left = append(left, s.cover)
		}
	}
	pooled := split(left)
	if err := checkVersions(pooled); err != nil && !partial {
		return nil, err
	}
	if err := checkRest(whole, pooled); err != nil && !partial {
		return nil, err
	}
	for _, s := range append(whole, pooled...) {
		if err := s.check(); err != nil && !partial {
			return nil, err
		}
		if s.lone() && s.key().of > 1 && notes != nil {
			m := s.mails[0]
			notes.Notes = append(notes.Notes, fmt.Sprintf("%s: patch %s of a series alone, %q", m.where(), m.change.mark.part(), m.change.Title))
		}
	}
	return inOrder(single, append(whole, pooled...)), nil
}

// inOrder joins single mails and series: each series stands where its first
// mail was met.
func inOrder(single []*letter, sets []set) []*letter {
	type unit struct {
		at    int
		mails []*letter
	}
	var units []unit
	for _, m := range single {
		units = append(units, unit{m.at, []*letter{m}})
	}
	for _, s := range sets {
		u := unit{mails: s.mails, at: s.first().at}
		for _, m := range s.mails {
			u.at = min(u.at, m.at)
		}
		units = append(units, u)
	}
	slices.SortStableFunc(units, func(a, b unit) int { return cmp.Compare(a.at, b.at) })
	var mails []*letter
	for _, u := range units {
		mails = append(mails, u.mails...)
	}
	return mails
}

// split sorts mails into series. Two series of the same size and version are
// told apart by the threads that they were sent in, if their numbers clash.
func split(mails []*letter) []set {
	var keys []key
	byKey := map[key][]*letter{}
	for _, m := range mails {
		k := key{m.change.Of, m.change.Version}
		if byKey[k] == nil {
			keys = append(keys, k)
		}
		byKey[k] = append(byKey[k], m)
	}
	var sets []set
	for _, k := range keys {
		one := gather(byKey[k])
		if !one.clashes() {
			sets = append(sets, one)
			continue
		}
		threads, known := byThread(byKey[k])
		if !known {
			sets = append(sets, one)
			continue
		}
		sets = append(sets, threads...)
	}
	return sets
}

// byThread sorts mails by the thread they were sent in. known says that each
// of them tells it.
func byThread(mails []*letter) (sets []set, known bool) {
	var threads []string
	by := map[string][]*letter{}
	for _, m := range mails {
		t := m.change.thread
		if t == "" {
			return nil, false
		}
		if by[t] == nil {
			threads = append(threads, t)
		}
		by[t] = append(by[t], m)
	}
	for _, t := range threads {
		sets = append(sets, gather(by[t]))
	}
	return sets, true
}

func gather(mails []*letter) set {
	var s set
	for _, m := range mails {
		if m.change.mark.cover() && s.cover == nil {
			s.cover = m
			continue
		}
		s.mails = append(s.mails, m)
	}
	slices.SortStableFunc(s.mails, func(a, b *letter) int { return cmp.Compare(a.change.Number, b.change.Number) })
	return s
}

// clashes says whether two mails have the same number.
func (s *set) clashes() bool {
	for i := 1; i < len(s.mails); i++ {
		if s.mails[i].change.Number == s.mails[i-1].change.Number {
			return true
		}
	}
	return len(s.mails) > 0 && s.mails[0].change.mark.cover()
}

// check returns the error for a mail that is missing or there twice.
func (s *set) check() error {
	for i := 1; i < len(s.mails); i++ {
		a, b := s.mails[i-1], s.mails[i]
		if a.change.Number == b.change.Number {
			return twice(a, b, "patch "+b.change.mark.part())
		}
	}
	if len(s.mails) > 0 && s.mails[0].change.mark.cover() {
		return twice(s.cover, s.mails[0], "the cover letter "+s.cover.change.mark.part())
	}
	if s.whole() || s.lone() {
		return nil
	}
	missing := s.missing()
	if len(s.mails) == 0 {
		return s.cover.errorf("only the cover letter %s of %q is there: its patches are %w; --patch takes the whole thread, an mbox", s.cover.change.mark.part(), s.title(), ErrMissing)
	}
	mark := s.first().change.mark
	var lack, have []string
	for _, n := range missing {
		mark.number = n
		lack = append(lack, mark.part())
	}
	for _, m := range s.mails {
		have = append(have, m.change.mark.part())
	}
	what, it := "patch "+lack[0]+" is", "it"
	if len(lack) > 1 {
		what, it = "patches "+and(lack)+" are", "them"
	}
	return s.first().errorf("%s %w: got %s of %q; add %s, or go on without with --partial",
		what, ErrMissing, and(have), s.title(), it)
}

// twice is the error for two mails of the same number.
func twice(a, b *letter, what string) error {
	how := "with another text"
	if diffPart(a.change) == diffPart(b.change) {
		how = "the same"
	}
	return b.errorf("%s is %w: %s at %s, %q; leave one of them out", what, ErrDouble, how, a.where(), a.change.Title)
}

// diffPart is a change without the message above it.
func diffPart(c *Change) string {
	return strings.TrimSpace(strings.Join(c.text[min(c.files, len(c.text)):], "\n"))
}

// checkSingles returns the error for a patch without a number that is there
// twice, or in two versions.
func checkSingles(mails []*letter) error {
	for i, b := range mails {
		if !b.change.mark.patch || b.change.Title == "" {
			continue
		}
		for _, a := range mails[:i] {
			if a.change.Title != b.change.Title || !a.change.mark.patch {
				continue
			}
			if a.change.Version != b.change.Version {
				return mixed(a, b)
			}
			if diffPart(a.change) == diffPart(b.change) {
				return twice(a, b, "the patch")
			}
		}
	}
	return nil
}

// checkRest returns the error for a mail beside a complete series that has it.
func checkRest(whole, rest []set) error {
	for _, r := range rest {
		for _, w := range whole {
			if r.key() != w.key() {
				continue
			}
			for _, b := range r.mails {
				for _, a := range w.mails {
					if a.change.Number == b.change.Number && a.change.Title == b.change.Title {
						return twice(a, b, "patch "+b.change.mark.part())
					}
				}
			}
		}
	}
	return nil
}

// checkVersions returns the error for two series that are versions of one.
func checkVersions(sets []set) error {
	for i := range sets {
		for j := range sets[:i] {
			a, b := &sets[j], &sets[i]
			if a.key().version != b.key().version && a.related(b) {
				return mixed(a.first(), b.first())
			}
		}
	}
	return nil
}

func mixed(a, b *letter) error {
	label := func(m *letter) string {
		if m.change.Of == 0 {
			return fmt.Sprintf("v%d", m.change.Version)
		}
		return fmt.Sprintf("v%d %d/%d", m.change.Version, m.change.Number, m.change.Of)
	}
	return b.errorf("%w: %s %q is here, %s at %s; keep the mails of one version",
		ErrMixed, label(b), b.change.Title, label(a), a.where())
}

// related says whether two series may be the same in two versions: they share
// a title or a thread, or do not say in which thread they were sent.
func (s *set) related(t *set) bool {
	for _, a := range s.all() {
		for _, b := range t.all() {
			if a.change.Title == b.change.Title || a.change.thread == b.change.thread {
				return true
			}
		}
	}
	return false
}

func (s *set) all() []*letter {
	if s.cover == nil {
		return s.mails
	}
	return append([]*letter{s.cover}, s.mails...)
}

func and(list []string) string {
	if len(list) < 2 {
		return strings.Join(list, "")
	}
	return strings.Join(list[:len(list)-1], ", ") + " and " + list[len(list)-1]
}

package report

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// barTable is a table of numbers with a bar beside each: what it shows is text
// too.
type barTable struct {
	Caption string
	Of      string // what is in the first column
	Value   string // and what the number is
	Rows    []bar
	Empty   string // what to say if there is no row
}

// bar is a line of it.
type bar struct {
	Group string // the kernel; empty if it is the one before
	Label string
	Ref   string
	Text  string
	Note  string
	Width string // of 100
}

// stages are how long the stages of each kernel took.
func (b *builder) stages() *barTable {
	longest := time.Duration(0)
	for _, k := range b.all {
		for _, s := range k.Stages {
			longest = max(longest, s.Took)
		}
	}
	if longest == 0 {
		return nil
	}
	t := &barTable{Caption: "How long each stage took", Of: "stage", Value: "time"}
	for i := range b.sides {
		k := b.sides[i].runs[0] // the others find all in the cache
		group := k.Label()
		for _, s := range k.Stages {
			t.Rows = append(t.Rows, bar{Group: group, Label: s.Name, Text: duration(s.Took), Note: s.Note, Width: portion(s.Took, longest)})
			group = ""
		}
	}
	return t
}

// flakes are the tests that did not do the same in each run of their kernel; nil if
// no kernel was tested twice.
func (b *builder) flakes() *barTable {
	type one struct {
		bar
		rate float64
	}
	repeated := false
	var all []one
	for i := range b.sides {
		s := &b.sides[i]
		repeated = repeated || len(s.runs) > 1
		shown := map[string]map[string]int{} // by test, what it showed, how often
		order := []string{}
		for _, k := range s.runs {
			for j := range k.Tests {
				t := &k.Tests[j]
				if shown[t.ID] == nil {
					shown[t.ID] = map[string]int{}
					order = append(order, t.ID)
				}
				shown[t.ID][string(t.Verdict)+"\x00"+t.Saw]++
			}
		}
		for _, id := range order {
			most, of := 0, 0
			for _, n := range shown[id] {
				most, of = max(most, n), of+n
			}
			if most == of {
				continue
			}
			rate := 1 - float64(most)/float64(of)
			all = append(all, one{bar{
				Label: id, Ref: b.testRef(id), Note: "on " + s.name, Width: percent(100 * rate),
				Text: fmt.Sprintf("%d of %d", of-most, of),
			}, rate})
		}
	}
	if !repeated {
		return nil
	}
	slices.SortStableFunc(all, func(a, b one) int { return cmp.Compare(b.rate, a.rate) })
	t := &barTable{Caption: "Tests that did not show the same in each run", Of: "test", Value: "otherwise", Empty: "Each test showed the same in each run of its kernel."}
	for _, o := range all {
		t.Rows = append(t.Rows, o.bar)
	}
	return t
}

// slow is how many of the slowest tests are shown.
const slow = 12

// slowest are the tests that took longest in their guests.
func (b *builder) slowest() *barTable {
	type one struct {
		kernel string
		link   testLink
		took   time.Duration
	}
	var all []one
	for _, k := range b.all {
		for i := range k.Tests {
			if t := &k.Tests[i]; t.Took > 0 {
				all = append(all, one{k.Label(), b.link(t), t.Took})
			}
		}
	}
	if len(all) == 0 {
		return nil
	}
	slices.SortStableFunc(all, func(a, b one) int { return cmp.Compare(b.took, a.took) })
	seen := map[string]bool{} // a test on a kernel, the longest of its runs
	all = slices.DeleteFunc(all, func(o one) bool {
		key := o.kernel + "\x00" + o.link.ID
		again := seen[key]
		seen[key] = true
		return again
	})
	t := &barTable{Caption: "The slowest tests, in their guests", Of: "test", Value: "time"}
	for _, o := range all[:min(len(all), slow)] {
		note := ""
		if len(b.sides) > 1 {
			note = "on " + o.kernel
		}
		t.Rows = append(t.Rows, bar{Label: o.link.ID, Ref: o.link.Ref, Text: duration(o.took), Note: note, Width: portion(o.took, all[0].took)})
	}
	return t
}

func portion(part, of time.Duration) string {
	return percent(max(0.5, 100*float64(part)/float64(of)))
}

// duration is a time with two digits that matter, in the unit that people think in.
func duration(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return fmt.Sprintf("%.2g ms", float64(d)/float64(time.Millisecond))
	case d < time.Second:
		return milliseconds(d)
	}
	return Seconds(d)
}

func milliseconds(d time.Duration) string {
	if d < 10*time.Millisecond {
		return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
	}
	return fmt.Sprintf("%.0f ms", float64(d)/float64(time.Millisecond))
}

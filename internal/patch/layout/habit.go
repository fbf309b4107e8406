package layout

import (
	"cmp"
	"slices"
	"strings"
)

// Habit is the supposition that the author of a patch always follows one rule
// in one kind of situation, whatever the file around does.
type Habit struct {
	Class, Rule string
	Cost        float64 // how unlikely it is; see Layout
	Places      int     // decisions that it changes
}

// kindOf drops from a class what differs from one line of a group to the next.
func kindOf(class string) string {
	class, _, _ = strings.Cut(class, "/")
	class, _, _ = strings.Cut(class, ",")
	return strings.TrimSuffix(class, " on")
}

// Habits returns the habits that would change the layout in more than one
// place, the likeliest first.
func (d *Document) Habits() []Habit {
	type key struct{ class, rule string }
	sum := map[key]*Habit{}
	for _, h := range d.hunks {
		for _, c := range h.fill(h.start.clone(), nil).decisions {
			for _, choice := range c.choices[1:] {
				cost := choice.Cost - c.choices[0].Cost
				if cost > maxStep {
					continue
				}
				k := key{kindOf(c.class), choice.Rule}
				if sum[k] == nil {
					sum[k] = &Habit{Class: k.class, Rule: k.rule}
				}
				sum[k].Cost += cost
				sum[k].Places++
			}
		}
	}
	var habits []Habit
	for _, h := range sum {
		if h.Places > 1 {
			h.Cost /= float64(h.Places)
			habits = append(habits, *h)
		}
	}
	slices.SortFunc(habits, func(a, b Habit) int {
		return cmp.Or(cmp.Compare(a.Cost, b.Cost), strings.Compare(a.Class, b.Class), strings.Compare(a.Rule, b.Rule))
	})
	return habits
}

// With returns the document as an author of that habit would have written it.
func (d *Document) With(habit Habit) *Document {
	e := &Document{model: d.model}
	for _, h := range d.hunks {
		g := *h
		g.habit = &habit
		e.hunks = append(e.hunks, &g)
	}
	return e
}

// prefer puts the choice of the hunk's habit first.
func (h *Hunk) prefer(class string, choices []Choice) []Choice {
	if h.habit == nil || kindOf(class) != h.habit.Class {
		return choices
	}
	for i, c := range choices {
		if c.Rule == h.habit.Rule {
			c.Cost = 0
			return append([]Choice{c}, slices.Delete(slices.Clone(choices), i, i+1)...)
		}
	}
	return choices
}

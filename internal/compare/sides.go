package compare

import (
	"fmt"
	"slices"
	"strings"

	"uetest/internal/runs"
)

// Sides are the kernels of a record, each with all its runs, in the order in
// which they first came.
func Sides(rec *runs.Record) []Side {
	var all []Side
	for _, run := range rec.Runs {
		name := run.Label()
		i := slices.IndexFunc(all, func(s Side) bool { return s.Name == name })
		if i < 0 {
			i = len(all)
			all = append(all, Side{Name: name, Record: rec.ID, Series: rec.Asked.Series, Uetest: rec.Asked.Uetest})
			if rec.Asked.Timeout > 0 {
				all[i].Timeout = rec.Asked.Timeout.String()
			}
		}
		all[i].Runs = append(all[i].Runs, run)
	}
	return all
}

// Within compares each kernel of a record with the first of its architecture. A
// record of one kernel, or of one that grows patch by patch, has nothing to
// compare so.
func Within(rec *runs.Record) ([]*Comparison, error) {
	if len(rec.Runs) > 0 && rec.Runs[0].Prefix != nil {
		return nil, nil
	}
	var all []*Comparison
	first := map[string]Side{}
	for _, s := range Sides(rec) {
		base, later := first[arch(s.Runs[0])]
		if !later {
			first[arch(s.Runs[0])] = s
			continue
		}
		c, err := Of(base, s)
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all, nil
}

// Pick returns the two kernels to compare: a of the first record and b of the
// second, which may be the same one. Names may be left out where there is no
// choice.
func Pick(first, second *runs.Record, a, b string) (Side, Side, error) {
	x, y := Sides(first), Sides(second)
	if first == second && a == "" && b == "" {
		switch {
		case len(x) < 2:
			return Side{}, Side{}, fmt.Errorf("run %s has %s: expected two, as 'uetest run --on A,B' tests them, or a second run", first.ID, kernelsOf(x))
		case len(x) > 2:
			return Side{}, Side{}, fmt.Errorf("run %s has %s: say which two with --on A,B", first.ID, kernelsOf(x))
		}
		return x[0], x[1], nil
	}
	from, err := find(first, x, a)
	if err != nil {
		return from, Side{}, err
	}
	to, err := find(second, y, b)
	if err != nil {
		return from, to, err
	}
	if first != second && from.Name == to.Name {
		from.Name, to.Name = told(from), told(to)
	}
	return from, to, nil
}

// told is a kernel with the run that it is of.
func told(s Side) string { return s.Name + " of " + s.Record }

func find(rec *runs.Record, sides []Side, name string) (Side, error) {
	if len(sides) == 0 {
		return Side{}, fmt.Errorf("run %s has no kernel: expected one that tested something", rec.ID)
	}
	if name == "" {
		if len(sides) != 1 {
			return Side{}, fmt.Errorf("run %s has %s: say which with --on", rec.ID, kernelsOf(sides))
		}
		return sides[0], nil
	}
	for _, s := range sides {
		if s.Name == name {
			return s, nil
		}
	}
	return Side{}, fmt.Errorf("run %s has no kernel %s: it has %s", rec.ID, name, kernelsOf(sides))
}

func kernelsOf(sides []Side) string {
	var names []string
	for _, s := range sides {
		names = append(names, s.Name)
	}
	switch len(names) {
	case 0:
		return "no kernel"
	case 1:
		return "one kernel, " + names[0]
	}
	return fmt.Sprintf("%d kernels, %s", len(names), strings.Join(names, ", "))
}

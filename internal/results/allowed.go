package results

import "uetest/internal/console"

// Allowed tells whether a splat in a test, or outside of tests if the id is
// empty, is one that turns no verdict, and why.
type Allowed func(test string, s console.Splat) (reason string, ok bool)

// Allow sets which splats turn no verdict. They are kept, with the reason. It is
// called before the first message of a guest.
func (j *Judge) Allow(may Allowed) { j.may = may }

// mark says of each splat whether it is allowed in a test, or outside of tests
// if that is nil. The report that a test is there to provoke is not: its absence
// means something.
func (j *Judge) mark(s *state, splats []console.Splat) []console.Splat {
	if j.may == nil {
		return splats
	}
	id, provokes := "", ""
	if s != nil {
		id, provokes = s.result.ID, s.expect.Splat
	}
	for i := range splats {
		if splats[i].Title == provokes {
			continue
		}
		if reason, ok := j.may(id, splats[i]); ok {
			splats[i].Allowed = reason
		}
	}
	return splats
}

// Charged returns the splats that are not allowed.
func Charged(splats []console.Splat) []console.Splat {
	var charged []console.Splat
	for _, s := range splats {
		if s.Allowed == "" {
			charged = append(charged, s)
		}
	}
	return charged
}

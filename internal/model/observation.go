package model

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Observation is what one operation shows.
type Observation struct {
	// Result is "ok", an errno's name, or a value: the index that a
	// registration stored, "unstored" if it succeeded and stored none, the
	// bytes that were written, the word that was loaded.
	Result string
	// Lines is how many lines of user_events the kernel logged.
	Lines int
	// State is what there is after the operation, as "name:value", sorted:
	// the words of each page that is in a process's page table
	// ("p0.page0:00000100.00000000"), who uses an event that is enabled
	// ("ev0:ftrace+perf"), the bits that are set in the status page ("ev0.bit:1").
	State []string
}

// String is the observation in one word: result, lines and state with commas
// between them.
func (o Observation) String() string {
	return strings.Join(append([]string{o.Result, strconv.Itoa(o.Lines)}, o.State...), ",")
}

// ParseObservation parses what String makes.
func ParseObservation(s string) (Observation, error) {
	fields := strings.Split(s, ",")
	if len(fields) < 2 || fields[0] == "" {
		return Observation{}, fmt.Errorf("observation %q: want RESULT,LINES,NAME:VALUE…", s)
	}
	lines, err := strconv.Atoi(fields[1])
	if err != nil || lines < 0 {
		return Observation{}, fmt.Errorf("observation %q: %q is no number of lines", s, fields[1])
	}
	o := Observation{Result: fields[0], Lines: lines}
	for _, f := range fields[2:] {
		if name, _, ok := strings.Cut(f, ":"); !ok || name == "" {
			return Observation{}, fmt.Errorf("observation %q: %q is not NAME:VALUE", s, f)
		}
		o.State = append(o.State, f)
	}
	return o, nil
}

// Equal reports whether two observations are the same.
func (o Observation) Equal(p Observation) bool {
	return o.Result == p.Result && o.Lines == p.Lines && slices.Equal(o.State, p.State)
}

// Difference says in words where the kernel's observation got parts from what
// was expected; a line each.
func Difference(want, got Observation) []string {
	var d []string
	if want.Result != got.Result {
		d = append(d, fmt.Sprintf("result: expected %s, saw %s", want.Result, got.Result))
	}
	if want.Lines != got.Lines {
		d = append(d, fmt.Sprintf("log lines: expected %d, saw %d", want.Lines, got.Lines))
	}
	w, g := values(want.State), values(got.State)
	var names []string
	for name := range w {
		names = append(names, name)
	}
	for name := range g {
		if _, ok := w[name]; !ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		if w[name] != g[name] {
			d = append(d, fmt.Sprintf("%s: expected %s, saw %s", name, orNothing(w[name]), orNothing(g[name])))
		}
	}
	return d
}

func orNothing(value string) string {
	if value == "" {
		return "nothing"
	}
	return value
}

func values(state []string) map[string]string {
	m := map[string]string{}
	for _, s := range state {
		name, value, _ := strings.Cut(s, ":")
		m[name] = value
	}
	return m
}

// PageState is the state entry of a page that is in the page table.
func PageState(proc, page int, words [Words]uint32) string {
	shown := make([]string, Words)
	for i, w := range words {
		shown[i] = fmt.Sprintf("%08x", w)
	}
	return fmt.Sprintf("p%d.page%d:%s", proc, page, strings.Join(shown, "."))
}

// EventState is the state entry of an event that is enabled; usedBy is as the
// status file says it, "ftrace perf".
func EventState(event int, usedBy string) string {
	return fmt.Sprintf("ev%d:%s", event, strings.ReplaceAll(usedBy, " ", "+"))
}

// BitState is the state entry of a bit that is set in the status page.
func BitState(event int) string { return fmt.Sprintf("ev%d.bit:1", event) }

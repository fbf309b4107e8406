package report

import (
	"encoding/json"
	"io"
	"reflect"
	"strings"

	"uetest/internal/compare"
	"uetest/internal/results"
	"uetest/internal/runs"
)

// AllText writes the summaries of a record's kernels one after the other, and what
// kept the rest from running.
func AllText(w io.Writer, rec *runs.Record, o Options) error {
	if len(rec.Runs) > 0 && rec.Runs[0].Prefix != nil {
		return allPrefixes(w, rec, o)
	}
	var shown []*results.Run
	for _, k := range folded(rec) {
		run, err := harmless(k.Run)
		if err != nil {
			return err
		}
		one := o
		one.passes = k.passes
		one.Fault = faultOf(rec)
		if run.Repeat != "" {
			one.Reproduce = func(_, id string) string { return reproduce(run, id) }
		}
		if err := Text(w, run, one); err != nil {
			return err
		}
		shown = append(shown, run)
	}
	if err := Coverage(w, shown, o); err != nil {
		return err
	}
	if err := comparisons(w, rec, o); err != nil {
		return err
	}
	if rec.Asked.Table {
		if err := Table(w, rec.Runs); err != nil {
			return err
		}
	}
	return endedEarly(w, rec, o)
}

// comparisons writes what differs between the kernels of a record, or why that
// can't be said.
func comparisons(w io.Writer, rec *runs.Record, o Options) error {
	all, err := compare.Within(rec)
	if err != nil {
		p := &printer{w: w, color: o.Color}
		p.f("\n%s %s\n", p.paint(yellow, "NOT COMPARED"), printable(safe(err.Error())))
		return p.err
	}
	for _, c := range all {
		if err := Comparison(w, c, o); err != nil {
			return err
		}
	}
	return nil
}

// endedEarly writes what kept the rest of a record's kernels from running.
func endedEarly(w io.Writer, rec *runs.Record, o Options) error {
	if why := early(rec); why != "" {
		p := &printer{w: w, color: o.Color}
		p.f("\n%s %s\n", p.paint(red, "ENDED EARLY"), strings.ReplaceAll(safe(strings.TrimPrefix(why, earlyEnd)), "\n", "\n  "))
		return p.err
	}
	return nil
}

// allPrefixes writes what changes from prefix to prefix of a series.
func allPrefixes(w io.Writer, rec *runs.Record, o Options) error {
	var list []*results.Run
	repeat := map[string]*results.Run{}
	for _, run := range rec.Runs {
		run, err := harmless(run)
		if err != nil {
			return err
		}
		list = append(list, run)
		repeat[run.Kernel.Name] = run
	}
	o.Fault = faultOf(rec)
	o.Reproduce = func(kernel, id string) string { return reproduce(repeat[kernel], id) }
	if err := Series(w, list, o); err != nil {
		return err
	}
	return endedEarly(w, rec, o)
}

// harmless is a copy of a run whose texts do nothing to a terminal, nor to a CI
// that reads commands from what is printed.
func harmless(run *results.Run) (*results.Run, error) {
	data, err := json.Marshal(run)
	if err != nil {
		return nil, err
	}
	var clean results.Run
	if err := json.Unmarshal(data, &clean); err != nil {
		return nil, err
	}
	eachString(reflect.ValueOf(&clean), safe)
	return &clean, nil
}

// eachString puts every string that a value holds through change.
func eachString(v reflect.Value, change func(string) string) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			eachString(v.Elem(), change)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				eachString(v.Field(i), change)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			eachString(v.Index(i), change)
		}
	case reflect.Map:
		clean := map[string]string{}
		for _, key := range v.MapKeys() {
			if key.Kind() != reflect.String || v.MapIndex(key).Kind() != reflect.String {
				return
			}
			clean[change(key.String())] = change(v.MapIndex(key).String())
		}
		if v.Type() == reflect.TypeOf(clean) && len(clean) > 0 {
			v.Set(reflect.ValueOf(clean))
		}
	case reflect.String:
		v.SetString(change(v.String()))
	}
}

// safe is plain text none of whose lines is a workflow command: GitHub's runner
// looks for those at the beginning of every line that a step prints, behind
// blanks.
func safe(s string) string {
	s = plain(s)
	if !strings.Contains(s, "::") && !strings.Contains(s, "##[") {
		return s
	}
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		if text := strings.TrimLeft(l, " \t"); strings.HasPrefix(text, "::") || strings.HasPrefix(text, "##[") {
			lines[i] = "| " + l
		}
	}
	return strings.Join(lines, "\n")
}

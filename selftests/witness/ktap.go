package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// result is what one function of a program said.
type result struct {
	function string // "user.enablement"
	said     string // ok, not-ok or skipped
}

// parser reads what tools/testing/selftests/kselftest_harness.h prints: KTAP
// (Documentation/dev-tools/ktap.rst) with comments in between.
//
//	TAP version 13
//	1..2
//	#  RUN           user.flags ...
//	#            OK  user.flags
//	ok 1 user.flags
//	#  RUN           user.forks ...
//	#      SKIP      no time
//	ok 2 # SKIP no time
//
// The number behind ok counts from 1. A skipped function's name is missing in
// 6.1, so the comment before it has to say whose result it is.
type parser struct {
	planned int
	running string
	results []result
}

// line takes one line. Lines that say nothing about a result are passed over:
// the programs' own words.
func (p *parser) line(l string) error {
	if name, ok := strings.CutPrefix(l, "#  RUN "); ok {
		name, ok = strings.CutSuffix(strings.TrimSpace(name), " ...")
		if !ok || name == "" || strings.ContainsAny(name, " \t=") {
			return fmt.Errorf("%q names no function", l)
		}
		if p.running != "" {
			return fmt.Errorf("%q while %s has no result yet", l, p.running)
		}
		p.running = name
		return nil
	}
	if n, ok := strings.CutPrefix(l, "1.."); ok && p.planned == 0 {
		planned, err := strconv.Atoi(n)
		if err != nil || planned < 1 {
			return fmt.Errorf("%q is no plan", l)
		}
		p.planned = planned
		return nil
	}
	said, rest := "ok", ""
	switch {
	case strings.HasPrefix(l, "ok "):
		rest = l[len("ok "):]
	case strings.HasPrefix(l, "not ok "):
		said, rest = "not-ok", l[len("not ok "):]
	default:
		return nil
	}
	number, rest, _ := strings.Cut(rest, " ")
	if n, err := strconv.Atoi(number); err != nil || n != len(p.results)+1 {
		return fmt.Errorf("%q: want the number %d", l, len(p.results)+1)
	}
	name, directive, _ := strings.Cut(rest, "#")
	if word, _, _ := strings.Cut(strings.TrimSpace(directive), " "); word == "SKIP" {
		said = "skipped"
	}
	name = strings.TrimSpace(name)
	switch {
	case p.running == "":
		return fmt.Errorf("%q, and no function runs", l)
	case name != "" && name != p.running:
		return fmt.Errorf("%q while %s runs", l, p.running)
	}
	p.results = append(p.results, result{p.running, said})
	p.running = ""
	return nil
}

// end returns the results, if they are all that were planned.
func (p *parser) end() ([]result, error) {
	switch {
	case p.planned == 0:
		return nil, errors.New("no plan: no line 1..N")
	case p.running != "":
		return nil, fmt.Errorf("it ended while %s ran", p.running)
	case len(p.results) != p.planned:
		return nil, fmt.Errorf("%d results, and %d were planned", len(p.results), p.planned)
	}
	return p.results, nil
}

// parse returns the results in what a program printed.
func parse(lines []string) ([]result, error) {
	var p parser
	for _, l := range lines {
		if err := p.line(l); err != nil {
			return nil, err
		}
	}
	return p.end()
}

// functions returns what a program lists under -l, as it takes it under -r: a
// line a function, its name from column 47 on; the fixture stands in the first
// line that it has.
//
//	# FIXTURE            VARIANT                   TEST
//	global
//	----------------------------------------------------
//	user                                           enablement
//	                                               flags
func functions(lines []string) ([]string, error) {
	const variantAt, nameAt = 21, 47
	var names []string
	fixture := ""
	for _, l := range lines {
		if l == "" || l[0] == '#' || l[0] == '-' {
			continue
		}
		if len(l) < nameAt {
			l += strings.Repeat(" ", nameAt-len(l))
		}
		if f := strings.TrimSpace(l[:variantAt]); f != "" {
			fixture = f
		}
		name := strings.TrimSpace(l[nameAt:])
		switch {
		case strings.TrimSpace(l[variantAt:nameAt]) != "":
			return nil, fmt.Errorf("%q: a variant, which no program had", l)
		case name == "":
		case fixture == "" || strings.ContainsAny(name+fixture, " \t="):
			return nil, fmt.Errorf("%q names no function", l)
		default:
			names = append(names, fixture+"."+name)
		}
	}
	if len(names) == 0 {
		return nil, errors.New("it lists no functions")
	}
	return names, nil
}

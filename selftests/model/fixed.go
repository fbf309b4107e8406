package main

import (
	"strings"

	"uetest/internal/model"
	"uetest/internal/uapi"
	"uetest/selftests/kit"
)

// A fixed program reports what an operation shows under the name behind its
// "#", if there is one.

// grandchildren has an event enabled before a fork, and a fork of the fork,
// each of which writes the page at another time.
const grandchildren = `
open p0 f0
map p0 page0 private
store p0 page0.0 0x0
register p0 f0 ev0 page0.0 bit3
enable trigger ev0              # triggered
fork p0 p1
store p1 page0.0 0x100
fork p1 p2
register p2 f0 ev0 page0.0 bit4 # registered
exit p1
store p2 page0.1 0x1
enable perf ev0                 # perf-too
store p0 page0.1 0x2
disable trigger ev0
disable perf ev0                # off
`

// passedOn has registrations outlive the process that made them, in one that
// executes another image, and a descriptor that comes from another process.
const passedOn = `
open p0 f0 keep
map p0 page0 shared
fork p0 p1
load p1 page0.0
register p1 f0 ev1 page0.0 bit31
enable instance ev1
close p0 f0
exec p1
disable instance ev1             # executed
fork p0 p2
open p2 f1
pass p2 f1 p0
register p0 f1 ev1 page0.0 bit0  # untouched
exit p2
load p0 page0.0
enable set_event ev1             # touched
write p0 f1 ev1                  # written
exit p1
disable file ev1                 # exited
`

// step is an operation of a fixed program and the name of what it shows.
type step struct {
	op   model.Op
	name string
}

func steps(text string) ([]step, error) {
	var list []step
	for line := range strings.Lines(text) {
		op, name, _ := strings.Cut(strings.TrimSpace(line), "#")
		if op == "" {
			continue
		}
		o, err := model.ParseOp(op)
		if err != nil {
			return nil, err
		}
		list = append(list, step{o, strings.TrimSpace(name)})
	}
	return list, nil
}

// fixed carries out one program.
func fixed(t *kit.T, text string) {
	list, err := steps(text)
	t.Check(err)
	k, m := newKernel(t), model.New(generation(t))
	k.begin()
	for _, s := range list {
		if seen := k.do(s.op, m.Do(s.op)); s.name != "" {
			t.Saw(s.name, seen.String())
		}
	}
	k.end()
}

// generation is the model's for the running kernel. What is expected matters
// only where the kernel does things later.
func generation(t *kit.T) model.Generation {
	switch t.Family() {
	case uapi.G3:
		return model.G3
	case uapi.G1:
		return model.G1
	}
	return model.G0
}

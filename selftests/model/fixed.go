package main

import (
	"fmt"

	"uetest/internal/model"
	"uetest/selftests/kit"
)

// grandchildren has an event enabled before a fork, and a fork of the fork,
// each of which writes the page at another time.
const grandchildren = `
open p0 f0
map p0 page0 private
store p0 page0.0 0x0
register p0 f0 ev0 page0.0 bit3
enable trigger ev0
fork p0 p1
store p1 page0.0 0x100
fork p1 p2
register p2 f0 ev0 page0.0 bit4
exit p1
store p2 page0.1 0x1
enable perf ev0
store p0 page0.1 0x2
disable trigger ev0
disable perf ev0
`

// passedOn has a descriptor outlive the process that registered on it, in one
// that executes another image.
const passedOn = `
open p0 f0 keep
map p0 page0 shared
fork p0 p1
load p1 page0.0
register p1 f0 ev1 page0.0 bit31
enable instance ev1
close p0 f0
exec p1
disable instance ev1
fork p0 p2
open p2 f1
pass p2 f1 p0
register p0 f1 ev1 page0.0 bit0
exit p2
enable set_event ev1
write p0 f1 ev1
exit p1
disable file ev1
`

// fixed carries out one program and reports what each step changed.
func fixed(t *kit.T, text string) {
	p, err := model.ParseProgram(text)
	t.Check(err)
	k := newKernel(t)
	k.begin()
	for i, o := range p {
		t.Saw(fmt.Sprint(i+1), k.do(o, nil).String())
	}
	k.end()
}

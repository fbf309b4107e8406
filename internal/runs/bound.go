package runs

import (
	"fmt"

	"uetest/internal/console"
	"uetest/internal/results"
)

// How much of what a guest says goes into a record. What a test prints comes
// from the kernel under test, which may print without end. All of it is in the
// guest's files beside the record.
const (
	MaxLog    = 256 << 10 // bytes of each of a test's log, its kernel log, a splat
	MaxLine   = 16 << 10  // bytes of one line of these
	MaxSplats = 64        // of one test, or outside of tests
	MaxPatch  = 1 << 20   // bytes of a patch's text
	MaxSample = 1000      // numbers that one test measured
	MaxConfig = 256 << 10 // bytes of the options that a configuration sets
	MaxRecord = 64 << 20  // bytes after which tests are recorded without logs
	MaxPasses = 128 << 20 // bytes after which the kernels are not gone over again
)

// bounded is a test as it goes into a record that has written bytes so far.
func bounded(t results.Test, written int64) results.Test {
	if written > MaxRecord {
		t.Log, t.Kmsg = leftOut(t.Log), leftOut(t.Kmsg)
	}
	t.Log, t.Kmsg = boundLines(t.Log), boundLines(t.Kmsg)
	t.Splats = boundSplats(t.Splats)
	t.Samples = t.Samples[:min(len(t.Samples), MaxSample)]
	return t
}

// boundRun is a run as it goes into a record, without its tests.
func boundRun(r *results.Run) *results.Run {
	b := *r
	b.Tests = nil
	b.Splats = boundSplats(r.Splats)
	b.Problems = boundLines(r.Problems)
	return &b
}

func leftOut(lines []string) []string {
	if len(lines) == 0 {
		return nil
	}
	return []string{fmt.Sprintf("… %d lines left out: the record is full; the guest's files have them", len(lines))}
}

func boundSplats(splats []console.Splat) []console.Splat {
	if len(splats) == 0 {
		return splats
	}
	b := append([]console.Splat(nil), splats[:min(len(splats), MaxSplats)]...)
	for i := range b {
		b[i].Lines = boundLines(b[i].Lines)
	}
	if n := len(splats) - len(b); n > 0 {
		last := &b[len(b)-1]
		last.Lines = append(last.Lines[:len(last.Lines):len(last.Lines)], fmt.Sprintf("… and %d more reports of the kernel; the guest's files have them", n))
	}
	return b
}

// boundLines keeps the beginning and the end of a log that is too long, and says
// what is missing between them.
func boundLines(lines []string) []string {
	size, long := 0, false
	for _, l := range lines {
		size += len(l) + 1
		long = long || len(l) > MaxLine
	}
	if size <= MaxLog && !long {
		return lines
	}
	cut := make([]string, len(lines))
	for i, l := range lines {
		if cut[i] = l; len(l) > MaxLine {
			cut[i] = fmt.Sprintf("%s… and %d bytes more", l[:MaxLine], len(l)-MaxLine)
		}
	}
	head, room := 0, MaxLog/2
	for head < len(cut) && room > len(cut[head]) {
		room -= len(cut[head]) + 1
		head++
	}
	tail := len(cut)
	for room = MaxLog / 2; tail > head && room > len(cut[tail-1]); tail-- {
		room -= len(cut[tail-1]) + 1
	}
	if tail == head {
		return cut
	}
	note := fmt.Sprintf("… %d lines left out here; the guest's files have them", tail-head)
	return append(append(cut[:head:head], note), cut[tail:]...)
}

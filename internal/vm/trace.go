package vm

import (
	"fmt"
	"strings"
)

// Trace asks QEMU to write down which of the guest's code it translates. Under
// emulation code is translated when it is first met, and so a guest that was just
// started or restored, which has none translated yet, leaves in its trace all
// that it executes, each instruction once or a few times. That costs nothing
// that can be measured. A trace of each execution (-d exec,nochain) has to keep
// QEMU from running translated code in one go: the same run takes 2.3 times as
// long.
type Trace struct {
	File string // gets the trace; an existing file is emptied
	// Code are the stretches of code that are of interest, by their addresses. A
	// stretch has to begin where code is entered: what QEMU translates in one go
	// is of interest by its first instruction.
	Code []CodeRange
}

// CodeRange are the addresses from Start on up to, and without, End.
type CodeRange struct{ Start, End uint64 }

func (t *Trace) args() []string {
	if t == nil {
		return nil
	}
	var ranges []string
	for _, r := range t.Code {
		ranges = append(ranges, fmt.Sprintf("%#x..%#x", r.Start, r.End-1))
	}
	return []string{"-d", "in_asm", "-D", t.File, "-dfilter", strings.Join(ranges, ",")}
}

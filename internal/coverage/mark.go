package coverage

import (
	"regexp"
	"strings"
)

// jump is a line that is one statement that leads elsewhere and computes nothing.
var jump = regexp.MustCompile(`^([ \t]*)((?:return\b[^(){}"']*|continue|break|goto[ \t]+\w+)[ \t]*;)([ \t]*(?:/\*.*\*/[ \t]*)?)$`)

// Mark puts something to be counted into lines of a C file that nothing is left
// of otherwise: "return -EINVAL;" and "continue;" are not code of their own to an
// optimising compiler, but another way out of the statement before, and so
// neither its counters nor its line table has them. The instruction that is put
// there is empty. No other line changes, and none its number.
//
// Jumps that the regular expression does not know for certain stay as they are:
// a return of what is computed is code already.
func Mark(text []byte, wanted func(line int) bool) []byte {
	lines := strings.SplitAfter(string(text), "\n")
	for i, l := range lines {
		if !wanted(i + 1) {
			continue
		}
		bare := strings.TrimRight(l, "\r\n")
		if m := jump.FindStringSubmatch(bare); m != nil {
			lines[i] = m[1] + `{ __asm__ __volatile__(""); ` + m[2] + " }" + m[3] + l[len(bare):]
		}
	}
	return []byte(strings.Join(lines, ""))
}

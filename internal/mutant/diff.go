package mutant

import (
	"fmt"
	"strings"
)

// around is how many unchanged lines stand around a change.
const around = 3

// unified is the diff between two texts with the same number of lines, and the first
// line that differs.
func unified(file, before, after string) (diff string, line int) {
	a, b := splitLines(before), splitLines(after)
	if len(a) != len(b) {
		return "", 0
	}
	var changed []int
	for i := range a {
		if a[i] != b[i] {
			changed = append(changed, i)
		}
	}
	if len(changed) == 0 {
		return "", 0
	}
	var out strings.Builder
	header(&out, file)
	for i := 0; i < len(changed); {
		k := i
		for k+1 < len(changed) && changed[k+1]-changed[k] <= 2*around {
			k++
		}
		from, to := max(0, changed[i]-around), min(len(a), changed[k]+around+1)
		fmt.Fprintf(&out, "@@ -%d,%d +%d,%d @@\n", from+1, to-from, from+1, to-from)
		for n := from; n < to; {
			if a[n] == b[n] {
				put(&out, ' ', a[n])
				n++
				continue
			}
			end := n
			for end < to && a[end] != b[end] {
				put(&out, '-', a[end])
				end++
			}
			for ; n < end; n++ {
				put(&out, '+', b[n])
			}
		}
		i = k + 1
	}
	return out.String(), changed[0] + 1
}

func header(out *strings.Builder, file string) {
	fmt.Fprintf(out, "--- a/%s\n+++ b/%[1]s\n", file)
}

func put(out *strings.Builder, op byte, line string) {
	out.WriteByte(op)
	out.WriteString(line)
	if !strings.HasSuffix(line, "\n") {
		out.WriteString("\n\\ No newline at end of file\n")
	}
}

// splitLines splits a text into lines with their ends.
func splitLines(s string) []string {
	lines := strings.SplitAfter(s, "\n")
	if last := len(lines) - 1; lines[last] == "" {
		lines = lines[:last]
	}
	return lines
}

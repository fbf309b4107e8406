package layout

import (
	_ "embed"
	"math"
	"strconv"
	"strings"
	"sync"
)

// priorText says how often each rule holds in the source of Linux 6.1, by
// class of situation. The command measure writes it.
//
//go:embed priors.txt
var priorText string

// habits is what the kernel does in one class of situation.
type habits struct {
	weight float64            // situations of a file that this counts for
	shares map[string]float64 // by rule, between 0 and 1
}

// priors is priorText, by class.
var priors = sync.OnceValue(func() map[string]habits {
	table := map[string]habits{}
	for line := range strings.Lines(priorText) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		h := habits{shares: map[string]float64{}}
		var err error
		if h.weight, err = strconv.ParseFloat(fields[1], 64); err != nil {
			panic("priors.txt: " + line) // the file is ours, and a test reads it
		}
		for _, f := range fields[2:] {
			rule, share, _ := strings.Cut(f, "=")
			n, err := strconv.Atoi(share)
			if err != nil {
				panic("priors.txt: " + line)
			}
			h.shares[rule] = float64(n) / 1000
		}
		table[fields[0]] = h
	}
	return table
})

// Weights where the kernel's habits say nothing: of a class that the kernel
// hardly has, of a rule that was never seen to hold, and of the rule that an
// edited line keeps the columns of the line it replaces, which no file shows.
const (
	rareWeight  = 6
	neverWeight = 0.01
	editWeight  = 8
)

// prior is what a rule counts before the file has said anything: as often as
// it holds in the kernel. In a class that the kernel hardly has, rules count
// in the order in which they are listed, i being the place of this one.
func prior(class, rule string, i int) float64 {
	if rule == sameEdit {
		return editWeight
	}
	if h, ok := priors()[class]; ok {
		return h.weight*h.shares[rule] + neverWeight
	}
	return rareWeight*math.Pow(0.35, float64(i)) + neverWeight
}

// sameEdit is the rule that an edited line keeps its columns.
const sameEdit = "edited"

// Counts returns how often each set of rules held in the file, by class of
// situation. The rules of a set are joined with "|".
func (m *Model) Counts() map[string]map[string]int {
	counts := map[string]map[string]int{}
	for class, records := range m.seen {
		counts[class] = map[string]int{}
		for _, r := range records {
			counts[class][r.set]++
		}
	}
	return counts
}

// Command measure counts which rule of layout holds how often in C files and
// prints the table that internal/patch/layout starts from:
//
//	go run ./internal/patch/layout/measure DIR >internal/patch/layout/priors.txt
//
// DIR is a kernel source tree. Every seventh C file and header is read, in the
// order of their names; generated register headers are left out.
package main

import (
	"bufio"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"uetest/internal/patch/layout"
)

const (
	every   = 7       // files
	largest = 200_000 // bytes
	fewest  = 40      // situations of a class, or it is left out
	least   = 2       // per mille, or a rule is left out

	lightest, heaviest = 0.3, 30.0 // weights
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: measure DIR")
		os.Exit(2)
	}
	if err := measure(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "measure:", err)
		os.Exit(1)
	}
}

func measure(dir string) error {
	total := map[string]*class{}
	n := 0
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !e.Type().IsRegular() {
			return err
		}
		if ext := filepath.Ext(path); ext != ".c" && ext != ".h" || strings.Contains(path, "/asic_reg/") {
			return nil
		}
		if n++; n%every != 0 {
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil || len(data) > largest {
			return err
		}
		for name, sets := range layout.Learn(strings.Split(string(data), "\n")).Counts() {
			if total[name] == nil {
				total[name] = &class{sets: map[string]int{}}
			}
			total[name].add(sets)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return write(total)
}

// class is a class of situation in all files.
type class struct {
	sets map[string]int // by the rules that held, joined with "|"
	all  int            // situations

	// Within a file: situations that have a fellow, and those that agree with
	// one drawn at random from the others of the file.
	paired int
	agreed float64
}

func (c *class) add(sets map[string]int) {
	n := 0
	for set, k := range sets {
		c.sets[set] += k
		n += k
	}
	c.all += n
	if n < 2 {
		return
	}
	c.paired += n
	for _, k := range sets {
		c.agreed += float64(k) * float64(k-1) / float64(n-1)
	}
}

// weight says how many situations of a file the habits of all files count for:
// the concentration of a Dirichlet distribution, from how much more often two
// situations agree in a file than anywhere.
func (c *class) weight() float64 {
	if c.paired == 0 {
		return heaviest
	}
	within, anywhere := c.agreed/float64(c.paired), 0.0
	for _, n := range c.sets {
		p := float64(n) / float64(c.all)
		anywhere += p * p
	}
	if within <= anywhere {
		return heaviest
	}
	return min(max((1-within)/(within-anywhere), lightest), heaviest)
}

// write prints a line for each class: its name, its weight, then each rule and
// its share per mille, separated by tabs.
func write(total map[string]*class) error {
	out := bufio.NewWriter(os.Stdout)
	for _, name := range sorted(total) {
		c := total[name]
		if c.all < fewest {
			continue
		}
		fmt.Fprintf(out, "%s\t%.1f", name, c.weight())
		shares := share(c.sets, c.all)
		for _, rule := range sorted(shares) {
			if n := int(1000 * shares[rule]); n >= least {
				fmt.Fprintf(out, "\t%s=%d", rule, n)
			}
		}
		fmt.Fprintln(out)
	}
	return out.Flush()
}

// share says how often each rule was the one that was followed. Several rules
// often say the same, and only one was meant; who it was is shared out by how
// often each is followed elsewhere, again and again until it settles
// (expectation maximisation).
func share(sets map[string]int, all int) map[string]float64 {
	shares := map[string]float64{}
	for set := range sets {
		for _, rule := range strings.Split(set, "|") {
			shares[rule] = 1
		}
	}
	delete(shares, "")
	for range 50 {
		next := map[string]float64{}
		for set, n := range sets {
			rules := strings.Split(set, "|")
			sum := 0.0
			for _, rule := range rules {
				sum += shares[rule]
			}
			if set == "" || sum == 0 {
				continue
			}
			for _, rule := range rules {
				next[rule] += float64(n) / float64(all) * shares[rule] / sum
			}
		}
		shares = next
	}
	return shares
}

func sorted[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

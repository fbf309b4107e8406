package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"uetest/internal/coverage"
	"uetest/internal/runs"
)

// LCOV writes the coverage of the patch as geninfo(1) describes its files: a
// section a test and file, with the added lines that have code; of a run without
// any there is a comment. The paths are
// those of the kernel's tree, so genhtml(1) is to be run in the patched one.
func LCOV(w io.Writer, rec *runs.Record, _ Options) error {
	reports := coverageOf(rec.Runs)
	out := bufio.NewWriter(w) // Flush tells
	if why := early(rec); why != "" {
		_, _ = fmt.Fprintf(out, "# %s\n", plain(strings.ReplaceAll(why, "\n", " ")))
	}
	if len(reports) == 0 {
		_, _ = fmt.Fprintln(out, "# no coverage: run with --coverage, on a kernel with a patch under test")
	}
	for _, r := range reports {
		for n, id := range r.Tests {
			for i := range r.Files {
				lcovFile(out, &r.Files[i], n, id)
			}
		}
	}
	return out.Flush()
}

func lcovFile(w io.Writer, f *coverage.File, test int, id string) {
	var lines strings.Builder
	found, hit := 0, 0
	for k := range f.Hunks {
		for _, l := range f.Hunks[k].Lines {
			if !l.Added() || !l.Code {
				continue
			}
			count := 0
			for _, n := range l.Tests {
				if n == test {
					count = 1
				}
			}
			found++
			hit += count
			fmt.Fprintf(&lines, "DA:%d,%d\n", l.Number, count)
		}
	}
	if found == 0 {
		return
	}
	_, _ = fmt.Fprintf(w, "TN:%s\nSF:%s\n%sLF:%d\nLH:%d\nend_of_record\n", lcovTest(id), f.Path, lines.String(), found, hit)
}

// lcovTest is a test's id as lcov takes it: letters, digits and underscores.
func lcovTest(id string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
			return c
		}
		return '_'
	}, id)
}

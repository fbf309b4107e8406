package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"uetest/internal/report"
)

// exitCodes is told by the root and by a topic. A test compares it with package
// blame.
const exitCodes = `  0    all as expected
  1    a test failed, a known fault vanished, a result is missing
  2    usage
  3    patch or build failed
  4    nothing ran
  5    the kernel crashed or did not boot
  6    the harness or the host is at fault
  130  interrupted`

const topicExitCodes = `The exit code says who has to act:

` + exitCodes + `

Of several kernels, or patches with --each, the code is that of the worst, the
greatest. Known faults are expected: a run of the shipped series exits with 0 while
each of them shows as the catalogue has it, and with 1 when one no longer does.

Other verbs say the same with the same code: bisect exits with 1 if GOOD is not
good or BAD not bad, compare if something regressed, replay if anything differs from
the recording; patch check with 3 if a patch does not apply, doctor with 6 if the
main job cannot be done. The exit code of shell is the command's, or 1 if its time
was up.

For git bisect run, which takes 125 for a commit that cannot be tested, and 1 for
a bad one:

  uetest run -C . --no-patch; e=$?
  case $e in 3|4|6) exit 125;; 5) exit 1;; *) exit $e;; esac

uetest bisect does that by itself, without checking anything out.`

const topicEnvironment = `Of uetest:

  UETEST_CACHE        where sources, builds, images and runs are kept
                      (default: $XDG_CACHE_HOME/uetest, ~/.cache/uetest)
  UETEST_CACHE_LIMIT  how big the cache may be: 40G, 500MB, none (default: 30 GiB);
                      the least recently used goes first, see uetest clean
  UETEST_ROOT         the uetest source tree, which the guest's image is made of
                      (default: found from the program's place and the current
                      directory)

As make takes them, for every kernel that is built; flags win:

  ARCH                --arch
  CROSS_COMPILE       --cross-compile
  LLVM                --llvm
  CCACHE_*            for ccache, which is used if it is there; CCACHE_DIR is
                      in the cache if it is not set

Of everybody:

  TMPDIR              for files that end with uetest at the latest
  NO_COLOR            no colours, if it is set
  TERM                dumb: no progress bars and no colours
  GOFLAGS, GOPROXY,   for the go command, which compiles the tests
  GOTOOLCHAIN, …

A kernel's build gets nothing else of the environment, so that it makes the same
image.`

const topicKernels = `A kernel is named by what it is made of. --on takes one or several with a comma
between them:

  rfc            a kernel of the series: uetest list kernels
  rfc~1          without its last patch; ~2 without the last two
  rfc+kasan      in a variant, as -K kasan: uetest list variants
  rfc@arm64      for an architecture, as --arch arm64
  rfc~1+kasan@arm64
                 all of that, in this order

Reports name them so, and more that --on does not take, because flags make them:

  rfc+fix        with the patch fix.patch on top: --patch fix.patch
  tree           a tree of your own as it is: -C DIR --no-patch
  vmlinuz        a kernel that is already built: --kernel vmlinuz

The series is the shipped one, rfc, unless --series names the folder of your own
(docs/series.md). Its kernels are built of Debian's source package, or of the tree
of -C, which is never written to.

What a kernel is expected to show goes by its generation: how user_events tells a
program that an event is enabled.

  g0          by a page that the program maps (6.1)
  g0+stable   the same with the fixes of the stable tree
  g1          the RFC: the kernel writes a bit into the program's memory
  g2          the RFC with its second patch, which faults pages in
  g3          as it was merged: upstream 6.4 and later

A kernel of the series declares its generation and has to answer so when it is
asked; any other is asked and believed.`

const topicTests = `A test has an id, AREA/NAME: uetest list tests. Ids do not change from run to run
and hold nothing that does.

--run takes a regular expression that the whole id has to match:

  --run fork/private-nobody-wrote    one test
  --run 'fork/.*'                    an area
  --run 'fork/.*|cow/.*'             two
  --run boot/kernel                  of bisect: since when the kernel does not boot

A test says what it saw; the catalogue has what each generation should show. The
verdict is made of both:

  as expected    what the ABI promises
  known fault    not what it promises, in the way that the catalogue names:
                 uetest list faults
  fixed          a known fault that no longer shows
  regressed      neither the promise nor the fault
  unknown fault  the kernel made a report or died during the test
  error          the test could not do its work
  missing        it was to run and never reported
  skipped        the kernel may lack what the test needs, and does

The first two and the last are good; any other makes the exit code 1.

Tests share a guest unless they may hurt the next one; --isolate test gives each a
kernel that nobody used.`

// topics are pages that belong to no verb: uetest help TOPIC.
func topics() []*cobra.Command {
	return []*cobra.Command{
		{Use: "environment", Short: "which variables uetest reads", Long: topicEnvironment},
		{Use: "exit-codes", Short: "who is at fault, by the exit code", Long: topicExitCodes},
		{Use: "formats", Short: "what --format and --out write", Long: topicFormats()},
		{Use: "kernels", Short: "how kernels are named, and what is expected of them", Long: topicKernels},
		{Use: "tests", Short: "test ids, --run and the verdicts", Long: topicTests},
	}
}

func topicFormats() string {
	var b strings.Builder
	b.WriteString("--format FORMAT prints one of these, --out FORMAT=FILE writes one beside it, as\noften as it is given:\n\n")
	for _, f := range report.Formats() {
		fmt.Fprintf(&b, "  %-14s  for %s\n", f.Name, f.For)
	}
	b.WriteString(`
Each is made of the record of the run alone, so uetest report RUN --format FORMAT
gives the same bytes any time later. A file is written anew, but for
github-summary, which is appended to. Nothing is sent anywhere.

What is in each: docs/formats.md.`)
	return b.String()
}

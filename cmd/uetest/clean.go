package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"uetest/internal/blame"
	"uetest/internal/cache"
)

// defaultLimit is what the cache may have if UETEST_CACHE_LIMIT does not say. A
// source is 1.5 GB, a build directory 0.4 GB and up to 1.7 GB in a debug
// variant, an image 60 MB, a guest image 7 MB: two sources with ten builds each
// fit.
const defaultLimit = 30 << 30

const limitVariable = "UETEST_CACHE_LIMIT"

// cacheLimit returns how many bytes the cache may have; 0 is no limit.
func cacheLimit() (int64, error) {
	text := os.Getenv(limitVariable)
	if text == "" {
		return defaultLimit, nil
	}
	if text == "none" {
		return 0, nil
	}
	n, err := humanize.ParseBytes(text)
	if err != nil || n == 0 || n > 1<<62 {
		return 0, blame.On(blame.Usage, errorf("%s=%s: expected a size like 40G or 500MB, or none", limitVariable, text))
	}
	return int64(n), nil
}

// trimCache applies the limit after a verb that has put something into the
// cache. What goes wrong is told and changes nothing of the verb's outcome.
func trimCache(stderr io.Writer) {
	if !cache.Grown() {
		return
	}
	c, limit, err := openCache()
	if err == nil {
		var done cache.Removal
		if done, err = c.Trim(limit); len(done.Items) > 0 {
			fmt.Fprintf(stderr, "uetest: the cache was over its limit of %s: removed %d entries, %s; see uetest clean\n",
				bytesText(limit), len(done.Items), bytesText(done.Size))
		}
	}
	if err != nil {
		first, _, _ := strings.Cut(err.Error(), "\n")
		fmt.Fprintf(stderr, "uetest: the cache is not kept to its limit: %s\n", first)
	}
}

func openCache() (*cache.Cache, int64, error) {
	limit, err := cacheLimit()
	if err != nil {
		return nil, 0, err
	}
	dir, err := cacheDir()
	if err != nil {
		return nil, 0, err
	}
	c, err := cache.Open(dir)
	return c, limit, err
}

// cleanFlags say what to remove.
type cleanFlags struct {
	all, runs, dry bool
	kinds          []string
	olderThan      string
	age            time.Duration // of olderThan
}

func newClean() *cobra.Command {
	var f cleanFlags
	c := &cobra.Command{
		Use:   "clean",
		Short: "show what is in the cache and remove what is not needed",
		Long: `Clean shows what is in the cache, then removes what killed runs have left and,
of the rest, the least recently used until the cache is within its limit:
` + limitVariable + `, ` + bytesText(defaultLimit) + ` unless it is set. Every run that adds to
the cache does the same.

The flags choose entries to remove besides. What another run uses, or makes, is
never removed. A kernel that is removed takes minutes to build again, a source
that is removed half a minute to unpack.`,
		Example: `  uetest clean                             # what there is; over the limit: remove
  uetest clean -n --older-than 7d          # what was not used for a week
  uetest clean --kind build --kind images  # all kernels that nobody uses`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := f.check(); err != nil {
				return err
			}
			return f.clean(c.OutOrStdout(), time.Now())
		},
	}
	fl := c.Flags()
	fl.BoolVar(&f.all, "all", false, "everything that nobody uses")
	fl.StringSliceVar(&f.kinds, "kind", nil, "entries of a kind: "+strings.Join(cache.Kinds(), ", ")+"; repeatable")
	fl.BoolVar(&f.runs, "runs", false, "saved runs; the same as --kind runs")
	fl.StringVar(&f.olderThan, "older-than", "", "only what was not used for that long: 7d, 12h, 30m; of all kinds unless one is named")
	fl.BoolVarP(&f.dry, "dry-run", "n", false, "say what would be removed, remove nothing")
	return c
}

func (f *cleanFlags) check() error {
	if f.runs {
		f.kinds = append(f.kinds, cache.Runs)
	}
	for _, kind := range f.kinds {
		if !slices.Contains(cache.Kinds(), kind) {
			return blame.On(blame.Usage, errorf("--kind %s: expected one of %s", kind, strings.Join(cache.Kinds(), ", ")))
		}
	}
	if f.all && len(f.kinds) > 0 {
		return blame.On(blame.Usage, errorf("--all is every kind; leave it or --kind out"))
	}
	if f.olderThan == "" {
		return nil
	}
	var err error
	if f.age, err = parseAge(f.olderThan); err != nil {
		return blame.On(blame.Usage, err)
	}
	return nil
}

// parseAge reads a duration that may be in days.
func parseAge(text string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.ParseUint(days, 10, 16); err == nil {
			return time.Duration(n) * 24 * time.Hour, nil
		}
	} else if age, err := time.ParseDuration(text); err == nil && age >= 0 {
		return age, nil
	}
	return 0, errorf("--older-than %s: expected an age like 7d, 12h or 30m", text)
}

// wants tells whether the flags choose an entry.
func (f *cleanFlags) wants(item cache.Item, now time.Time) bool {
	switch {
	case !f.all && len(f.kinds) == 0 && f.olderThan == "":
		return item.State == cache.Damaged
	case len(f.kinds) > 0 && !slices.Contains(f.kinds, item.Kind):
		return false
	}
	return now.Sub(item.Used) >= f.age
}

func (f *cleanFlags) clean(w io.Writer, now time.Time) error {
	c, limit, err := openCache()
	if err != nil {
		return err
	}
	items, err := c.List()
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%s, limit %s\n", c.Dir(), bytesText(limit))
	if err := printKinds(w, items, now); err != nil {
		return err
	}
	done, err := c.Clean(func(item cache.Item) bool { return f.wants(item, now) }, limit, f.dry)
	f.printRemoval(w, done, now)
	return err
}

// printKinds prints a line a kind, and one on all.
func printKinds(w io.Writer, items []cache.Item, now time.Time) error {
	if len(items) == 0 {
		return nil
	}
	table := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(table, "KIND\tENTRIES\tIN USE\tSIZE\tLAST USED")
	row := func(name string, belongs func(cache.Item) bool) {
		var entries, used int
		var size int64
		var last time.Time
		for _, item := range items {
			if !belongs(item) {
				continue
			}
			entries++
			size += item.Size
			if item.State == cache.InUse {
				used++
			}
			if item.Used.After(last) {
				last = item.Used
			}
		}
		if entries > 0 {
			fmt.Fprintf(table, "%s\t%d\t%d\t%s\t%s\n", name, entries, used, bytesText(size), ago(last, now))
		}
	}
	for _, kind := range cache.Kinds() {
		row(kind, func(item cache.Item) bool { return item.Kind == kind })
	}
	row("all", func(cache.Item) bool { return true })
	return table.Flush()
}

// printRemoval says what was removed: a line an entry if nothing was, so that it
// can be looked through.
func (f *cleanFlags) printRemoval(w io.Writer, done cache.Removal, now time.Time) {
	verb := "removed"
	if f.dry {
		verb = "would remove"
		for _, item := range done.Items {
			note := ""
			switch item.State {
			case cache.Leftover:
				note = ", left by a killed run"
			case cache.Damaged:
				note = ", damaged"
			}
			fmt.Fprintf(w, "would remove %s/%s: %s, used %s%s\n", item.Kind, item.Name, bytesText(item.Size), ago(item.Used, now), note)
		}
	}
	for _, item := range done.Kept {
		fmt.Fprintf(w, "kept %s/%s: it is in use\n", item.Kind, item.Name)
	}
	if len(done.Items) == 0 {
		fmt.Fprintln(w, "nothing to remove")
		return
	}
	fmt.Fprintf(w, "%s %d entries, %s\n", verb, len(done.Items), bytesText(done.Size))
}

func bytesText(n int64) string {
	if n == 0 {
		return "none"
	}
	return humanize.IBytes(uint64(n))
}

func ago(then, now time.Time) string { return humanize.RelTime(then, now, "ago", "from now") }

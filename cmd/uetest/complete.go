package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"uetest/internal/cache"
	"uetest/internal/model"
	"uetest/internal/pipeline"
	"uetest/internal/report"
	"uetest/internal/runs"
	"uetest/kernel-patches"
	"uetest/selftests/catalog"
)

// A completer says what a word may become. toComplete is what is there of it.
type completer = cobra.CompletionFunc

// flagValues are the values of flags, by name, wherever a verb has such a flag.
// A flag that is not here and takes a text has to be in the test's plainFlags.
var flagValues = map[string]completer{
	"accel":    words("auto", "kvm", "tcg"),
	"arch":     commaSeparated(func() []string { return append(slices.Clone(kernelpatches.Arches), "all") }),
	"commit":   none, // what git calls it
	"config":   orFile("merge", "keep"),
	"coverage": words(pipeline.CoverageSources...),
	"dir":      directories,
	"format":   completeFormat,
	"isolate":  words("auto", "test", "none"),
	"kernel":   files,
	"kind":     commaSeparated(cache.Kinds),
	"llvm":     words("1", "-"),
	"mutants":  orFile(ownMutants),
	"on":       commaSeparated(kernelNames),
	"out":      completeOut,
	"output":   files,
	"patch":    files,
	"promise":  commaSeparated(promiseNames),
	"qemu":     files,
	"record":   files,
	"resume":   orFile(ownPasses),
	"run":      completeTests,
	"series":   orFile(kernelpatches.Names()...),
	"shuffle":  words("on", "off"),
	"source":   directories,
	"symbols":  files,
	"then":     commaSeparated(func() []string { return shipped().VariantNames() }),
	"variant":  completeVariant,
	"vmlinux":  files,
}

// verbArgs are the arguments of verbs, by the path below the root.
var verbArgs = map[string]completer{
	"bisect":        none, // commits of a tree that is named later
	"compare":       runsUpTo(2),
	"kernel build":  listedArgs(kernelNames),
	"kernel path":   first(kernelNames),
	"man":           completePages,
	"mutate":        files,
	"patch apply":   files,
	"patch check":   files,
	"patch restore": files,
	"replay":        files,
	"report":        runsUpTo(1),
	"repro":         first(faultIDs),
	"symbolize":     files,
}

// completions gives every flag and every verb below c its completer.
func completions(c *cobra.Command) {
	for _, sub := range c.Commands() {
		for name, f := range flagValues {
			if _, has := sub.GetFlagCompletionFunc(name); sub.Flags().Lookup(name) != nil && !has {
				_ = sub.RegisterFlagCompletionFunc(name, f) // fails for no flag, or a second time
			}
		}
		path := strings.TrimPrefix(sub.CommandPath(), c.Root().Name()+" ")
		if f, ok := verbArgs[path]; ok && sub.ValidArgsFunction == nil && sub.ValidArgs == nil {
			sub.ValidArgsFunction = f
		}
		if sub.ValidArgsFunction == nil && sub.ValidArgs == nil && sub.Args != nil && sub.Args(sub, []string{"x"}) != nil {
			sub.ValidArgsFunction = none // else a shell offers files to who takes nothing
		}
		completions(sub)
	}
}

func files(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveDefault
}

func directories(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveFilterDirs
}

func none(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveNoFileComp
}

// words are the only values.
func words(list ...string) completer {
	return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return list, cobra.ShellCompDirectiveNoFileComp
	}
}

// orFile are values beside the names of files.
func orFile(list ...string) completer {
	return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return list, cobra.ShellCompDirectiveDefault
	}
}

// commaSeparated are values of which there may be several with a comma between them.
func commaSeparated(list func() []string) completer {
	return func(_ *cobra.Command, _ []string, toComplete string) ([]string, cobra.ShellCompDirective) {
		head := toComplete[:strings.LastIndexByte(toComplete, ',')+1]
		named := strings.Split(head, ",")
		var out []string
		for _, v := range list() {
			if !slices.Contains(named, v) {
				out = append(out, head+v)
			}
		}
		return out, cobra.ShellCompDirectiveNoFileComp
	}
}

// listedArgs are arguments none of which comes twice.
func listedArgs(list func() []string) completer {
	return func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		return slices.DeleteFunc(slices.Clone(list()), func(v string) bool { return slices.Contains(args, v) }), cobra.ShellCompDirectiveNoFileComp
	}
}

// first are the values of the first argument; there is no second.
func first(list func() []string) completer {
	return func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return list(), cobra.ShellCompDirectiveNoFileComp
	}
}

func promiseNames() []string {
	list := []string{"all"}
	for _, p := range model.AllPromises() {
		list = append(list, string(p))
	}
	return list
}

// completeVariant is for -K: a variant, or a file.
func completeVariant(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return append(shipped().VariantNames(), allVariants), cobra.ShellCompDirectiveDefault
}

// completeFormat is for --format, which doctor and compare have as well.
func completeFormat(c *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	if c.Name() == "doctor" || c.Name() == "compare" {
		return plainFormats, cobra.ShellCompDirectiveNoFileComp
	}
	var list []string
	for _, f := range report.Formats() {
		list = append(list, cobra.CompletionWithDesc(f.Name, "for "+f.For))
	}
	return list, cobra.ShellCompDirectiveNoFileComp
}

// completeOut is for --out FORMAT=FILE. Shells complete no file behind a =, so it
// is done here.
func completeOut(c *cobra.Command, _ []string, toComplete string) ([]string, cobra.ShellCompDirective) {
	format, file, ok := strings.Cut(toComplete, "=")
	if !ok {
		names := formatNames()
		if c.Name() == "mutate" {
			names = []string{"json", "md"}
		}
		var list []string
		for _, name := range names {
			list = append(list, name+"=")
		}
		return list, cobra.ShellCompDirectiveNoSpace | cobra.ShellCompDirectiveNoFileComp
	}
	dir, begin := filepath.Split(file)
	entries, err := os.ReadDir(filepath.Join(dir, "."))
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var list []string
	directive := cobra.ShellCompDirectiveNoFileComp
	for _, e := range entries {
		switch name := e.Name(); {
		case !strings.HasPrefix(name, begin), begin == "" && strings.HasPrefix(name, "."):
		case e.IsDir():
			list = append(list, format+"="+dir+name+"/")
			directive |= cobra.ShellCompDirectiveNoSpace
		default:
			list = append(list, format+"="+dir+name)
		}
	}
	return list, directive
}

// completeTests is for --run: areas first, and the tests of one that is there.
func completeTests(_ *cobra.Command, _ []string, toComplete string) ([]string, cobra.ShellCompDirective) {
	var list []string
	directive := cobra.ShellCompDirectiveNoFileComp
	for _, t := range catalog.All() {
		area, _, _ := strings.Cut(t.ID, "/")
		switch {
		case strings.HasPrefix(toComplete, area+"/"):
			list = append(list, cobra.CompletionWithDesc(t.ID, t.Purpose))
		case strings.HasPrefix(area+"/", toComplete) && !slices.Contains(list, area+"/"):
			list = append(list, area+"/")
			directive |= cobra.ShellCompDirectiveNoSpace
		}
	}
	return list, directive
}

// completedRuns are as many saved runs as fit on a screen.
const completedRuns = 20

// runsUpTo completes as many saved runs, the newest first.
func runsUpTo(most int) completer {
	return func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) >= most {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		list := []string{"last"}
		if dir, err := cacheDir(); err == nil {
			if all, err := runs.List(runs.Home(dir), completedRuns); err == nil {
				for _, l := range all {
					what := "cannot be read"
					if l.Err == nil {
						what = kernelsIn(l.Record)
					}
					list = append(list, cobra.CompletionWithDesc(l.ID, what))
				}
			}
		}
		return list, cobra.ShellCompDirectiveDefault | cobra.ShellCompDirectiveKeepOrder
	}
}

// completePages are the verbs and topics.
func completePages(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	of, rest, err := c.Root().Find(args)
	if err != nil || len(rest) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var list []string
	for _, sub := range of.Commands() {
		if !sub.Hidden && sub.Name() != "help" {
			list = append(list, cobra.CompletionWithDesc(sub.Name(), sub.Short))
		}
	}
	return list, cobra.ShellCompDirectiveNoFileComp
}

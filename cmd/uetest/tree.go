package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"uetest/internal/blame"
	"uetest/internal/pipeline"
	"uetest/internal/proc"
	"uetest/internal/vm"
	"uetest/kernel-patches"
)

// treeFlags are the flags of every verb that reads a kernel source.
type treeFlags struct {
	toolFlags
	configFlags
	source   string
	series   string
	arch     string
	unproven bool
	quiet    bool
}

func (f *treeFlags) add(c *cobra.Command) {
	f.toolFlags.add(c)
	f.configFlags.add(c)
	fl := c.Flags()
	fl.StringVarP(&f.source, "source", "C", "", "kernel tree, of git or unpacked, to use instead of the distribution's source package; never written to")
	fl.StringVar(&f.series, "series", "rfc", "the series that kernels are named of: "+strings.Join(kernelpatches.Names(), ", ")+", or the folder of your own")
	fl.StringVar(&f.arch, "arch", "", "build for and boot this architecture (default: $ARCH, else x86_64), or several with a comma between them: "+strings.Join(kernelpatches.Arches, ", ")+", or all")
	fl.BoolVar(&f.unproven, "unproven", false, "go on if a file is not the blob that was expected, and say so")
	fl.BoolVarP(&f.quiet, "quiet", "q", false, "no progress")
}

// config is what these flags say of a job.
func (f *treeFlags) config() (pipeline.Config, error) {
	// A limit that is none is better said before a build than after it.
	if _, err := cacheLimit(); err != nil {
		return pipeline.Config{}, err
	}
	cache, err := cacheDir()
	if err != nil {
		return pipeline.Config{}, err
	}
	arches, err := f.arches()
	if err != nil {
		return pipeline.Config{}, err
	}
	s, err := f.load()
	if err != nil {
		return pipeline.Config{}, err
	}
	config, err := f.read(f.source)
	return pipeline.Config{
		Cache: cache, Series: s, Arches: arches, SourceDir: f.source, Config: config, Tools: f.tools(), Unproven: f.unproven,
		Command: os.Args[1:], Revision: revision(),
	}, err
}

// makeArches are make's names of architectures that have another one here
// (Makefile, SRCARCH).
var makeArches = map[string]string{"x86": "x86_64", "riscv": "riscv64"}

// arches are those of --arch, or else of make's variable in the environment.
func (f *treeFlags) arches() ([]string, error) {
	name := os.Getenv("ARCH")
	if f.arch != "" || name == "" {
		return parseArches(f.arch)
	}
	arches, err := parseArches(cmp.Or(makeArches[name], name))
	if err != nil {
		return nil, blame.On(blame.Usage, errorf("ARCH=%s in the environment: %w", name, err))
	}
	return arches, nil
}

// parseArches reads the value of --arch.
func parseArches(value string) ([]string, error) {
	if value == "" {
		return nil, nil
	}
	if value == "all" {
		return kernelpatches.Arches, nil
	}
	var arches []string
	for _, name := range strings.Split(value, ",") {
		if !slices.Contains(kernelpatches.Arches, name) {
			return nil, blame.On(blame.Usage, errorf("--arch %s: no architecture %q; there are %s, or all alone for each of them", value, name, strings.Join(kernelpatches.Arches, ", ")))
		}
		if !slices.Contains(arches, name) {
			arches = append(arches, name)
		}
	}
	return arches, nil
}

// load returns the series: a shipped one by its name, or one's own.
func (f *treeFlags) load() (*kernelpatches.Series, error) {
	if slices.Contains(kernelpatches.Names(), f.series) {
		return kernelpatches.Load(f.series)
	}
	s, err := kernelpatches.LoadDir(f.series, shipped())
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) && !strings.ContainsRune(f.series, '/') {
			err = fmt.Errorf("%w; the shipped series are %s", err, strings.Join(kernelpatches.Names(), ", "))
		}
		return nil, blame.On(blame.Usage, err)
	}
	return s, pipeline.CheckSeries(s)
}

// bootFlags are the flags of every verb that boots a kernel.
type bootFlags struct {
	treeFlags
	machineFlags
	accel   string
	virtual bool
}

func (f *bootFlags) add(c *cobra.Command) {
	f.treeFlags.add(c)
	f.machineFlags.add(c)
	c.Flags().StringVar(&f.accel, "accel", "auto", "auto, kvm or tcg; auto runs a virtual CPU to find out")
	c.Flags().BoolVar(&f.virtual, "virtual-time", false, "time passes in the guest with its instructions, so that a busy host makes nothing late; one CPU, emulated")
}

// config is what these flags say of a job on the named kernels.
func (f *bootFlags) config(kernels []string) (pipeline.Config, error) {
	cfg, err := f.treeFlags.config()
	if err != nil {
		return cfg, err
	}
	if cfg.Root, err = findRoot(); err != nil {
		return cfg, err
	}
	cfg.Accel, cfg.Machine = f.accel, f.machine()
	if f.virtual {
		cfg.Clock.Mode = vm.VirtualTime
	}
	cfg.Kernels = kernels
	return cfg, checkKernels(cfg.Series, kernels)
}

// repeat are the flags that say again what these say of a job, on a kernel or on
// a prebuilt image.
func (f *bootFlags) repeat(kernel string, image imageFlags) []string {
	args := []string{"--on", kernel}
	if image.kernel != "" {
		args = image.repeat()
		if f.arch != "" {
			args = append(args, "--arch", f.arch)
		}
	}
	if f.source != "" {
		args = append(args, "-C", proc.Quote(f.source))
	}
	args = append(args, f.configFlags.repeat()...)
	args = append(args, f.toolFlags.repeat()...)
	if f.series != "rfc" {
		args = append(args, "--series", proc.Quote(f.series))
	}
	if f.accel != "auto" {
		args = append(args, "--accel", f.accel)
	}
	if f.unproven {
		args = append(args, "--unproven")
	}
	if f.virtual {
		args = append(args, "--virtual-time")
	}
	return append(args, f.machineFlags.repeat()...)
}

// shipped returns the series that uetest ships with.
func shipped() *kernelpatches.Series {
	s, err := kernelpatches.Load("rfc")
	if err != nil {
		panic(err) // embedded data, read by a test of its package
	}
	return s
}

func kernelNames() []string {
	return shipped().Names()
}

// checkKernels refuses a name that the series does not have.
func checkKernels(s *kernelpatches.Series, names []string) error {
	for _, name := range names {
		if _, err := s.Kernel(name); err != nil {
			return blame.On(blame.Usage, err)
		}
	}
	return nil
}

package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"uetest/initramfs"
	"uetest/internal/blame"
	"uetest/internal/kernel"
	"uetest/internal/proc"
	"uetest/internal/vm"
	"uetest/internal/wire"
)

// Plan writes what a job on the kernels of cfg would do, as a shell reads it. It
// runs and writes nothing. What would be made is named by the paths that it will
// have: they follow from what it is made of.
func Plan(ctx context.Context, cfg Config, w io.Writer) error {
	if cfg.Commit != "" {
		return blame.On(blame.Usage, fmt.Errorf("commit %s: what it has different from a source is found out by reading both, which a dry run does not", cfg.Commit))
	}
	return cfg.plan(ctx, func(targets []target) error {
		if err := cfg.settleClock(); err != nil {
			return err
		}
		for _, t := range targets {
			accel, why, err := vm.ProbeAccel(ctx, vm.ProbeConfig{QEMU: cfg.QEMU, Arch: t.arch(), Want: cfg.Accel, Cache: cfg.Cache, Recall: true})
			if err != nil {
				return err
			}
			image, have, err := initramfs.Find(initramfs.Options{Root: cfg.Root, Cache: cfg.Cache, Arch: goArch(t.arch()), Files: cfg.files})
			if err != nil {
				return err
			}
			machine, _ := vm.MachineFor(t.arch()) // a target's is known to be there
			g := &guest{machine: machine, image: image, accel: accel, why: why}
			made, err := t.plan(ctx, &cfg, w)
			if err != nil {
				return err
			}
			if err := cfg.planGuest(w, made, g, have); err != nil {
				return err
			}
		}
		return nil
	})
}

// PlanBuild is Plan for Build.
func PlanBuild(ctx context.Context, cfg Config, w io.Writer) error {
	return cfg.plan(ctx, func(targets []target) error {
		for _, t := range targets {
			if _, err := t.plan(ctx, &cfg, w); err != nil {
				return err
			}
		}
		return nil
	})
}

// plan has write write it, with nothing else written.
func (cfg *Config) plan(ctx context.Context, write func([]target) error) error {
	cfg.readOnly = true
	cfg.Notify = serialize(cfg.Notify)
	targets, err := cfg.all(ctx)
	if err != nil {
		return err
	}
	return write(targets)
}

// planGuest writes the command that boots a kernel. made is the kernel, there or
// not, or nil if it is not known where it will be.
func (cfg *Config) planGuest(w io.Writer, made *kernel.Image, g *guest, have bool) error {
	f := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format, args...) }
	f("# accelerator: %s (%s)\n", g.accel, g.why)
	if have {
		f("# the guest image is in the cache: %s\n", proc.Quote(g.image.Path))
	} else {
		f("# the guest image is not in the cache: it would be made with the go command, at %s\n", proc.Quote(g.image.Path))
	}
	if made == nil {
		f("# then QEMU with both; where the kernel will be is known when its source is in the cache\n")
		return nil
	}
	d := &driver{cfg: cfg, kernel: built{vmlinux: made.Vmlinux}, guest: g}
	c := d.config(d.usual())
	c.Console, c.Append = "-", append(slices.Clip(c.Append), wire.ShellOption)
	if cfg.Attach != nil {
		c.GDB, c.Append = "gdb.sock", append(c.Append, "nokaslr")
	}
	cmd, err := c.ByHand()
	if err != nil {
		return err
	}
	f("# the guest. uetest gives it descriptors for its results, its console and the\n" +
		"# monitor; this line has the console here and a shell in place of the tests\n" +
		"# (Ctrl-A X ends QEMU):\n")
	if c.GDB != "" {
		f("# it waits for gdb, in the same directory: %s\n", proc.Cmd{Path: "gdb", Args: []string{"-q", "-ex", "target remote " + c.GDB, made.Symbols}})
	}
	f("%s\n", cmd)
	return nil
}

// plan writes how the target's kernel is made and returns where it is, or will
// be; nil if that is not known.
func (t target) plan(ctx context.Context, cfg *Config, w io.Writer) (*kernel.Image, error) {
	if t.file != "" {
		return t.planPrebuilt(cfg, w)
	}
	b := builder(cfg.Cache, t.name, cfg.Notify)
	b.ReadOnly = true
	_, _ = fmt.Fprintf(w, "# %s: %s\n", t.name, cfg.sourceName(t.kernel.Source))
	src, tree, p, err := t.patched(ctx, cfg, b)
	if errors.Is(err, kernel.ErrUncached) {
		_, _ = fmt.Fprintf(w, "# %v\n", err)
		for _, patch := range t.kernel.Patches {
			_, _ = fmt.Fprintf(w, "#   with %s\n", patch)
		}
		for _, patch := range t.top {
			_, _ = fmt.Fprintf(w, "#   with %s\n", patch.Name)
		}
		_, _ = fmt.Fprintln(w, "# if the kernel of that is not in the cache yet, it would be built")
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = tree.Close() }()
	for _, name := range p.applied {
		_, _ = fmt.Fprintf(w, "#   with %s\n", name)
	}
	spec, _, err := t.covered(cfg, src, tree, p)
	if err != nil {
		return nil, err
	}
	image, ok, err := b.Find(ctx, spec)
	if err != nil {
		return nil, err
	}
	if ok {
		_, _ = fmt.Fprintf(w, "# it is in the cache: %s\n", proc.Quote(image.Vmlinux))
		return &image, nil
	}
	cmds, err := b.Commands(ctx, spec)
	if err != nil {
		return nil, err
	}
	_, _ = fmt.Fprintf(w, "# it is not in the cache: it would be built, to %s.\n# In a copy of the source with the patches applied:\n", proc.Quote(image.Vmlinux))
	merge := func(over string) {
		if len(spec.Fragments) == 0 {
			return
		}
		_, _ = fmt.Fprintf(w, "# merge over %s:", over)
		for _, f := range spec.Fragments {
			_, _ = fmt.Fprintf(w, " %s", f.Name)
		}
		_, _ = fmt.Fprintln(w)
	}
	if spec.Config.Text != "" {
		_, _ = fmt.Fprintf(w, "# with %s as .config\n", proc.Quote(spec.Config.Name))
		merge("it")
	}
	for _, c := range cmds {
		_, _ = fmt.Fprintln(w, c)
		if c.Args[len(c.Args)-1] == "tinyconfig" {
			merge("its .config")
		}
	}
	return &image, nil
}

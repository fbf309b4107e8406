package pipeline

import (
	"context"
	"fmt"
	"io"

	"uetest/initramfs"
	"uetest/internal/kernel"
	"uetest/internal/proc"
	"uetest/internal/vm"
	"uetest/internal/wire"
)

// Plan writes what a job on the kernels of cfg would do, as a shell reads it. It
// builds and boots nothing; a source that is not in the cache is unpacked, for
// what a kernel is called there depends on it.
func Plan(ctx context.Context, cfg Config, w io.Writer) error {
	cfg.Notify = serialize(cfg.Notify)
	targets, err := cfg.targets()
	if err != nil {
		return err
	}
	accel, why, err := vm.ProbeAccel(ctx, vm.ProbeConfig{QEMU: cfg.QEMU, Want: cfg.Accel, Cache: cfg.Cache})
	if err != nil {
		return err
	}
	image, have, err := initramfs.Find(initramfs.Options{Root: cfg.Root, Cache: cfg.Cache, Files: cfg.files})
	if err != nil {
		return err
	}
	for _, t := range targets {
		vmlinux, err := t.plan(ctx, &cfg, w)
		if err != nil {
			return err
		}
		_, _ = fmt.Fprintf(w, "# accelerator: %s (%s)\n", accel, why)
		switch {
		case !have:
			_, _ = fmt.Fprintln(w, "# the guest image is not in the cache: it would be built, and its path is not known before")
			continue
		case vmlinux == "":
			_, _ = fmt.Fprintln(w, "# then QEMU with it, whose path is not known before")
			continue
		}
		d := &driver{cfg: &cfg, kernel: built{vmlinux: vmlinux}, guest: &guest{image: image, accel: accel}}
		c := d.config(d.usual())
		c.Console, c.Append = "-", append(c.Append, wire.ShellOption)
		cmd, err := c.ByHand()
		if err != nil {
			return err
		}
		_, _ = fmt.Fprintf(w, `# the guest. uetest gives it descriptors for its results, its console and the
# monitor; this line has the console here and a shell in place of the tests
# (Ctrl-A X ends QEMU):
%s
`, cmd)
	}
	return nil
}

// plan writes how the target's kernel is made and returns the path of its image,
// empty if it is not there yet.
func (t target) plan(ctx context.Context, cfg *Config, w io.Writer) (string, error) {
	if t.file != "" {
		_, _ = fmt.Fprintf(w, "# %s: a prebuilt image\n", t.name)
		return t.file, checkImage(t.file)
	}
	b := builder(cfg.Cache, t.name, cfg.Notify)
	src, tree, p, err := t.patched(ctx, cfg, b)
	if err != nil {
		return "", err
	}
	defer func() { _ = tree.Close() }()
	_, _ = fmt.Fprintf(w, "# %s: %s\n", t.name, cfg.sourceName(t.kernel.Source))
	for _, name := range p.applied {
		_, _ = fmt.Fprintf(w, "#   with %s\n", name)
	}
	fragments, err := fragments(cfg.Series, t.kernel)
	if err != nil {
		return "", err
	}
	spec := kernel.Spec{Name: t.name, Source: src, Overlay: p.overlay(), Fragments: fragments}
	image, ok, err := b.Find(ctx, spec)
	if err != nil {
		return "", err
	}
	if ok {
		_, _ = fmt.Fprintf(w, "# it is in the cache: %s\n", proc.Quote(image.Vmlinux))
		return image.Vmlinux, nil
	}
	cmds, err := b.Commands(ctx, spec)
	if err != nil {
		return "", err
	}
	_, _ = fmt.Fprintln(w, "# it is not in the cache. In a copy of the source with the patches applied:")
	for _, c := range cmds {
		_, _ = fmt.Fprintln(w, c)
		if c.Args[len(c.Args)-1] == "tinyconfig" {
			_, _ = fmt.Fprintf(w, "# merge over its .config:")
			for _, f := range fragments {
				_, _ = fmt.Fprintf(w, " %s", f.Name)
			}
			_, _ = fmt.Fprintln(w)
		}
	}
	return "", nil
}

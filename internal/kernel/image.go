package kernel

import (
	"context"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"uetest/internal/blame"
	"uetest/internal/cache"
	"uetest/internal/proc"
)

// The files of an entry of images/.
const (
	vmlinuxFile = "vmlinux"
	symbolsFile = "vmlinux.debug"
	configFile  = "config"
)

// The labels of an entry of images/.
const (
	nameLabel    = "name"    // Spec.Name
	releaseLabel = "release" // uname -r
	sourceLabel  = "source"  // what was built, for people
)

// image is an entry of images/ as a kernel.
func image(e cache.Entry) Image {
	return Image{
		Vmlinux: e.Path(vmlinuxFile),
		Symbols: e.Path(symbolsFile),
		Config:  e.Path(configFile),
		Release: e.Labels[releaseLabel],
		Key:     e.Key,
		Cached:  e.Cached,
	}
}

// Drop removes an image from the cache, unless another run uses it. That there
// is none is no error.
func (b *Builder) Drop(ctx context.Context, key string) error {
	if err := b.ready(); err != nil {
		return err
	}
	return b.images.Drop(ctx, key)
}

// keep makes an entry of images/ in the folder to, out of what was built in d.
func (b *Builder) keep(ctx context.Context, m *maker, p *plan, to string) error {
	d := m.dir
	b.event(Event{Stage: "image", Text: "stripping vmlinux"})
	built := filepath.Join(d.obj(), "vmlinux")
	if err := bootable(ctx, m, filepath.Join(to, vmlinuxFile)); err != nil {
		return err
	}
	if err := copyContent(built, filepath.Join(to, symbolsFile)); err != nil {
		return hostError(err)
	}
	if err := copyContent(filepath.Join(d.obj(), ".config"), filepath.Join(to, configFile)); err != nil {
		return hostError(err)
	}
	for _, file := range p.counted {
		notes := filepath.Join(d.obj(), filepath.FromSlash(strings.TrimSuffix(file, ".c")+".gcno"))
		if err := copyContent(notes, filepath.Join(to, gcovNotes(file))); err != nil {
			return hostError(err)
		}
	}
	release, err := os.ReadFile(filepath.Join(d.obj(), "include", "config", "kernel.release"))
	if err != nil {
		return hostError(err)
	}
	return hostError(cache.WriteLabels(to, map[string]string{
		nameLabel:    p.spec.Name,
		releaseLabel: strings.TrimSpace(string(release)),
		sourceLabel:  p.spec.Source.Tarball + p.spec.Source.Dir,
	}))
}

// bootable makes the file that QEMU boots. For x86 that is vmlinux itself,
// elsewhere what the kernel's own makefiles make of it.
func bootable(ctx context.Context, m *maker, to string) error {
	if m.arch.image != "" {
		return hostError(copyContent(filepath.Join(m.dir.obj(), filepath.FromSlash(m.arch.image)), to))
	}
	if err := proc.Run(ctx, m.strip(to)); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return hostError(diskFull(err, err.Error()))
	}
	if m.arch.needPVH {
		if err := checkPVH(to); err != nil {
			return blame.On(blame.Patch, err)
		}
	}
	return nil
}

func copyContent(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// notePVH is XEN_ELFNOTE_PHYS32_ENTRY of include/xen/interface/elfnote.h: the
// address at which QEMU enters a vmlinux.
const notePVH = 18

// checkPVH tells whether an ELF image has the PVH note in a segment that a
// loader sees.
func checkPVH(name string) error {
	f, err := elf.Open(name)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	for _, p := range f.Progs {
		if p.Type != elf.PT_NOTE || p.Filesz > 1<<20 {
			continue
		}
		data := make([]byte, p.Filesz)
		if _, err := p.ReadAt(data, 0); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if hasNote(data, f.ByteOrder, "Xen", notePVH) {
			return nil
		}
	}
	return errors.New("the kernel has no PVH entry (ELF note Xen 18), QEMU cannot boot it as vmlinux: set CONFIG_PVH=y")
}

// hasNote looks for a note in the content of a PT_NOTE segment (elf(5),
// "Notes"): name size, descriptor size, type, then both padded to 4 bytes.
func hasNote(data []byte, order binary.ByteOrder, name string, kind uint32) bool {
	const header = 12
	for len(data) >= header {
		nameSize, descSize := uint64(order.Uint32(data)), uint64(order.Uint32(data[4:]))
		end := header + align4(nameSize) + align4(descSize)
		if end > uint64(len(data)) {
			return false
		}
		found := strings.TrimRight(string(data[header:header+nameSize]), "\x00")
		if order.Uint32(data[8:]) == kind && found == name && descSize >= 4 {
			return true
		}
		data = data[end:]
	}
	return false
}

func align4(n uint64) uint64 { return (n + 3) &^ 3 }

package kernel

import (
	"context"
	"debug/elf"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"uetest/internal/blame"
	"uetest/internal/proc"
)

// The files of an entry of images/.
const (
	vmlinuxFile  = "vmlinux"
	symbolsFile  = "vmlinux.debug"
	configFile   = "config"
	manifestFile = "manifest.json"
)

// manifest is written last into an entry, before the entry gets its name. An
// entry counts only if its files have the sizes the manifest says.
type manifest struct {
	Version int                         `json:"version"`
	Key     string                      `json:"key"`
	Name    string                      `json:"name"`    // Spec.Name
	Release string                      `json:"release"` // uname -r
	Source  string                      `json:"source"`  // what was built, for people
	Built   time.Time                   `json:"built"`   //
	Files   map[string]manifestFileInfo `json:"files"`
}

type manifestFileInfo struct {
	Size   int64  `json:"size"`   // bytes
	SHA256 string `json:"sha256"` // hexadecimal
}

const manifestVersion = 1

// find returns the image with a key if the cache has all of it.
func (b *Builder) find(key string) (Image, bool) {
	dir := b.path(imageFolder, key)
	m, err := readManifest(dir)
	if err != nil || m.Key != key {
		return Image{}, false
	}
	for name, f := range m.Files {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Size() != f.Size {
			return Image{}, false
		}
	}
	return Image{
		Vmlinux: filepath.Join(dir, vmlinuxFile),
		Symbols: filepath.Join(dir, symbolsFile),
		Config:  filepath.Join(dir, configFile),
		Release: m.Release,
		Key:     key,
		Cached:  true,
	}, true
}

func readManifest(dir string) (manifest, error) {
	data, err := os.ReadFile(filepath.Join(dir, manifestFile))
	if err != nil {
		return manifest{}, err
	}
	var m manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return manifest{}, err
	}
	for _, name := range []string{vmlinuxFile, symbolsFile, configFile} {
		if _, ok := m.Files[name]; !ok || m.Version != manifestVersion {
			return manifest{}, fmt.Errorf("%s: not a manifest of version %d", dir, manifestVersion)
		}
	}
	return m, nil
}

// Verify reads the files of a cached image again and compares their hashes
// with what was built. A damaged entry is removed, and is an error.
func (b *Builder) Verify(img Image) error {
	dir := filepath.Dir(img.Vmlinux)
	m, err := readManifest(dir)
	if err != nil {
		return hostError(err)
	}
	for name, f := range m.Files {
		sum, err := digestFile(filepath.Join(dir, name))
		if err == nil && sum != f.SHA256 {
			err = fmt.Errorf("%s: damaged, its SHA-256 is %s and was %s when it was built; it is removed, run again", filepath.Join(dir, name), sum, f.SHA256)
		}
		if err != nil {
			return hostError(errors.Join(err, removeDir(dir)))
		}
	}
	return nil
}

// Drop removes an image from the cache. That there is none is no error.
func (b *Builder) Drop(ctx context.Context, key string) error {
	if err := b.ready(); err != nil {
		return err
	}
	dir := b.path(imageFolder, key)
	unlock, err := lock(ctx, dir, func() {
		b.event(Event{Stage: "wait", Text: "another run builds this image"})
	})
	if err != nil {
		return err
	}
	defer unlock()
	return hostError(removeDir(dir))
}

// keep makes an entry of images/ out of what was built in d.
func (b *Builder) keep(ctx context.Context, d *buildDir, a arch, spec Spec, key string) (Image, error) {
	b.event(Event{Stage: "image", Text: "stripping vmlinux"})
	dir := b.path(imageFolder, key)
	tmp := dir + ".tmp"
	if err := os.RemoveAll(tmp); err != nil {
		return Image{}, hostError(err)
	}
	if err := os.MkdirAll(tmp, 0o777); err != nil {
		return Image{}, hostError(err)
	}
	defer func() { _ = os.RemoveAll(tmp) }()

	stripped := filepath.Join(tmp, vmlinuxFile)
	built := filepath.Join(d.obj(), "vmlinux")
	// A stripped image boots in two thirds of the time: QEMU reads all of it.
	err := proc.Run(ctx, proc.Cmd{Path: a.cross + "strip", Args: []string{"--strip-all", "-o", stripped, built}, Env: environment()})
	if err != nil {
		if ctx.Err() != nil {
			return Image{}, context.Cause(ctx)
		}
		return Image{}, hostError(diskFull(err, err.Error()))
	}
	if a.needPVH {
		if err := checkPVH(stripped); err != nil {
			return Image{}, blame.On(blame.Patch, err)
		}
	}
	release, err := os.ReadFile(filepath.Join(d.obj(), "include", "config", "kernel.release"))
	if err != nil {
		return Image{}, hostError(err)
	}
	m := manifest{
		Version: manifestVersion,
		Key:     key,
		Name:    spec.Name,
		Release: strings.TrimSpace(string(release)),
		Source:  spec.Source.Tarball + spec.Source.Dir,
		Built:   time.Now().UTC(),
		Files:   map[string]manifestFileInfo{},
	}
	for name, from := range map[string]string{vmlinuxFile: "", symbolsFile: built, configFile: filepath.Join(d.obj(), ".config")} {
		to := filepath.Join(tmp, name)
		if from != "" {
			if err := copyContent(from, to); err != nil {
				return Image{}, hostError(err)
			}
		}
		info, err := os.Stat(to)
		if err != nil {
			return Image{}, hostError(err)
		}
		sum, err := digestFile(to)
		if err != nil {
			return Image{}, hostError(err)
		}
		m.Files[name] = manifestFileInfo{info.Size(), sum}
	}
	data, err := json.MarshalIndent(m, "", "\t")
	if err != nil {
		return Image{}, err
	}
	if err := os.WriteFile(filepath.Join(tmp, manifestFile), data, 0o666); err != nil {
		return Image{}, hostError(err)
	}
	if err := replaceDir(tmp, dir); err != nil {
		return Image{}, hostError(err)
	}
	img, ok := b.find(key)
	if !ok {
		return Image{}, blame.On(blame.Host, fmt.Errorf("%s: just written, and not as it was written", dir))
	}
	img.Cached = false
	return img, nil
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

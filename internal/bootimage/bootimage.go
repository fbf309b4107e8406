// Package bootimage reads kernels that somebody else built: what a file is, what
// can be booted of it, and what it says of its configuration.
//
// It exists because a kernel comes in many forms and QEMU boots the simplest one
// fastest: of a bzImage it is the vmlinux inside, which is unpacked into the cache
// once. What is no kernel for this machine is told by its name, not by a guest
// that stays silent.
//
// Files come from strangers: every size is bounded, and nothing in them is
// executed.
package bootimage

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"uetest/internal/blame"
	"uetest/internal/cache"
)

// Kernel is a kernel that can be booted.
type Kernel struct {
	File    string // as it was named
	Boot    string // what QEMU is given: File itself, or the vmlinux of it in the cache
	Form    string // what File is, for people: "bzImage, xz", "vmlinux"
	Arch    string // x86_64, arm64, riscv64
	Release string // the version in the kernel's banner, 6.1.0-56-amd64; empty if it has none
	BuildID string // of the linker, hexadecimal; empty if the image has none
	PVH     bool   // QEMU can enter it as vmlinux (x86_64)

	content []byte // the uncompressed kernel, as it lies in memory
}

// maxSize bounds a file and what it unpacks to.
const maxSize = 1 << 30

// Open tells what a file is and makes of it what can be booted: in the cache, if
// that is not the file itself. With readOnly nothing is written, and Boot is the
// path that it would have. The error is the user's (blame.Usage) and says what
// the file is instead.
func Open(ctx context.Context, dir, file string, readOnly bool) (*Kernel, error) {
	k, err := open(ctx, dir, file, readOnly)
	var wrong *formError
	var path *fs.PathError
	switch {
	case err == nil || blame.Of(err) == blame.User:
		return k, err
	case errors.As(err, &wrong):
		err = fmt.Errorf("%s: %w", file, err)
	case errors.As(err, &path) && path.Path == file:
	default:
		return nil, err
	}
	return nil, blame.On(blame.Usage, err)
}

// A formError says what is wrong with the content of a file.
type formError struct{ what string }

func (e *formError) Error() string { return e.what }

func wrongf(format string, args ...any) error { return &formError{fmt.Sprintf(format, args...)} }

func open(ctx context.Context, dir, file string, readOnly bool) (*Kernel, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // read only
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case info.IsDir():
		return nil, wrongf("a directory; expected the file of a kernel (a tree is built with -C)")
	case !info.Mode().IsRegular():
		return nil, wrongf("not a regular file")
	case info.Size() == 0:
		return nil, wrongf("an empty file")
	}
	k := &Kernel{File: file, Boot: file}
	head := make([]byte, headSize)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, err
	}
	if isELF(head[:n]) { // with debug information it may be large: not read as a whole
		e, err := readELF(f, info.Size())
		if err != nil {
			return nil, err
		}
		k.Form = "vmlinux"
		k.take(e)
		if info.Size() <= e.end+keptTail {
			return k, nil
		}
		// QEMU reads all of it: with symbols a boot takes half as long again.
		k.Form += " with symbols"
		return k, k.store(ctx, dir, readOnly, func() ([]byte, error) { return e.stripped(f) })
	}
	if known, err := k.recall(dir, readOnly); known || err != nil {
		return k, err
	}
	if info.Size() > maxSize {
		return nil, wrongf("%d MiB, too large for a kernel", info.Size()>>20)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, maxSize))
	if err != nil {
		return nil, err
	}
	u, err := identify(data, 0)
	if err != nil {
		return nil, err
	}
	k.Form = u.form
	k.Arch, k.content = u.arch, u.kernel
	if !isELF(u.kernel) {
		k.describe()
		if u.direct {
			return k, nil
		}
		return k, k.store(ctx, dir, readOnly, func() ([]byte, error) { return u.kernel, nil })
	}
	e, err := readELF(bytes.NewReader(u.kernel), int64(len(u.kernel)))
	if err != nil {
		return nil, err
	}
	k.take(e)
	if !k.PVH && u.direct { // QEMU's own loader takes it by the kernel's 16-bit entry
		return k, nil
	}
	return k, k.store(ctx, dir, readOnly, func() ([]byte, error) { return e.stripped(bytes.NewReader(u.kernel)) })
}

// keptTail is how much may stand behind what an image loads before it is worth a
// copy without it: section headers and relocations.
const keptTail = 1 << 20

// take has the kernel be what its ELF image says.
func (k *Kernel) take(e *image) {
	k.Arch, k.content, k.PVH, k.BuildID = e.arch, e.loaded, e.pvh, e.buildID
	k.describe()
}

// describe reads the banner (init/version.c).
func (k *Kernel) describe() {
	const banner = "Linux version "
	for rest := k.content; ; {
		i := bytes.Index(rest, []byte(banner))
		if i < 0 {
			return
		}
		rest = rest[i+len(banner):]
		// There is a format string, "Linux version %s", too.
		if len(rest) > 0 && rest[0] >= '0' && rest[0] <= '9' {
			word, _, _ := bytes.Cut(rest[:min(len(rest), maxRelease)], []byte(" "))
			k.Release = strings.ToValidUTF8(string(word), "?")
			return
		}
	}
}

// maxRelease is the size of utsname's release (include/uapi/linux/utsname.h).
const maxRelease = 65

// storeRecipe changes with what is made of a file.
const storeRecipe = "bootimage 1"

const bootFile = "kernel"

const formLabel = "form"

func openCache(dir string, readOnly bool) (*cache.Cache, error) {
	if readOnly {
		return cache.OpenToRead(dir)
	}
	return cache.Open(dir)
}

// recall reads from the cache what was unpacked before: an xz takes seconds.
func (k *Kernel) recall(dir string, readOnly bool) (known bool, err error) {
	c, err := openCache(dir, readOnly)
	if err != nil {
		return false, err
	}
	sum, err := c.FileHash(k.File)
	if err != nil {
		return false, err
	}
	e, ok := c.Namespace(cache.Prebuilt).Lookup(cacheKey(sum))
	if !ok {
		return false, nil
	}
	f, err := os.Open(e.Path(bootFile))
	if err != nil {
		return false, cache.Fault(err)
	}
	defer func() { _ = f.Close() }() // read only
	info, err := f.Stat()
	if err != nil {
		return false, cache.Fault(err)
	}
	m, err := readELF(f, info.Size())
	if err != nil { // an Image: it is as fast to unpack
		return false, nil
	}
	k.Boot, k.Form = e.Path(bootFile), e.Labels[formLabel]
	k.take(m)
	return true, nil
}

// store puts what is booted into the cache.
func (k *Kernel) store(ctx context.Context, dir string, readOnly bool, content func() ([]byte, error)) error {
	c, err := openCache(dir, readOnly)
	if err != nil {
		return err
	}
	sum, err := c.FileHash(k.File)
	if err != nil {
		return err
	}
	n := c.Namespace(cache.Prebuilt)
	key := cacheKey(sum)
	if readOnly {
		k.Boot = n.Path(key, bootFile)
		return nil
	}
	e, err := n.Get(ctx, key, func(_ context.Context, to string) error {
		data, err := content()
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(to, bootFile), data, 0o666); err != nil {
			return cache.Fault(err)
		}
		return cache.Fault(cache.WriteLabels(to, map[string]string{"name": k.Release, formLabel: k.Form, "source": k.File}))
	})
	if err != nil {
		return err
	}
	k.Boot = e.Path(bootFile)
	return nil
}

// Has tells whether a text is in the kernel. Of a part that every build of it
// prints or names, that says whether the part was compiled in.
func (k *Kernel) Has(text string) bool { return bytes.Contains(k.content, []byte(text)) }

// maxConfig bounds a configuration: that of a distribution has 260 kB.
const maxConfig = 8 << 20

// Config is the configuration that the kernel was built with, if it holds that
// (CONFIG_IKCONFIG, kernel/configs.c).
func (k *Kernel) Config() (text string, ok bool) {
	const start, end = "IKCFG_ST", "IKCFG_ED"
	for rest := k.content; ; {
		i := bytes.Index(rest, []byte(start+"\x1f\x8b"))
		if i < 0 {
			return "", false
		}
		rest = rest[i+len(start):]
		j := bytes.Index(rest, []byte(end))
		if j < 0 {
			return "", false
		}
		z, err := gzip.NewReader(bytes.NewReader(rest[:j]))
		if err != nil {
			continue
		}
		if data, err := io.ReadAll(io.LimitReader(z, maxConfig)); err == nil && bytes.Contains(data, []byte("CONFIG_")) {
			return string(data), true
		}
	}
}

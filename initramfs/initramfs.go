// Package initramfs builds the guest image: an uncompressed cpio archive with
// the agent as /init, the selftest programs and a shell with a few u-root
// commands.
//
// The image is a function of its inputs: the Go sources of this tree that go
// into it, go.mod and go.sum, the Go version, and Options. The same inputs give
// the same bytes, wherever and whenever they are built. So an image is kept
// under the hash of its inputs, and nothing is run when they have not changed.
//
// README.md has the layout of the image and the measurements behind it.
package initramfs

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"uetest/internal/blame"
	"uetest/internal/cache"
	"uetest/internal/proc"
)

// Options say what image to build.
type Options struct {
	// Root is the root of the module: the folder with go.mod, selftests/ and
	// initramfs/.
	Root string
	// Cache is the cache folder of uetest; images are kept in its initramfs/.
	Cache string
	// Arch is the GOARCH of the guest; empty means amd64.
	Arch string
	// Files are put into the image beside everything else.
	Files []File
	// Tell, if not nil, is told a line on what else is worth knowing: that
	// another run is waited for, that an image was damaged.
	Tell func(line string)

	readOnly bool // write nothing to the cache
}

// A File is put into the image as it is.
type File struct {
	Path string      // in the guest, "/etc/hosts"; its folders are made
	Mode fs.FileMode // permission bits; 0 means 0644
	Data []byte      //
	Host string      // a file of the host to take instead of Data, if not empty
}

// An Image is a finished guest image.
type Image struct {
	Path   string // of the cpio archive; it must not be changed
	Hash   string // SHA-256 of the archive, in hex
	Cached bool   // it was there already
}

// imageFile is the image in its cache entry.
const imageFile = "initramfs.cpio"

// Build returns the image for o, which it makes only if the cache does not have
// it. Several processes may build at once: one does, the others wait.
//
// Errors are blamed on the host. One about a source that does not compile has
// the compiler's lines.
func Build(ctx context.Context, o Options) (Image, error) {
	img, err := obtain(ctx, o)
	if err != nil {
		return Image{}, blame.On(blame.Host, fmt.Errorf("guest image: %w", err))
	}
	return img, nil
}

// Find returns the image for o and whether the cache has it. It builds and writes
// nothing; of an image that is not there the path is the one that it will have.
func Find(o Options) (img Image, built bool, err error) {
	o.readOnly = true
	img, built, err = find(o)
	if err != nil {
		return Image{}, false, blame.On(blame.Host, fmt.Errorf("guest image: %w", err))
	}
	return img, built, nil
}

func find(o Options) (Image, bool, error) {
	o, err := o.complete()
	if err != nil {
		return Image{}, false, err
	}
	in, err := findInputs(o)
	if err != nil {
		return Image{}, false, err
	}
	entries, err := o.entries()
	if err != nil {
		return Image{}, false, err
	}
	e, ok := entries.Lookup(in.key)
	if !ok {
		return Image{Path: entries.Path(in.key, imageFile)}, false, nil
	}
	return Image{Path: e.Path(imageFile), Hash: e.Files[imageFile].SHA256, Cached: true}, true, nil
}

func obtain(ctx context.Context, o Options) (Image, error) {
	o, err := o.complete()
	if err != nil {
		return Image{}, err
	}
	in, err := findInputs(o)
	if err != nil {
		return Image{}, err
	}
	entries, err := o.entries()
	if err != nil {
		return Image{}, err
	}
	e, err := entries.Get(ctx, in.key, func(ctx context.Context, dir string) error {
		return create(ctx, o, in, filepath.Join(dir, imageFile))
	})
	if err != nil {
		return Image{}, err
	}
	return Image{Path: e.Path(imageFile), Hash: e.Files[imageFile].SHA256, Cached: e.Cached}, nil
}

// entries is where images and the shell are kept.
func (o Options) entries() (*cache.Namespace, error) {
	open := cache.Open
	if o.readOnly {
		open = cache.OpenToRead
	}
	c, err := open(o.Cache)
	if err != nil {
		return nil, err
	}
	n := c.Namespace(cache.Initramfs)
	if o.Tell != nil {
		n.Damaged = o.Tell
		n.Waiting = func(string) { o.Tell("another run builds the guest image") }
	}
	return n, nil
}

func (o Options) complete() (Options, error) {
	if o.Arch == "" {
		o.Arch = "amd64"
	}
	var err error
	if o.Root, err = filepath.Abs(o.Root); err != nil {
		return o, err
	}
	if o.Cache, err = filepath.Abs(o.Cache); err != nil {
		return o, err
	}
	files := make([]File, len(o.Files))
	for i, f := range o.Files {
		if f.Host != "" {
			if f.Data, err = os.ReadFile(f.Host); err != nil {
				return o, fmt.Errorf("file for the guest: %w", err)
			}
		}
		if f.Mode == 0 {
			f.Mode = 0o644
		}
		f.Path = strings.TrimPrefix(f.Path, "/")
		if !fs.ValidPath(f.Path) || f.Path == "." {
			return o, fmt.Errorf("file for the guest: path %q, want one like /etc/hosts", f.Path)
		}
		files[i] = f
	}
	o.Files = files
	return o, nil
}

// create builds the image.
func create(ctx context.Context, o Options, in inputs, image string) error {
	work, remove, err := proc.TempDir("initramfs-")
	if err != nil {
		return err
	}
	defer remove()
	tc, err := findToolchain(ctx, o)
	if err != nil {
		return err
	}
	bb, err := busybox(ctx, o, tc, in.shellKey)
	if err != nil {
		return err
	}
	guest := filepath.Join(work, "guest")
	if err := compileGuest(ctx, o, tc, in.areas, work, guest); err != nil {
		return err
	}
	twin := ""
	if in.twin != "" {
		twin = filepath.Join(work, "twin")
		if err := compileTwin(ctx, o, tc, in.twin, twin); err != nil {
			return err
		}
	}
	records, err := layout(o, in, guest, twin, bb)
	if err != nil {
		return err
	}
	return writeArchive(image, records)
}

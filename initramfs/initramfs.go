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
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/lockedfile"

	"uetest/internal/blame"
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

// The files of a cache entry.
const (
	imageFile = "initramfs.cpio"
	sumFile   = "initramfs.cpio.sha256" // as sha256sum(1) writes it
)

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

func obtain(ctx context.Context, o Options) (Image, error) {
	o, err := o.complete()
	if err != nil {
		return Image{}, err
	}
	in, err := findInputs(o)
	if err != nil {
		return Image{}, err
	}
	dir := filepath.Join(o.Cache, "initramfs", in.key)
	if img, err := cached(dir); err == nil {
		return img, nil
	}
	unlock, err := lock(ctx, filepath.Join(o.Cache, "initramfs", "lock"))
	if err != nil {
		return Image{}, err
	}
	defer unlock()
	img, err := cached(dir) // somebody else may have built it meanwhile
	if err == nil {
		return img, nil
	}
	if !errors.Is(err, fs.ErrNotExist) { // a damaged entry
		if err := os.RemoveAll(dir); err != nil {
			return Image{}, err
		}
	}
	return create(ctx, o, in, dir)
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

// cached returns the image in dir if it is whole.
func cached(dir string) (Image, error) {
	sum, err := os.ReadFile(filepath.Join(dir, sumFile))
	if err != nil {
		return Image{}, err
	}
	path := filepath.Join(dir, imageFile)
	f, err := os.Open(path)
	if err != nil {
		return Image{}, fmt.Errorf("damaged cache entry: %s", err)
	}
	defer func() { _ = f.Close() }()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return Image{}, err
	}
	got := hex.EncodeToString(h.Sum(nil))
	if want, _, _ := strings.Cut(string(sum), " "); got != want {
		return Image{}, fmt.Errorf("damaged cache entry: %s has hash %s, want %s", path, got, want)
	}
	return Image{Path: path, Hash: got, Cached: true}, nil
}

// create builds the image into a folder beside dir and renames that.
func create(ctx context.Context, o Options, in inputs, dir string) (Image, error) {
	work, remove, err := proc.TempDir("initramfs-")
	if err != nil {
		return Image{}, err
	}
	defer remove()
	tc, err := findToolchain(ctx, o)
	if err != nil {
		return Image{}, err
	}
	bb, err := busybox(ctx, o, tc, in.shellKey)
	if err != nil {
		return Image{}, err
	}
	guest := filepath.Join(work, "guest")
	if err := compileGuest(ctx, o, tc, in.areas, work, guest); err != nil {
		return Image{}, err
	}
	records, err := layout(o, in.areas, guest, bb)
	if err != nil {
		return Image{}, err
	}
	var sum string
	err = publish(dir, func(tmp string) error {
		path := filepath.Join(tmp, imageFile)
		if sum, err = writeArchive(path, records); err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(tmp, sumFile), []byte(sum+"  "+imageFile+"\n"), 0o644)
	})
	if err != nil {
		return Image{}, err
	}
	return Image{Path: filepath.Join(dir, imageFile), Hash: sum}, nil
}

// publish makes the folder dir with what fill puts into it, all or nothing. The
// lock is held, so a folder "new" is what a killed build left.
func publish(dir string, fill func(tmp string) error) error {
	tmp := filepath.Join(filepath.Dir(dir), "new")
	if err := os.RemoveAll(tmp); err != nil {
		return err
	}
	if err := os.MkdirAll(tmp, 0o755); err != nil {
		return err
	}
	err := fill(tmp)
	if err == nil {
		err = os.Rename(tmp, dir)
	}
	if err != nil {
		return errors.Join(err, os.RemoveAll(tmp))
	}
	return nil
}

// lock takes the lock file, or gives up when ctx ends.
func lock(ctx context.Context, path string) (unlock func(), err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	type result struct {
		unlock func()
		err    error
	}
	c := make(chan result, 1)
	go func() {
		unlock, err := lockedfile.MutexAt(path).Lock()
		c <- result{unlock, err}
	}()
	select {
	case r := <-c:
		return r.unlock, r.err
	case <-ctx.Done():
		go func() {
			if r := <-c; r.err == nil {
				r.unlock()
			}
		}()
		return nil, fmt.Errorf("waiting for another build that holds %s: %w", path, context.Cause(ctx))
	}
}

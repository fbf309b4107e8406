package bundle

import (
	"archive/tar"
	"bufio"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/klauspost/compress/gzip"
)

// manifestLimit is the most that a manifest may have in bytes; one has some 5 KB.
const manifestLimit = 1 << 20

// paddingLimit is the most that may follow the last file; tar(1) fills up 10 KB.
const paddingLimit = 1 << 20

// Unpack writes the files of the bundle r into the directory dir, which should
// be empty, and returns its manifest. Each file is whole and is the one that
// the manifest's digest names, or there is an error that says which is not.
func Unpack(r io.Reader, dir string) (*Manifest, error) {
	zip, err := gzip.NewReader(bufio.NewReader(r))
	if err != nil {
		return nil, fmt.Errorf("not a bundle, which is a gzip-compressed tar archive: %w", err)
	}
	// A directory's entries can't lead out of it through os.Root, whatever their
	// names; that each name is known is checked besides.
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }()
	archive := tar.NewReader(zip)
	m, err := readManifest(archive)
	if err != nil {
		return nil, err
	}
	for _, f := range m.Files {
		if err := unpack(root, archive, f); err != nil {
			return nil, err
		}
	}
	switch h, err := archive.Next(); {
	case err == nil:
		return nil, fmt.Errorf("%q is in the bundle and not in its manifest", h.Name)
	case !errors.Is(err, io.EOF):
		return nil, fmt.Errorf("behind the last file: %w", err)
	}
	// The rest is what tar fills up with, and gzip's own sum over everything.
	if n, err := io.Copy(io.Discard, io.LimitReader(zip, paddingLimit)); err != nil || n == paddingLimit {
		return nil, fmt.Errorf("behind the last file: %d bytes, %w", n, cmp.Or(err, errors.New("which is no padding")))
	}
	return m, nil
}

// readManifest reads the archive's first member.
func readManifest(archive *tar.Reader) (*Manifest, error) {
	h, err := archive.Next()
	switch {
	case err != nil:
		return nil, fmt.Errorf("not a bundle, which is a gzip-compressed tar archive: %w", err)
	case h.Name != manifestName || h.Typeflag != tar.TypeReg:
		return nil, fmt.Errorf("not a bundle: the archive begins with %q, and one begins with %s", h.Name, manifestName)
	case h.Size > manifestLimit:
		return nil, fmt.Errorf("%s has %d bytes; the most is %d", manifestName, h.Size, manifestLimit)
	}
	data, err := io.ReadAll(archive)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", manifestName, err)
	}
	var form struct {
		Schema int `json:"schema"`
	}
	if err := json.Unmarshal(data, &form); err != nil {
		return nil, fmt.Errorf("%s: %w", manifestName, err)
	}
	if form.Schema != Schema {
		return nil, fmt.Errorf("bundle of form %d, this uetest reads form %d: replay it with the uetest of its time", form.Schema, Schema)
	}
	m := new(Manifest)
	if err := json.Unmarshal(data, m); err != nil {
		return nil, fmt.Errorf("%s: %w", manifestName, err)
	}
	return m, m.check()
}

// unpack takes the next member of the archive, which has to be f.
func unpack(root *os.Root, archive *tar.Reader, f File) error {
	h, err := archive.Next()
	switch {
	case errors.Is(err, io.EOF):
		return fmt.Errorf("%s is missing: the bundle ends before it", f.Name)
	case err != nil:
		return fmt.Errorf("%s: %w", f.Name, err)
	case h.Name != f.Name:
		return fmt.Errorf("%s is missing: %q is in its place", f.Name, h.Name)
	case h.Typeflag != tar.TypeReg:
		return fmt.Errorf("%s is no regular file (type %q)", f.Name, h.Typeflag)
	case h.Size != f.Size:
		return fmt.Errorf("%s is damaged: it has %d bytes, the manifest says %d", f.Name, h.Size, f.Size)
	}
	out, err := root.OpenFile(filepath.Base(f.Name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	sum := sha256.New()
	_, err = io.Copy(io.MultiWriter(out, sum), archive) // the reader ends it at h.Size
	if closeErr := out.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("%s: %w", f.Name, err)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != f.SHA256 {
		return fmt.Errorf("%s is damaged: its SHA-256 is %s, the manifest says %s", f.Name, got, f.SHA256)
	}
	return nil
}

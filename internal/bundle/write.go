package bundle

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/klauspost/compress/gzip"

	"uetest/internal/blame"
)

// manifestName is the archive's first member.
const manifestName = "manifest.json"

// A Source is a file that goes into a bundle.
type Source struct {
	Name string // in the bundle
	Path string
}

// Write makes a bundle of m and the files and puts it at path. It fills in
// m.Schema and m.Files. Nobody finds half a bundle there.
func Write(path string, m *Manifest, files []Source) error {
	return blame.On(blame.Host, write(path, m, files))
}

func write(path string, m *Manifest, files []Source) (err error) {
	m.Schema, m.Files = Schema, nil
	for _, f := range files {
		file, err := describe(f)
		if err != nil {
			return err
		}
		m.Files = append(m.Files, file)
	}
	if err := m.check(); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	out, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := out.Close(); err == nil {
			err = closeErr
		}
		if err == nil {
			err = os.Chmod(out.Name(), 0o644)
		}
		if err == nil {
			err = os.Rename(out.Name(), path)
		}
		if err != nil {
			_ = os.Remove(out.Name())
		}
	}()
	// The standard library's takes at least twice as long for 3 % less
	// (BenchmarkWrite).
	zip := gzip.NewWriter(out)
	archive := tar.NewWriter(zip)
	head, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return err
	}
	head = append(head, '\n')
	if err := archive.WriteHeader(header(m, manifestName, int64(len(head)))); err != nil {
		return err
	}
	if _, err := archive.Write(head); err != nil {
		return err
	}
	for i, f := range files {
		if err := add(archive, header(m, f.Name, m.Files[i].Size), f.Path); err != nil {
			return err
		}
	}
	if err := archive.Close(); err != nil {
		return err
	}
	return zip.Close()
}

func header(m *Manifest, name string, size int64) *tar.Header {
	return &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o644, ModTime: m.Recorded.Truncate(1e9), Format: tar.FormatPAX}
}

// describe is the manifest's line for a file.
func describe(s Source) (File, error) {
	f, err := os.Open(s.Path)
	if err != nil {
		return File{}, err
	}
	defer func() { _ = f.Close() }()
	sum := sha256.New()
	n, err := io.Copy(sum, f)
	return File{Name: s.Name, Size: n, SHA256: hex.EncodeToString(sum.Sum(nil))}, err
}

func add(archive *tar.Writer, h *tar.Header, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	if err := archive.WriteHeader(h); err != nil {
		return err
	}
	if _, err := io.Copy(archive, f); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

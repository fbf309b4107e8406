package kernel

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"uetest/internal/blame"
	"uetest/internal/proc"
)

// unpackers are tar's options by the end of the file name; tar(1).
var unpackers = map[string]string{
	".xz": "--xz", ".gz": "--gzip", ".bz2": "--bzip2", ".zst": "--zstd", ".tar": "",
}

// unpack brings the tree of a tarball into the cache: src/NAME-ID/tree. The
// entry appears by a rename, so it is complete if it is there.
func (b *Builder) unpack(ctx context.Context, s Source) (*Tree, error) {
	if info, err := os.Stat(s.Tarball); err != nil {
		return nil, blame.On(blame.Usage, fmt.Errorf("kernel source: %w", err))
	} else if !info.Mode().IsRegular() {
		return nil, blame.On(blame.Usage, fmt.Errorf("kernel source: %s: expected a tarball, found %s", s.Tarball, info.Mode().Type()))
	}
	id, err := b.cache.FileHash(s.Tarball)
	if err != nil {
		return nil, hostError(err)
	}
	name := safeName(strings.TrimSuffix(tarName(s.Tarball), ".tar")) + "-" + id[:16]
	t := &Tree{Source: s, ID: id, Dir: b.src.Path(name, "tree"), name: name}
	// It may be removed until it is held.
	if b.src.Hold(name) == nil && exists(t.Dir) {
		return t, nil
	}
	if b.ReadOnly {
		return nil, fmt.Errorf("%w: %s would be unpacked to %s", ErrUncached, s.Tarball, t.Dir)
	}
	unlock, err := b.src.Lock(ctx, name)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if !exists(t.Dir) {
		tmp := b.src.Temp(name)
		defer func() { _ = os.RemoveAll(tmp) }()
		if err := b.untar(ctx, s.Tarball, tmp); err != nil {
			return nil, err
		}
		if err := b.src.Replace(name, tmp); err != nil {
			return nil, hostError(err)
		}
	}
	return t, b.src.Hold(name)
}

// tarName is the file name without the compression's suffix.
func tarName(file string) string {
	base := filepath.Base(file)
	if ext := filepath.Ext(base); ext != ".tar" {
		base = strings.TrimSuffix(base, ext)
	}
	return base
}

// untar unpacks a tarball with one folder at its top so that dir/tree is that
// folder.
func (b *Builder) untar(ctx context.Context, tarball, dir string) error {
	option, known := unpackers[filepath.Ext(tarball)]
	if !known {
		return blame.On(blame.Usage, fmt.Errorf("%s: expected a tarball: .tar.xz, .tar.gz, .tar.bz2, .tar.zst or .tar", tarball))
	}
	if option != "" { // tar starts it, and its own words for a missing one are poor
		if _, err := proc.LookPath(option[2:]); err != nil {
			return err
		}
	}
	top := filepath.Join(dir, "top")
	if err := os.MkdirAll(top, 0o777); err != nil {
		return hostError(err)
	}
	f, err := os.Open(tarball)
	if err != nil {
		return hostError(err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return hostError(err)
	}
	in := &countingReader{r: f, total: info.Size(), report: func(done, total int64) {
		b.event(Event{Stage: "source", Text: "unpacking " + filepath.Base(tarball), Done: done, Total: total})
	}}
	in.report(0, in.total)
	args := []string{"--extract", "--file=-", "--directory=" + top, "--no-same-owner", "--no-same-permissions"}
	if option != "" {
		args = append(args, option)
	}
	err = proc.Run(ctx, proc.Cmd{Path: "tar", Args: args, Stdin: in, Env: environment()})
	if err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return hostError(diskFull(fmt.Errorf("unpacking %s: %w", tarball, err), err.Error()))
	}
	names, err := os.ReadDir(top)
	if err != nil {
		return hostError(err)
	}
	if len(names) != 1 || !names[0].IsDir() {
		return blame.On(blame.Usage, fmt.Errorf("%s: expected one folder at its top, found %d entries", tarball, len(names)))
	}
	tree := filepath.Join(top, names[0].Name())
	if err := checkTree(tree); err != nil {
		return blame.On(blame.Usage, fmt.Errorf("%s: %s", tarball, strings.ReplaceAll(err.Error(), tree, names[0].Name())))
	}
	if err := os.Rename(tree, filepath.Join(dir, "tree")); err != nil {
		return hostError(err)
	}
	return hostError(os.Remove(top))
}

// countingReader reports how much of a file has been read, at most a hundred
// times.
type countingReader struct {
	r                 io.Reader
	done, told, total int64
	report            func(done, total int64)
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.done += int64(n)
	if c.done-c.told > c.total/100 || err == io.EOF && c.told < c.done {
		c.told = c.done
		c.report(c.done, c.total)
	}
	return n, err
}

func exists(name string) bool {
	_, err := os.Lstat(name)
	return err == nil
}

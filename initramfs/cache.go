package initramfs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/lockedfile"
)

// A cache entry is a folder with one file and its hash, as sha256sum(1) writes
// it. It appears whole, by a rename, and is checked at each use: half a
// gigabyte a second is fast enough, and a damaged image would be blamed on the
// kernel.

// sumSuffix is what the hash's file has behind the name of the other.
const sumSuffix = ".sha256"

// intact returns the hash of the file name in the entry dir. The error wraps
// fs.ErrNotExist if there is no such entry.
func intact(dir, name string) (sum string, err error) {
	line, err := os.ReadFile(filepath.Join(dir, name+sumSuffix))
	if err != nil {
		return "", err
	}
	got, err := hashFile(filepath.Join(dir, name))
	if err != nil {
		return "", err
	}
	if want, _, _ := strings.Cut(string(line), " "); got != want {
		return "", fmt.Errorf("damaged cache entry: %s/%s has hash %s, want %s", dir, name, got, want)
	}
	return got, nil
}

func hashFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// publish makes the entry dir with the file name that write writes, all or
// nothing, in place of a damaged one if there is one. The lock is held, so a
// folder "new" is what a killed build left.
func publish(dir, name string, write func(path string) error) (sum string, err error) {
	tmp := filepath.Join(filepath.Dir(dir), "new")
	if err := errors.Join(os.RemoveAll(tmp), os.RemoveAll(dir)); err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(tmp))
		}
	}()
	if err := os.MkdirAll(tmp, 0o755); err != nil {
		return "", err
	}
	path := filepath.Join(tmp, name)
	if err := write(path); err != nil {
		return "", err
	}
	if sum, err = hashFile(path); err != nil {
		return "", err
	}
	if err := os.WriteFile(path+sumSuffix, []byte(sum+"  "+name+"\n"), 0o644); err != nil {
		return "", err
	}
	return sum, os.Rename(tmp, dir)
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

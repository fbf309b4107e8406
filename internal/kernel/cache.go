package kernel

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
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/lockedfile"

	"uetest/internal/blame"
)

// The folders of the cache that belong to this stage. Their layout is
// versioned: a run never meets entries of another layout.
const (
	srcFolder   = "src"    // NAME-ID/{tree,…}: pristine sources; NAME-ID.lock
	buildFolder = "build"  // ID/{src,obj,state.json,build.log}; ID.lock
	imageFolder = "images" // KEY/{vmlinux,vmlinux.debug,config,manifest.json}; KEY.lock
	memoFolder  = "memo"   // hashes of files by their stat
)

// waitNotice is how long a lock may take before somebody is told.
const waitNotice = 200 * time.Millisecond

// lock takes the lock file name + ".lock" of the cache, within and across
// processes. If it takes long, waiting is called once. The kernel releases the
// lock of a process that dies.
func lock(ctx context.Context, name string, waiting func()) (unlock func(), err error) {
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		return nil, hostError(err)
	}
	type result struct {
		unlock func()
		err    error
	}
	got := make(chan result, 1)
	go func() {
		unlock, err := lockedfile.MutexAt(name + ".lock").Lock()
		got <- result{unlock, err}
	}()
	notice := time.NewTimer(waitNotice)
	defer notice.Stop()
	for {
		select {
		case r := <-got:
			return r.unlock, hostError(r.err)
		case <-notice.C:
			waiting()
		case <-ctx.Done():
			go func() { // flock(2) cannot be called off: give it back when it comes
				if r := <-got; r.err == nil {
					r.unlock()
				}
			}()
			return nil, context.Cause(ctx)
		}
	}
}

// hostError blames the host for a failed operation on the cache, and says what
// to do about a full disk.
func hostError(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		err = fmt.Errorf("%w: make room, or point UETEST_CACHE to a disk with 3 GB free", err)
	}
	return blame.On(blame.Host, err)
}

// noSpace is how strerror(3) words ENOSPC in the C locale.
const noSpace = "No space left on device"

// diskFull returns err as a full disk if the output of the tool says so.
func diskFull(err error, output string) error {
	if err != nil && !errors.Is(err, syscall.ENOSPC) && strings.Contains(output, noSpace) {
		return fmt.Errorf("%w: %w", syscall.ENOSPC, err)
	}
	return err
}

// writeFile writes a file of the cache so that nobody sees half of it.
func writeFile(name string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

// replaceDir puts the directory tmp in the place of dir. What was there is
// removed; a reader sees the one, the other, or for a moment none.
func replaceDir(tmp, dir string) error {
	if err := removeDir(dir); err != nil {
		return err
	}
	return os.Rename(tmp, dir)
}

// removeDir removes a directory under another name, so that a run that is
// killed meanwhile leaves no half of it under its own.
func removeDir(dir string) error {
	gone := dir + ".old"
	if err := os.RemoveAll(gone); err != nil {
		return err
	}
	if err := os.Rename(dir, gone); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return os.RemoveAll(gone)
}

// memo returns what compute says of a file, and keeps it in the cache for as
// long as the file's path, inode, size and time of change stay the same. what
// names the question.
func (b *Builder) memo(what, file string, compute func() (string, error)) (string, error) {
	info, err := os.Stat(file)
	if err != nil {
		return "", err
	}
	abs, err := filepath.Abs(file)
	if err != nil {
		return "", err
	}
	id := fmt.Sprintf("%s\n%s\n%d %d %d", what, abs, info.Size(), info.ModTime().UnixNano(), inode(info))
	note := b.path(memoFolder, digest([]byte(id))[:32])
	const separator = "\n--\n"
	if data, err := os.ReadFile(note); err == nil {
		if answer, ok := strings.CutPrefix(string(data), id+separator); ok {
			return answer, nil
		}
	}
	answer, err := compute()
	if err != nil {
		return "", err
	}
	// A file that is being written may change again with the same stat.
	if time.Since(info.ModTime()) < 2*time.Second {
		return answer, nil
	}
	if err := os.MkdirAll(filepath.Dir(note), 0o777); err != nil {
		return "", err
	}
	return answer, writeFile(note, []byte(id+separator+answer))
}

func inode(info os.FileInfo) uint64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return st.Ino
	}
	return 0
}

// digest is the SHA-256 of data in hexadecimal.
func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// digestFile is the SHA-256 of a file in hexadecimal.
func digestFile(name string) (string, error) {
	f, err := os.Open(name)
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

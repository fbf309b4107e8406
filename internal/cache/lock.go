package cache

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// waitNotice is how long a lock may take before somebody is told.
const waitNotice = 200 * time.Millisecond

// lockPoll is how often a lock that somebody holds is tried. flock(2) cannot be
// called off, so nobody sleeps in it.
const lockPoll = 20 * time.Millisecond

// Lock takes the lock of an entry, within and across processes, for who makes
// or changes it. If it takes long, Waiting is called once. The kernel releases
// the lock of a process that dies.
func (n *Namespace) Lock(ctx context.Context, key string) (unlock func(), err error) {
	if !validKey(key) {
		return nil, Fault(fmt.Errorf("cache: %q cannot be the key of an entry of %s", key, n.name))
	}
	if err := n.prepare(); err != nil {
		return nil, err
	}
	name := n.Path(key) + lockSuffix
	start, told := time.Now(), false
	for {
		f, err := tryLock(name)
		if err == nil {
			return func() { n.unlock(f) }, nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return nil, Fault(fmt.Errorf("cache: lock of %s: %w", n.Path(key), err))
		}
		if !told && time.Since(start) >= waitNotice {
			told = true
			if n.Waiting != nil {
				n.Waiting(key)
			}
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting for another run that holds %s: %w", name, context.Cause(ctx))
		case <-time.After(lockPoll):
		}
	}
}

// unlock gives a lock back. The file has no use after that but to tell that an
// entry without a manifest is one.
func (n *Namespace) unlock(f *os.File) {
	_, err := os.Lstat(strings.TrimSuffix(f.Name(), lockSuffix))
	if n.class == sealed || errors.Is(err, fs.ErrNotExist) {
		_ = os.Remove(f.Name())
	}
	_ = f.Close()
}

// tryLock takes a lock file, which is made if it is missing. A lock file may be
// removed by who holds it: then the next one is another file.
func tryLock(name string) (*os.File, error) {
	for {
		f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o666)
		if err != nil {
			return nil, err
		}
		err = flock(f, unix.LOCK_EX|unix.LOCK_NB)
		if err == nil && isAt(f, name) {
			return f, nil
		}
		_ = f.Close()
		if err != nil {
			return nil, err
		}
	}
}

func flock(f *os.File, how int) error {
	for {
		err := unix.Flock(int(f.Fd()), how)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// isAt tells whether the open file is the one with that name.
func isAt(f *os.File, name string) bool {
	a, err := f.Stat()
	if err != nil {
		return false
	}
	b, err := os.Lstat(name)
	return err == nil && os.SameFile(a, b)
}

// holding is a shared lock on an entry's folder. There is one a process and
// folder, however many use it: two hundred restored guests are one holding.
type holding struct {
	dir  string
	f    *os.File
	uses int
}

// held are the entries that this process uses. They are the process's and not a
// Cache's because the lock has to last while anybody has a path of the entry, and
// a file that nobody can reach any more is closed by the garbage collector.
var held = struct {
	sync.Mutex
	m map[string]*holding
}{m: map[string]*holding{}}

// maxTries is how often an entry is tried that somebody has claimed: it takes
// the time of a rename, and of being scheduled on a loaded machine.
const maxTries = 100

func openDir(dir string) (*os.File, error) {
	return os.OpenFile(dir, os.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
}

// hold marks the folder of an entry as in use. The error wraps fs.ErrNotExist
// if there is none, or if it is being removed.
func hold(dir string) (*holding, error) {
	held.Lock()
	defer held.Unlock()
	if h := held.m[dir]; h != nil && isAt(h.f, dir) {
		h.uses++
		return h, nil
	}
	for tries := 0; ; tries++ {
		f, err := openDir(dir)
		if err != nil {
			return nil, err
		}
		err = flock(f, unix.LOCK_SH|unix.LOCK_NB)
		if err == nil && isAt(f, dir) {
			h := &holding{dir, f, 1}
			held.m[dir] = h
			return h, nil
		}
		_ = f.Close()
		switch {
		case err == nil: // another entry has come in its place
		case !errors.Is(err, unix.EWOULDBLOCK):
			return nil, err
		case tries == maxTries:
			return nil, fmt.Errorf("%s: it is being removed: %w", dir, fs.ErrNotExist)
		default:
			time.Sleep(time.Millisecond) // somebody looks whether it is in use, or renames it to remove it
		}
	}
}

func (h *holding) release() {
	if h == nil {
		return
	}
	held.Lock()
	defer held.Unlock()
	if h.uses--; h.uses > 0 {
		return
	}
	if held.m[h.dir] == h {
		delete(held.m, h.dir)
	}
	_ = h.f.Close()
}

// Hold marks an entry as in use by this process and notes that it was used now.
// Release undoes it; else it lasts until the process ends.
func (n *Namespace) Hold(key string) error {
	_, err := hold(n.Path(key))
	if err != nil {
		return Fault(fmt.Errorf("cache: %w", err))
	}
	n.touch(key)
	return nil
}

// Release says that this process does not use a folder of the cache any more,
// whatever it was that marked it.
func Release(dir string) {
	held.Lock()
	defer held.Unlock()
	if h := held.m[filepath.Clean(dir)]; h != nil {
		h.uses = 0
		delete(held.m, h.dir)
		_ = h.f.Close()
	}
}

// touch notes that an entry was used now. Where that cannot be written nothing
// can be removed either.
func (n *Namespace) touch(key string) {
	if n.c.readOnly {
		return
	}
	now := time.Now()
	_ = os.Chtimes(n.Path(key), now, now)
}

// errInUse is why an entry is not removed.
var errInUse = errors.New("in use")

// claim gets an entry for removal: nobody makes or changes it, and nobody uses
// it. The error is errInUse if somebody does.
func (n *Namespace) claim(key string) (done func(), err error) {
	dir := n.Path(key)
	if n.class == log {
		return claimDir(dir)
	}
	lock, err := tryLock(dir + lockSuffix)
	if err != nil {
		return nil, inUse(err)
	}
	unclaim, err := claimDir(dir)
	if err != nil {
		n.unlock(lock)
		return nil, err
	}
	return func() {
		unclaim()
		n.unlock(lock)
	}, nil
}

// claimDir is claim for who has the lock.
func claimDir(dir string) (done func(), err error) {
	f, err := openDir(dir)
	if err != nil {
		return nil, err
	}
	if err := flock(f, unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, inUse(err)
	}
	return func() { _ = f.Close() }, nil
}

func inUse(err error) error {
	if errors.Is(err, unix.EWOULDBLOCK) {
		return errInUse
	}
	return err
}

// busy tells whether an entry is made, changed or used by anybody. It makes no
// file.
func (n *Namespace) busy(key string) bool {
	for _, name := range []string{n.Path(key) + lockSuffix, n.Path(key)} {
		f, err := os.Open(name)
		if err != nil {
			continue
		}
		err = flock(f, unix.LOCK_EX|unix.LOCK_NB)
		_ = f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return true
		}
	}
	return false
}

// Package cache keeps what is expensive to make: kernel sources and builds,
// images, guest images, snapshots.
//
// It is the one place that knows how an entry comes to be, so that every stage
// gets the same promises: any number of processes may share the cache; one
// makes an entry and the others wait; a process that is killed at any moment
// leaves nothing that a later one believes; an entry that is not what was made
// is found when it is used, and made again; what is in use is never removed.
//
// On the disk there is a folder a namespace, in it a folder an entry:
//
//	NAMESPACE/KEY            the entry; its time of modification is its last use
//	NAMESPACE/KEY/manifest.json  sizes and hashes, in namespaces of sealed entries
//	NAMESPACE/KEY.lock       held by who makes the entry
//	NAMESPACE/KEY.*.tmp      being made; a leftover if the lock is free
//	NAMESPACE/KEY.*.old      being removed; the same
//
// Who uses an entry holds a shared flock(2) on its folder until it ends or says
// Release, so whether an entry is in use is the kernel's knowledge and dies with
// the process.
//
// Nothing is synced to the disk. After a crash of the machine a file may be
// there with its size and without its content; so what is remembered of a file's
// hash counts in the boot it was read in, and after the next boot each entry is
// read once.
package cache

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"

	"uetest/internal/blame"
)

// Cache is a directory of namespaces.
type Cache struct {
	dir      string // absolute
	readOnly bool   // nothing is written, not even that something was used
}

// The namespaces. Sealed ones have entries that never change; the others' are
// changed by who holds their lock.
const (
	Sources   = "src"       // pristine kernel sources
	Builds    = "build"     // build directories
	Images    = "images"    // built kernels
	Prebuilt  = "prebuilt"  // kernels that somebody else built, unpacked
	Initramfs = "initramfs" // guest images
	Snapshots = "snapshots" // saved guests
	Witness   = "witness"   // upstream's selftests, compiled
	Runs      = "runs"      // saved runs
	Mutants   = "mutants"   // saved passes of mutants
)

// class is how a namespace keeps its entries.
type class int

const (
	sealed class = iota // made once, with a manifest
	open                // changed under the lock KEY.lock
	log                 // written by who made it; the newest are kept
)

// kinds are all namespaces, in the order in which they are shown.
var kinds = []struct {
	name  string
	class class
}{
	{Sources, open}, {Builds, open}, {Images, sealed}, {Prebuilt, sealed}, {Initramfs, sealed},
	{Snapshots, sealed}, {Witness, sealed}, {Runs, log}, {Mutants, log},
}

// Kinds returns the names of all namespaces.
func Kinds() []string {
	var names []string
	for _, k := range kinds {
		names = append(names, k.name)
	}
	return names
}

// Open returns the cache in a directory, which is made when the first entry is.
// That it cannot be written to is no error before: what is there can be used.
func Open(dir string) (*Cache, error) {
	if dir == "" {
		return nil, blame.On(blame.Host, errors.New("the cache has no directory: set UETEST_CACHE"))
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, blame.On(blame.Host, err)
	}
	info, err := os.Stat(abs)
	switch {
	case err == nil && !info.IsDir():
		return nil, blame.On(blame.Host, fmt.Errorf("cache %s: expected a directory, found a file; point UETEST_CACHE elsewhere", abs))
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, blame.On(blame.Host, fmt.Errorf("cache: expected a directory: %w; point UETEST_CACHE elsewhere", err))
	}
	return &Cache{dir: abs}, nil
}

// OpenToRead is Open for who only looks: no file is written or changed, not even
// the note of an answer or the time of an entry's last use.
func OpenToRead(dir string) (*Cache, error) {
	c, err := Open(dir)
	if err == nil {
		c.readOnly = true
	}
	return c, err
}

// errReadOnly is a mistake of the program's.
var errReadOnly = errors.New("cache: opened to be read alone")

// prepare makes a namespace's folder, and the cache if it is the first.
func (n *Namespace) prepare() error {
	if n.c.readOnly {
		return errReadOnly
	}
	if err := os.MkdirAll(n.c.dir, 0o777); err != nil {
		return Fault(fmt.Errorf("cache: %w; point UETEST_CACHE to a directory that can be made", err))
	}
	if err := n.c.mark(); err != nil {
		return err
	}
	if err := os.MkdirAll(n.c.path(n.name), 0o777); err != nil {
		return Fault(fmt.Errorf("cache: %w", err))
	}
	return nil
}

// mark gives the directory its tag, if it is a cache and has none.
func (c *Cache) mark() error {
	if c.tagged() || !c.ours() {
		return nil
	}
	if err := WriteFile(c.path(tagFile), []byte(tag)); err != nil {
		return Fault(fmt.Errorf("cache: %w", err))
	}
	return os.Chmod(c.path(tagFile), 0o644)
}

// Dir is the cache's directory, absolute.
func (c *Cache) Dir() string { return c.dir }

func (c *Cache) path(elem ...string) string {
	return filepath.Join(append([]string{c.dir}, elem...)...)
}

// tagFile marks a directory as a cache, for backups to leave out and for clean
// to know where it may remove: https://bford.info/cachedir/
const tagFile = "CACHEDIR.TAG"

const tagSignature = "Signature: 8a477f597d28d172789f06886806bc55\n"

const tag = tagSignature + `# This directory is a cache of uetest: kernels, builds, guest images.
# "uetest clean" removes from it what is not needed. See https://bford.info/cachedir/
`

// tagged tells whether the directory is known as a cache of ours: another
// program's would have the signature too.
func (c *Cache) tagged() bool {
	data, err := os.ReadFile(c.path(tagFile))
	return err == nil && bytes.HasPrefix(data, []byte(tagSignature)) && bytes.Contains(data, []byte("uetest"))
}

// ours tells whether a directory without a tag is a cache all the same: there
// is nothing in it but what cannot be anybody's work, or there are images of the
// time before there were tags, when manifests had no sum.
func (c *Cache) ours() bool {
	names, err := os.ReadDir(c.dir)
	if err != nil {
		return false
	}
	foreign := slices.ContainsFunc(names, func(e fs.DirEntry) bool { return !early.MatchString(e.Name()) })
	if !foreign {
		return true
	}
	files, _ := filepath.Glob(c.path(Images, "*", manifestFile))
	return slices.ContainsFunc(files, func(name string) bool {
		data, err := os.ReadFile(name)
		if err != nil {
			return false
		}
		m, err := parseManifest(data)
		return err == nil && m.Key == filepath.Base(filepath.Dir(name)) && !bytes.Contains(data, []byte(`"sum"`))
	})
}

// early are names that may be in the cache before it is opened: what scripts/
// and the accelerator's probe put there.
var early = regexp.MustCompile(`^(memo|kvm\.json.*|bin|go-.*|no-.*|\.?CACHEDIR\.TAG.*)$`)

// Namespace is a folder of entries.
type Namespace struct {
	// Waiting, if not nil, is called once if another process makes the entry.
	Waiting func(key string)
	// Damaged, if not nil, is told a line on an entry that is not what was made
	// and that will be made again.
	Damaged func(line string)

	c     *Cache
	name  string
	class class
}

// Namespace returns the namespace of that name, one of the constants above.
func (c *Cache) Namespace(name string) *Namespace {
	for _, k := range kinds {
		if k.name == name {
			return &Namespace{c: c, name: name, class: k.class}
		}
	}
	panic("cache: there is no namespace " + name)
}

// Path is a path in the entry of a key.
func (n *Namespace) Path(key string, elem ...string) string {
	return n.c.path(append([]string{n.name, key}, elem...)...)
}

// keys is what an entry may be called. What is being made or removed has a
// suffix that keys have not.
var keys = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.+=-]{0,199}$`)

const (
	lockSuffix = ".lock"
	tmpSuffix  = ".tmp"
	oldSuffix  = ".old"
)

func validKey(key string) bool {
	return keys.MatchString(key) && !strings.HasSuffix(key, lockSuffix) && !isLeftover(key)
}

// isEntry tells whether a folder of the namespace can be an entry. Records are
// called after what the user named.
func (n *Namespace) isEntry(name string) bool {
	if n.class == log {
		return !strings.HasPrefix(name, ".") && !isLeftover(name)
	}
	return validKey(name)
}

// isLeftover tells a name of what was being made or removed.
func isLeftover(name string) bool {
	return strings.HasSuffix(name, tmpSuffix) || strings.HasSuffix(name, oldSuffix)
}

// aside is a name beside dir that nobody has.
func aside(dir, suffix string) string { return dir + "." + rand.Text()[:8] + suffix }

// Fault blames the host for a failed operation on the cache, and says what to
// do about it.
func Fault(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		err = fmt.Errorf("%w: make room (uetest clean), or point UETEST_CACHE to a disk with 3 GB free", err)
	case errors.Is(err, syscall.EROFS):
		err = fmt.Errorf("%w: point UETEST_CACHE to a directory that can be written", err)
	}
	return blame.On(blame.Host, err)
}

// WriteFile writes a file so that nobody sees half of it.
func WriteFile(name string, data []byte) error {
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

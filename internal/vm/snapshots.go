package vm

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"uetest/internal/blame"
	"uetest/internal/cache"
	"uetest/internal/proc"
)

// Snapshots are the saved guests of a cache.
type Snapshots struct {
	Cache *cache.Cache
	// Waiting, if not nil, is called once if another process makes the snapshot.
	Waiting func(key string)
	// Damaged, if not nil, is told a line on a snapshot that is not what was
	// saved and that will be made again.
	Damaged func(line string)
}

// A Snapshot is a guest that waits. It stays where it is until Release or the
// end of the process.
type Snapshot struct {
	Cached bool // it was there already

	entries *cache.Namespace
	entry   cache.Entry
	cfg     Config
}

// What a snapshot has beside memory and state.
const (
	consoleName = "console"
	saidName    = "said"
)

// snapshotVersion is part of a snapshot's key: the form of its files.
const snapshotVersion = "2"

// Get returns the snapshot of a guest, which is made if the cache does not have
// it: the guest is started, settle brings it to where it waits, and it is saved.
// What settle returns is kept with the snapshot, and so is the console. An error
// of settle's is returned as it is.
//
// The snapshot is another one if anything is that the guest was made from: the
// contents of kernel, initrd and QEMU, and all arguments but the console's path.
func (s Snapshots) Get(ctx context.Context, cfg Config, settle func(context.Context, *VM) (said []byte, err error)) (Snapshot, error) {
	cfg, key, err := s.identify(cfg)
	if err != nil {
		return Snapshot{}, err
	}
	entries := s.entries()
	entry, err := entries.Get(ctx, key, func(ctx context.Context, dir string) error {
		return saveTo(ctx, cfg, dir, settle)
	})
	return Snapshot{Cached: entry.Cached, entries: entries, entry: entry, cfg: cfg}, err
}

// Lookup returns the snapshot of a guest if the cache has it as it was saved.
func (s Snapshots) Lookup(cfg Config) (Snapshot, bool) {
	cfg, key, err := s.identify(cfg)
	if err != nil {
		return Snapshot{}, false
	}
	entries := s.entries()
	entry, ok := entries.Lookup(key)
	return Snapshot{Cached: ok, entries: entries, entry: entry, cfg: cfg}, ok
}

func (s Snapshots) entries() *cache.Namespace {
	n := s.Cache.Namespace(cache.Snapshots)
	n.Waiting, n.Damaged = s.Waiting, s.Damaged
	return n
}

// identify completes a Config and gives the key of its snapshot.
func (s Snapshots) identify(cfg Config) (Config, string, error) {
	if err := CanSnapshot(cfg); err != nil {
		return cfg, "", blame.On(blame.Host, err)
	}
	cfg = cfg.withDefaults()
	if err := cfg.check(); err != nil {
		return cfg, "", blame.On(blame.Host, err)
	}
	qemu, err := proc.LookPath(cfg.QEMU)
	if err != nil {
		return cfg, "", err
	}
	if cfg.TSC == 0 {
		// Once a boot of the host: the measurement may round to the next MHz, and
		// it takes longer than all else here.
		tsc, err := s.Cache.Memo("tsc", qemu, func() (string, error) { return strconv.Itoa(HostTSC()), nil })
		if err == nil {
			cfg.TSC, err = strconv.Atoi(tsc)
		}
		if err != nil {
			return cfg, "", blame.On(blame.Host, fmt.Errorf("snapshot: %w", err))
		}
	}
	h := sha256.New()
	put := func(words ...string) {
		for _, w := range words {
			_, _ = fmt.Fprintf(h, "%d %s\n", len(w), w) // a hash takes everything
		}
	}
	put(snapshotVersion)
	for _, path := range []string{qemu, cfg.Kernel, cfg.Initrd} {
		sum := ""
		if path != "" {
			if sum, err = s.Cache.FileHash(path); err != nil {
				return cfg, "", blame.On(blame.Host, fmt.Errorf("snapshot: %w", err))
			}
		}
		put(sum)
	}
	saved, restored := cfg, cfg
	saved.SaveTo, restored.restored = "somewhere", true
	for _, c := range []Config{saved, restored} {
		// What is behind these paths is in the hash.
		c.Kernel, c.Console = "kernel", consoleName
		c.Trace = nil // it changes nothing in the guest
		if c.Initrd != "" {
			c.Initrd = "initrd"
		}
		args := c.Args()
		put(strconv.Itoa(len(args)))
		put(args...)
	}
	return cfg, hex.EncodeToString(h.Sum(nil))[:32], nil
}

// saveTo makes a snapshot in dir.
func saveTo(ctx context.Context, cfg Config, dir string, settle func(context.Context, *VM) ([]byte, error)) error {
	cfg.SaveTo = dir
	v, err := Start(ctx, cfg)
	if err != nil {
		return err
	}
	said, err := settle(ctx, v)
	if err == nil {
		err = v.Save(ctx)
	}
	if closeErr := v.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	err = os.WriteFile(filepath.Join(dir, saidName), said, 0o600)
	if err == nil {
		err = copyFile(filepath.Join(dir, consoleName), cfg.Console)
	}
	if err != nil {
		return cache.Fault(fmt.Errorf("snapshot: %w", err))
	}
	return nil
}

func copyFile(to, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if closeErr := out.Close(); err == nil {
		err = closeErr
	}
	return err
}

// Restore starts a guest from the snapshot, with a console of its own and a trace
// of its own, if that is not nil; see the function Restore.
func (s Snapshot) Restore(ctx context.Context, console string, trace *Trace) (*VM, error) {
	cfg := s.cfg
	cfg.Console, cfg.Trace = console, trace
	return Restore(ctx, cfg, s.entry.Dir)
}

// Said is what the guest said until it waited, as settle returned it.
func (s Snapshot) Said() ([]byte, error) {
	said, err := os.ReadFile(s.entry.Path(saidName))
	return said, cache.Fault(err)
}

// Console is the path of the file that has what the kernel printed up to then.
func (s Snapshot) Console() string { return s.entry.Path(consoleName) }

// Release says that nothing is restored from the snapshot any more.
func (s Snapshot) Release() { s.entry.Release() }

// Discard removes a snapshot that is as it was saved and can't be restored all
// the same, such as after a change of a library that QEMU uses.
func (s Snapshot) Discard(ctx context.Context) error { return s.entries.Drop(ctx, s.entry.Key) }

package pipeline

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"uetest/internal/blame"
	"uetest/internal/cache"
	"uetest/internal/results"
	"uetest/internal/vm"
	"uetest/internal/wire"
)

// snapshots are those that a run restores its guests from: one a machine that
// its tests ask for.
type snapshots struct {
	mu  sync.Mutex
	all map[string]*saved
}

// saved is a guest that waits, of which every guest of that machine is a copy.
type saved struct {
	of   *snapshots
	name string

	once sync.Once
	snap vm.Snapshot
	err  error // there is none

	tell   sync.Once
	number int // of the guest that was saved
}

// snapshot returns what to restore a guest of machine m from; nil if it has to
// be booted. The error is that of a boot, or ctx's.
func (d *driver) snapshot(ctx context.Context, m machine) (*saved, error) {
	if d.cfg.Attach != nil {
		d.count(func() { d.run.NoSnapshot = "gdb is to see the boot" })
		return nil, nil
	}
	cfg := d.config(m)
	if err := vm.CanSnapshot(cfg); err != nil {
		d.count(func() { d.run.NoSnapshot = err.Error() })
		return nil, nil
	}
	s := d.snapshots.of(m)
	s.once.Do(func() { s.err = d.save(ctx, cfg, s) })
	var dead *bootError
	switch {
	case s.err == nil:
		return s, nil
	case errors.As(s.err, &dead), ctx.Err() != nil:
		return nil, s.err
	}
	// What keeps a guest from being saved, a full disk for one, keeps it from
	// nothing else.
	d.count(func() { d.run.NoSnapshot = s.err.Error() })
	return nil, nil
}

func (l *snapshots) of(m machine) *saved {
	l.mu.Lock()
	defer l.mu.Unlock()
	name := fmt.Sprint(m)
	if l.all[name] == nil {
		if l.all == nil {
			l.all = map[string]*saved{}
		}
		l.all[name] = &saved{of: l, name: name}
	}
	return l.all[name]
}

// release lets the cache do with the snapshots as it likes.
func (l *snapshots) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.all {
		if s.err == nil {
			s.snap.Release()
		}
	}
	l.all = nil
}

// discard takes a snapshot away from which a guest did not come up. The next
// guest gets another one.
func (s *saved) discard(ctx context.Context) {
	s.of.mu.Lock()
	mine := s.of.all[s.name] == s
	if mine {
		delete(s.of.all, s.name)
	}
	s.of.mu.Unlock()
	if !mine {
		return // another worker's guest did not come up either
	}
	s.snap.Release()
	// If it can't be removed, the boot that follows does without it.
	_ = s.snap.Discard(ctx)
}

// save fills in s: from the cache, or by booting a guest that waits.
func (d *driver) save(ctx context.Context, cfg vm.Config, s *saved) error {
	store, err := cache.Open(d.cfg.Cache)
	if err != nil {
		return err
	}
	snaps := vm.Snapshots{Cache: store}
	var ok bool
	if s.snap, ok = snaps.Lookup(d.files(cfg, 0)); ok {
		d.count(func() {
			d.guests++
			s.number = d.guests
		})
		return d.copyBoot(s)
	}
	return d.boot(ctx, func(number int) error {
		s.number = number
		var booted *session
		snap, err := snaps.Get(ctx, d.files(cfg, number), func(ctx context.Context, machine *vm.VM) ([]byte, error) {
			var err error
			if booted, err = d.attach(machine, number); err != nil {
				return nil, err
			}
			if err = booted.booted(ctx); err != nil {
				return nil, err
			}
			return booted.settle(ctx)
		})
		if booted != nil {
			booted.close()
		}
		s.snap = snap
		return err
	})
}

// copyBoot leaves in the run's directory what a guest printed and said that was
// booted and saved by an earlier run.
func (d *driver) copyBoot(s *saved) error {
	said, err := s.snap.Said()
	var printed []byte
	if err == nil {
		printed, err = os.ReadFile(s.snap.Console())
	}
	if err == nil {
		err = os.WriteFile(d.file("stream-%d.jsonl", s.number), said, 0o644)
	}
	if err == nil {
		err = os.WriteFile(d.file("console-%d.log", s.number), printed, 0o644)
	}
	return blame.On(blame.Host, err)
}

// told has the judge hear, once, what the guest said that was saved. A kernel
// that complained while it booted has done so in each run.
func (s *saved) told(j *results.Judge) (err error) {
	s.tell.Do(func() {
		var said []byte
		if said, err = s.snap.Said(); err != nil {
			return
		}
		guest := j.Guest(s.number)
		dec := wire.NewDecoder(bytes.NewReader(said))
		for err == nil {
			var m wire.Message
			if m, err = dec.Decode(); err == nil {
				_, err = guest.Add(m)
			}
		}
		if errors.Is(err, io.EOF) {
			err = nil
		}
	})
	return blame.On(blame.Host, err)
}

// restore gives a guest that begins where s waits.
func (d *driver) restore(ctx context.Context, saved *saved) (*session, error) {
	var number int
	d.count(func() {
		d.guests++
		d.run.Restored++
		number = d.guests
	})
	machine, err := saved.snap.Restore(ctx, d.file("console-%d.log", number), d.traced(number))
	if err != nil {
		return nil, err
	}
	s, err := d.attach(machine, number)
	if err != nil {
		return nil, err
	}
	s.saved = saved
	wake := wire.Message{Kind: wire.Wake, Now: time.Now(), Random: make([]byte, wire.WakeBytes)}
	_, _ = rand.Read(wake.Random) // never fails (crypto/rand)
	// A guest that does not take it does not say Hello either.
	_ = s.enc.Encode(wake)
	return s, s.greet(ctx)
}

// settle has the guest finish what it does of its own, and returns all that it
// has said.
func (s *session) settle(ctx context.Context) ([]byte, error) {
	if err := s.enc.Encode(wire.Message{Kind: wire.Settle}); err != nil {
		return nil, s.dead(ctx, err)
	}
	for {
		m, err := s.next(ctx, s.d.bootLimit())
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil:
			return nil, s.dead(ctx, err)
		case m.Kind == wire.Settled:
			said, err := os.ReadFile(s.log.Name())
			return said, blame.On(blame.Host, err)
		}
	}
}

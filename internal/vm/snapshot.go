package vm

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"uetest/internal/blame"
	"uetest/internal/qmp"
)

// A snapshot is a guest that waits, as files in a directory. The memory is a
// sparse file that a restored guest maps and copies only the pages of that it
// writes; the rest is what QEMU knows of the machine's devices, 60 KB.
//
// QEMU's ways to save a machine were measured for a guest of 128 MB, from its
// start to the guest's answer: everything in one stream 84 ms on microvm and 94
// on q35, savevm in a disk image 166 and 176 and one machine at a time, memory
// mapped and left out of the stream (x-ignore-shared) 55 and 70.
const (
	memoryName = "memory"
	stateName  = "state"
)

// saveLimit is how long QEMU may take to write its state; 10 ms on an idle
// machine.
const saveLimit = 10 * time.Second

// CanSnapshot is nil if a guest of this Config can be saved and restored, else
// why not: it has to be booted.
func CanSnapshot(c Config) error {
	c = c.withDefaults()
	switch {
	case c.Accel != TCG:
		return fmt.Errorf("no snapshot: what the %s accelerator keeps of a CPU and its clocks was never tried after a restore", c.Accel)
	case c.Clock.Counts():
		return errors.New("no snapshot: a clock that counts instructions was never tried after a restore")
	case c.Machine.Unsaved != "":
		return fmt.Errorf("no snapshot on the machine %s of %s: %s", c.Machine.Type, c.Machine.Arch, c.Machine.Unsaved)
	}
	return nil
}

// createMemory makes the directory and the file of the memory of a guest that is
// to be saved.
func createMemory(cfg Config) (*os.File, error) {
	err := os.MkdirAll(cfg.SaveTo, 0o755)
	var f *os.File
	if err == nil {
		f, err = create(cfg.SaveTo, memoryName)
	}
	if err == nil {
		if err = f.Truncate(int64(cfg.Memory) << 20); err != nil {
			_ = f.Close()
		}
	}
	if err != nil {
		return nil, blame.On(blame.Host, fmt.Errorf("snapshot: %w", err))
	}
	return f, nil
}

func create(dir, name string) (*os.File, error) {
	return os.OpenFile(filepath.Join(dir, name), os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
}

// Save stops the guest, writes it to Config.SaveTo and ends the virtual machine,
// as Close does. The guest should be waiting for the host and nothing else:
// whatever it is about to do, each restored guest will do.
//
// If there is an error, what the directory has is no snapshot.
func (v *VM) Save(ctx context.Context) error {
	err := v.save(ctx)
	if closeErr := v.Close(); err == nil {
		err = closeErr
	}
	return err
}

func (v *VM) save(ctx context.Context) error {
	if v.cfg.SaveTo == "" {
		return blame.On(blame.Host, errors.New("snapshot: the virtual machine was started without a directory to be saved to"))
	}
	ctx, cancel := context.WithTimeout(ctx, saveLimit)
	defer cancel()
	state, err := create(v.cfg.SaveTo, stateName)
	if err != nil {
		return blame.On(blame.Host, fmt.Errorf("snapshot: %w", err))
	}
	defer func() { _ = state.Close() }()
	if err = v.monitor.PassFile(ctx, stateName, state); err == nil {
		err = v.monitor.IgnoreShared(ctx)
	}
	if err == nil {
		// The guest runs up to the end of the migration, and so it does at its
		// other end: a machine that was stopped before is restored stopped.
		err = v.monitor.Migrate(ctx, "fd:"+stateName)
	}
	for err == nil {
		var m qmp.Migration
		if m, err = v.monitor.Migration(ctx); err != nil {
			break
		}
		switch m.Status {
		case "completed":
			return nil
		case "failed", "cancelled":
			err = fmt.Errorf("QEMU's migration: %s: %s", m.Status, m.Error)
		default:
			select {
			case <-time.After(time.Millisecond):
			case <-ctx.Done():
				err = fmt.Errorf("QEMU's migration is %q: %w", m.Status, context.Cause(ctx))
			}
		}
	}
	return blame.On(blame.Host, fmt.Errorf("snapshot: %w", v.because(err)))
}

// because is err, or the end of the virtual machine if that is the reason.
func (v *VM) because(err error) error {
	if !errors.Is(err, qmp.ErrClosed) {
		return err
	}
	<-v.done // it ends with its monitor
	if v.err != nil {
		return v.err
	}
	return fmt.Errorf("the virtual machine ended before it was saved: %s", v.end)
}

// Restore starts QEMU with the guest that was saved in dir, and returns when it
// runs again. cfg has to be what the guest was started with; the console, which
// begins empty, is the guest's own, and so is what it writes to its memory. Any
// number may be restored from one directory, also at the same time.
//
// A restored guest has the clocks and the random numbers that it was saved with:
// it has to be told the time, and be given what to reseed from.
func Restore(ctx context.Context, cfg Config, dir string) (*VM, error) {
	var files []*os.File
	defer func() { closeAll(files) }()
	for _, name := range []string{memoryName, stateName} {
		// QEMU opens memory for writing although it maps it privately.
		f, err := os.OpenFile(filepath.Join(dir, name), os.O_RDWR, 0)
		if err != nil {
			return nil, blame.On(blame.Host, fmt.Errorf("snapshot: %w", err))
		}
		files = append(files, f)
	}
	return restore(ctx, cfg, files)
}

// restore restores from the two files of a snapshot. The second one is read from
// where it stands.
func restore(ctx context.Context, cfg Config, files []*os.File) (*VM, error) {
	cfg.restored, cfg.SaveTo = true, ""
	if err := CanSnapshot(cfg); err != nil {
		return nil, blame.On(blame.Host, err)
	}
	cfg, err := cfg.complete()
	if err != nil {
		return nil, err
	}
	return launch(ctx, cfg, files, load)
}

// load has QEMU read the guest's state and returns when the guest runs.
func load(ctx context.Context, monitor *qmp.Client) error {
	if err := monitor.IgnoreShared(ctx); err != nil {
		return err
	}
	if err := monitor.MigrateIncoming(ctx, fmt.Sprintf("fd:%d", stateFD)); err != nil {
		return err
	}
	for {
		select {
		case e, open := <-monitor.Events():
			switch {
			case !open:
				return qmp.ErrClosed
			case e.Event == qmp.Resumed:
				return nil
			}
		case <-ctx.Done():
			return blame.On(blame.Host, fmt.Errorf("QEMU has not read the snapshot: %w", context.Cause(ctx)))
		}
	}
}

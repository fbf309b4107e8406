package pipeline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	kernelpatches "uetest/kernel-patches"

	"uetest/initramfs"
	"uetest/internal/blame"
	"uetest/internal/coverage"
	"uetest/internal/patch"
	"uetest/internal/results"
	"uetest/internal/runs"
)

// Changed is a file that the patches under test change.
type Changed struct {
	patch.ChangedFile
	Text []byte // as they leave it
}

// UnderTest returns what the patches under test change, of the one kernel that cfg
// names: those on top, or else those of the series behind its last state that has a
// name. It builds nothing. A kernel that no patch is about has none.
func UnderTest(ctx context.Context, cfg Config) ([]Changed, error) {
	cfg.Notify = serialize(cfg.Notify)
	targets, err := cfg.targets()
	if err != nil {
		return nil, err
	}
	if len(targets) != 1 || targets[0].file != "" {
		return nil, blame.On(blame.Usage, fmt.Errorf("expected one kernel that is built from its source, not %d", len(targets)))
	}
	t := targets[0]
	_, tree, p, err := t.patched(ctx, &cfg, builder(cfg.Cache, t.name, cfg.Notify))
	if err != nil {
		return nil, err
	}
	defer func() { _ = tree.Close() }()
	files, err := p.changed(tree, cfg.Fuzz)
	if err != nil {
		return nil, err
	}
	var all []Changed
	for _, f := range files {
		text, _, err := p.changes.On(tree).ReadFile(f.Path)
		if err != nil {
			return nil, blame.On(blame.Host, err)
		}
		all = append(all, Changed{f, text})
	}
	return all, nil
}

// Suite is the key of the guest image that the tests of a kernel are in: what changes
// it, or what the catalogue expects of it, changes the key. It builds nothing.
func Suite(cfg Config) (string, error) {
	_, arch := kernelpatches.CutArch(cfg.Kernels[0])
	image, _, err := initramfs.Find(initramfs.Options{Root: cfg.Root, Cache: cfg.Cache, Arch: goArch(arch), Files: cfg.files})
	return filepath.Base(filepath.Dir(image.Path)), err
}

// LastCovered returns the newest saved run of the whole catalogue on a kernel that
// says which tests executed which of the lines that the patches under test change;
// nil if there is none. A run of other patches that had the same name is none.
func LastCovered(cacheDir, kernel string, files []Changed) (*results.Run, error) {
	home := runs.Home(cacheDir)
	dirs, err := os.ReadDir(home)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, blame.On(blame.Host, err)
	}
	var bare []patch.ChangedFile
	for _, f := range files {
		bare = append(bare, f.ChangedFile)
	}
	want := reported(kernel, bare)
	for _, d := range slices.Backward(dirs) { // names sort by time
		dir := filepath.Join(home, d.Name(), runs.FolderName(kernel))
		data, err := os.ReadFile(filepath.Join(dir, results.SavedName))
		if err != nil || !bytes.Contains(data, []byte(`"coverage":`)) {
			continue // there is none, or another command is removing it
		}
		run, err := results.Load(dir)
		if err != nil {
			continue // of another form, for one: it is as good as none
		}
		c := run.Coverage
		if run.Kernel.Name == kernel && run.Select == "" && run.Fatal == 0 && c != nil && c.Schema == coverage.Schema && c.Check() == nil && c.SamePatch(want) {
			return run, nil
		}
	}
	return nil, nil
}

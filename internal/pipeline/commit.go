package pipeline

import (
	"context"
	"fmt"

	"uetest/internal/blame"
	"uetest/internal/git"
	"uetest/internal/kernel"
	"uetest/internal/patch"
)

// bisected is what the kernels of commits are called in their release: by one name,
// so that a commit that Run has tested is one that Bisect need not build.
const bisected = "bisect"

// atCommit has the targets made of Config.Commit of the user's tree, in place of
// what lies in it; the patches on top stay. Nothing is checked out. done lets go of
// what that takes, when the kernels are through.
func (cfg *Config) atCommit(ctx context.Context, targets []target) (done func(), err error) {
	if cfg.Commit == "" {
		return func() {}, nil
	}
	if cfg.SourceDir == "" || cfg.KernelFile != "" || cfg.Each || len(targets) != 1 {
		return nil, blame.On(blame.Usage, fmt.Errorf("commit %s: expected one kernel, made of the git tree that has it, as it is", cfg.Commit))
	}
	tree, err := git.Open(cfg.SourceDir)
	if err != nil {
		return nil, blame.On(blame.Usage, fmt.Errorf("commit %s: %w; name the top of a git tree with -C", cfg.Commit, err))
	}
	c, ok, err := tree.Commit(ctx, cfg.Commit)
	if err == nil && !ok {
		err = blame.On(blame.Usage, fmt.Errorf("%s: no commit %s there", cfg.SourceDir, cfg.Commit))
	}
	if err != nil {
		return nil, err
	}
	repo, err := tree.Borrow(ctx)
	if err != nil {
		return nil, err
	}
	at := commits{repo: repo}
	t := &targets[0]
	if err := at.buildIn(ctx, cfg, c.ID, t.kernel.Source); err != nil {
		repo.Close()
		return nil, err
	}
	t.release, t.id, t.describe = bisected, c.ID, c.Describe
	t.commit = func(ctx context.Context, tree *kernel.Tree) (patch.Overlay, error) {
		return at.overlay(ctx, c.ID, tree)
	}
	return repo.Close, nil
}

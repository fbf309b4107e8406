package main

import (
	"errors"
	"io/fs"
	"strings"

	"github.com/spf13/cobra"

	"uetest/internal/blame"
	"uetest/internal/kernel"
	"uetest/internal/proc"
)

// configFlags say what a kernel is configured with.
type configFlags struct {
	config string
}

// What --config may be beside a file.
const (
	configMerge = "merge" // the series' fragments over tinyconfig
	configKeep  = "keep"  // the tree's own
)

func (f *configFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.config, "config", configMerge, "what the kernel is configured with: merge (the series' options over tinyconfig), keep (the .config of the tree of -C, completed by olddefconfig), or a file like it")
}

// read returns the configuration; its text is empty if it is the series' own.
func (f *configFlags) read(tree string) (kernel.Fragment, error) {
	switch f.config {
	case configMerge:
		return kernel.Fragment{}, nil
	case "":
		return kernel.Fragment{}, blame.On(blame.Usage, errors.New("--config: expected merge, keep or a file"))
	case configKeep:
		if tree == "" {
			return kernel.Fragment{}, blame.On(blame.Usage, errors.New("--config keep: keeps the .config of a tree, so name one with -C; the source package has none"))
		}
		c, err := kernel.TreeConfig(tree)
		if errors.Is(err, fs.ErrNotExist) {
			err = blame.On(blame.Usage, errorf("--config keep: %w with --config FILE", err))
		}
		return c, err
	}
	c, err := kernel.ReadConfig(f.config)
	if errors.Is(err, fs.ErrNotExist) && !strings.ContainsRune(f.config, '/') {
		err = errorf("%w; --config is merge, keep or a file", err)
	}
	if err != nil {
		return c, blame.On(blame.Usage, errorf("--config: %w", err))
	}
	return c, nil
}

// repeat are the flags that say the same again.
func (f *configFlags) repeat() []string {
	if f.config == configMerge {
		return nil
	}
	return []string{"--config", proc.Quote(f.config)}
}

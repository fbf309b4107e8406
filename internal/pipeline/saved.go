package pipeline

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"uetest/internal/blame"
	"uetest/internal/cache"
	"uetest/internal/git"
	"uetest/internal/proc"
	"uetest/internal/results"
	"uetest/internal/runs"
	"uetest/selftests/catalog"
)

// Asked is what the job is, for its record.
func (cfg *Config) Asked() runs.Asked {
	a := runs.Asked{
		Command: cfg.Command, Uetest: cfg.Revision, Tester: cfg.Tester, Table: cfg.Table,
		Kernels: cfg.Kernels, Source: cfg.SourceDir, Accel: cfg.Accel, Jobs: cfg.jobs(),
		Isolate: cfg.Isolation.String(), Timeout: cfg.Timeout, Unproven: cfg.Unproven, Machine: cfg.Machine,
		Count: cfg.Count, UntilFail: cfg.UntilFail, Shuffle: cfg.Shuffle,
	}
	if cfg.Series != nil {
		a.Series, a.Title = cfg.Series.Name, cfg.Series.Title
	}
	if cfg.Below {
		a.Kernels = nil
		for _, name := range cfg.Kernels {
			a.Kernels = append(a.Kernels, name, TopName(name, cfg.Patches))
		}
	}
	if cfg.KernelFile != "" {
		a.Kernels = []string{filepath.Base(cfg.KernelFile)}
	}
	if cfg.Select != nil {
		a.Select = cfg.Select.String()
	}
	return a
}

// record begins a record if the caller has none, and has it hear which stages
// end. The function returned ends one that was begun here.
func (cfg *Config) record() (close func([]*results.Run, error) error, err error) {
	rec, own := cfg.Record, cfg.Record == nil
	if own {
		if rec, err = runs.Create(cfg.Cache, cfg.Asked(), cfg.Keep); err != nil {
			return nil, err
		}
		cfg.Record = rec
	}
	notify := cfg.Notify
	cfg.Notify = func(e Event) {
		if e.Finished {
			note, _, _ := strings.Cut(e.Text, ": ")
			rec.Stage(e.Kernel, results.Stage{Name: e.Stage, Took: e.Took, Note: note})
		}
		notify(e)
	}
	return func(list []*results.Run, err error) error {
		if own {
			err = errors.Join(err, rec.Close(Exit(list, err), err))
		}
		return err
	}, nil
}

// Exit is the exit code of a job by its runs and the error it ended with.
func Exit(list []*results.Run, err error) int {
	code := 0
	for _, r := range list {
		code = max(code, r.Exit())
	}
	if err != nil {
		code = max(code, int(blame.Of(err)))
	}
	return code
}

// place gives the run its directory: in the record if there is one, else one of
// its own.
func (d *driver) place(name string) error {
	d.rec = d.cfg.Record
	if d.rec == nil {
		c, err := cache.Open(d.cfg.Cache)
		if err != nil {
			return err
		}
		if d.run.Dir, err = c.Namespace(cache.Runs).Add(d.run.Start.Format("20060102-150405.000-") + filepath.Base(name) + "-"); err != nil {
			return err
		}
		if d.cfg.Keep {
			return cache.Keep(d.run.Dir)
		}
		return nil
	}
	var err error
	if d.key, d.run.Dir, err = d.rec.Folder(d.run.Label()); err != nil {
		return err
	}
	if d.cfg.Repeat != nil {
		d.run.Repeat = d.cfg.Repeat(name)
	}
	for _, p := range d.kernel.texts {
		d.rec.Patch(p.Name, p.Bytes())
	}
	if d.run.Kernel.ConfigHash != "" {
		if text, err := os.ReadFile(d.kernel.config()); err == nil {
			d.rec.Config(text)
		}
	}
	d.known()
	return nil
}

// config is where a kernel's configuration is, beside its symbols.
func (b *built) config() string { return filepath.Join(filepath.Dir(b.symbols), "config") }

// known records what is known of the kernel. Who calls it has the run for
// himself.
func (d *driver) known() {
	if d.rec != nil {
		d.rec.Kernel(d.key, d.run)
	}
}

// planned records which tests are to run.
func (d *driver) planned(tests []catalog.Test) {
	if d.rec == nil {
		return
	}
	ids := make([]string, len(tests))
	for i, t := range tests {
		ids[i] = t.ID
	}
	d.count(d.known) // of which generation it is
	d.rec.Plan(d.key, ids)
}

// finish writes down what the run showed.
func (d *driver) finish() error {
	d.run.Note()
	if d.rec == nil {
		return d.run.Save()
	}
	return d.rec.Done(d.key, d.run)
}

// qemuVersion is the first line of what the QEMU of the job says to --version;
// usual is the one of the guests' machine.
func (cfg *Config) qemuVersion(ctx context.Context, usual string) (string, error) {
	path, err := proc.LookPath(cmp.Or(cfg.QEMU, usual))
	if err != nil {
		return "", err
	}
	c, err := cache.Open(cfg.Cache)
	if err != nil {
		return "", err
	}
	return c.Memo("--version", path, func() (string, error) {
		out, err := proc.Output(ctx, proc.Cmd{Path: path, Args: []string{"--version"}})
		line, _, _ := strings.Cut(string(out), "\n")
		return line, err
	})
}

// configCompiler is what a configuration has of the compiler (init/Kconfig).
var configCompiler = regexp.MustCompile(`(?m)^CONFIG_CC_VERSION_TEXT="(.*)"$`)

// describe says what a kernel was built of and with, as its configuration has it.
// A kernel without one beside it has less to say.
func describe(k *results.Kernel, config string) {
	data, err := os.ReadFile(config)
	if err != nil {
		return
	}
	sum := sha256.Sum256(data)
	k.ConfigHash = hex.EncodeToString(sum[:])
	if m := configCompiler.FindSubmatch(data); m != nil {
		k.Compiler = string(m[1])
	}
}

// describeTree says which commit a user's tree is at, if it is a git tree.
func describeTree(ctx context.Context, k *results.Kernel, dir string) error {
	if dir == "" {
		return nil
	}
	tree, err := git.Open(dir)
	if err != nil {
		return nil // an unpacked one has no commits
	}
	c, ok, err := tree.Commit(ctx, "HEAD")
	if ok && err == nil {
		k.Commit, k.Describe = c.ID, c.Describe
	}
	return err
}

// variant names the variants of the kernel's configuration.
func (b *built) variant() string {
	var names []string
	for _, v := range b.plan.Variants {
		names = append(names, v.Name)
	}
	return strings.Join(names, "+")
}

// mails are the patches that a kernel has, as they were posted.
func (b *built) mails() []results.Mail {
	var mails []results.Mail
	for _, p := range b.texts {
		m := results.Mail{File: p.Name, SHA256: runs.Digest(p.Bytes())}
		if len(p.Changes) > 0 {
			c := p.Changes[0]
			m.Subject, m.From, m.Date, m.ID = c.Subject, c.From, c.Date, c.ID
		}
		mails = append(mails, m)
	}
	return mails
}

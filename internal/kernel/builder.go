package kernel

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"uetest/internal/blame"
	"uetest/internal/cache"
	"uetest/internal/proc"
)

// Builder builds kernels in a cache. Its methods may be called from several
// goroutines; builds that need the same directory wait for each other, as they
// do across processes.
type Builder struct {
	Cache string // root of the cache; made if it is missing
	// Progress is told what goes on, if it is not nil. It is called from the
	// goroutine of the Build or Pristine, or from one that it started, and not
	// after that has returned.
	Progress func(Event)
	Jobs     int // make -j; 0 is the number of CPUs
	// ReadOnly has nothing written, for Find, Commands and Pristine. A source
	// that is not in the cache as it is now is then ErrUncached.
	ReadOnly bool

	once    sync.Once
	abs     string // Cache
	cache   *cache.Cache
	src     *cache.Namespace
	builds  *cache.Namespace
	images  *cache.Namespace
	openErr error

	mu    sync.Mutex
	trees map[Source]*Tree
}

func (b *Builder) event(e Event) {
	if b.Progress != nil {
		b.Progress(e)
	}
}

func (b *Builder) jobs() int {
	if b.Jobs > 0 {
		return b.Jobs
	}
	return runtime.NumCPU()
}

// ready opens the cache at the first call.
func (b *Builder) ready() error {
	b.once.Do(func() { b.openErr = b.open() })
	return b.openErr
}

// open settles where the cache is. make takes O= from the source's point of view
// and cannot live with blanks and colons in paths.
func (b *Builder) open() error {
	root, err := filepath.Abs(b.Cache)
	if err != nil {
		return hostError(err)
	}
	if strings.ContainsAny(root, " \t\n:$#'\"\\") {
		return blame.On(blame.Host, fmt.Errorf("cache %q: make cannot work under such a path; point UETEST_CACHE to one without blanks, colons, quotes and dollars", b.Cache))
	}
	open := cache.Open
	if b.ReadOnly {
		open = cache.OpenToRead
	}
	b.abs = root
	if b.cache, err = open(b.Cache); err != nil {
		return err
	}
	b.src = b.cache.Namespace(cache.Sources)
	b.builds = b.cache.Namespace(cache.Builds)
	b.images = b.cache.Namespace(cache.Images)
	b.src.Waiting = func(key string) {
		b.event(Event{Stage: "wait", Text: "another run copies the source " + key})
	}
	b.builds.Waiting = func(string) {
		b.event(Event{Stage: "wait", Text: "another run builds in the same directory"})
	}
	b.images.Waiting = func(string) {
		b.event(Event{Stage: "wait", Text: "another run builds this kernel"})
	}
	b.images.Damaged = func(line string) { b.event(Event{Stage: "damaged", Text: line}) }
	return nil
}

// plan is a Spec with all that follows from it.
type plan struct {
	spec    Spec
	overlay Overlay // trimmed to the tree
	arch    arch
	tree    *Tree
	options []option
	key     string // of the image
	dir     string // name of the build directory

	counting, counted []string // for Spec.Gcov: arguments of make, and the files that have counters
}

// Build returns the image of a kernel, from the cache or built. The errors are
// *BuildError and *ConfigError (blame.Patch), those of Pristine, of a fragment
// that cannot be read (blame.Usage), of missing tools and a full disk
// (blame.Host), and the cause of the end of ctx.
func (b *Builder) Build(ctx context.Context, spec Spec) (Image, error) {
	p, err := b.plan(ctx, spec)
	if err != nil {
		return Image{}, err
	}
	entry, err := b.images.Get(ctx, p.key, func(ctx context.Context, dir string) error {
		if err := checkTools(ctx, p.arch); err != nil {
			return err
		}
		unlock, err := b.builds.Lock(ctx, p.dir)
		if err != nil {
			return err
		}
		defer unlock()
		return b.build(ctx, p, &buildDir{dir: b.builds.Path(p.dir), discard: func() error { return b.builds.Discard(p.dir) }}, dir)
	})
	if err != nil {
		return Image{}, err
	}
	return image(entry), nil
}

// Find returns the image of a kernel and whether the cache has it, and builds
// nothing. Of one that it has not the paths are those that it will have.
func (b *Builder) Find(ctx context.Context, spec Spec) (Image, bool, error) {
	p, err := b.plan(ctx, spec)
	if err != nil {
		return Image{}, false, err
	}
	entry, ok := b.images.Lookup(p.key)
	if !ok {
		entry = cache.Entry{Key: p.key, Dir: b.images.Path(p.key)}
	}
	return image(entry), ok, nil
}

// Commands are those that Build would run for a kernel that is not in the cache,
// with the fragments merged over tinyconfig's result, or over Spec.Config, before
// olddefconfig. Their environment is not part of how they print.
func (b *Builder) Commands(ctx context.Context, spec Spec) ([]proc.Cmd, error) {
	p, err := b.plan(ctx, spec)
	if err != nil {
		return nil, err
	}
	m := &maker{b: b, dir: &buildDir{dir: b.builds.Path(p.dir)}, arch: p.arch, name: spec.Name, counting: p.counting}
	cmds := []proc.Cmd{m.command("olddefconfig"), m.command(p.arch.target())}
	if spec.Config.Text == "" {
		cmds = slices.Insert(cmds, 0, m.command(tinyconfig))
	}
	return cmds, nil
}

// maxName keeps the release under the 64 characters of struct new_utsname
// (include/uapi/linux/utsname.h) with the version before it.
const maxName = 32

func (b *Builder) plan(ctx context.Context, spec Spec) (*plan, error) {
	a, err := findArch(spec.Arch)
	if err == nil {
		a, err = a.with(spec.Tools)
	}
	if err != nil {
		return nil, err
	}
	if safeName(spec.Name) != strings.ReplaceAll(spec.Name, "+", "_") || len(spec.Name) > maxName {
		return nil, blame.On(blame.Usage, fmt.Errorf("kernel name %q: expected at most %d letters, digits, dots, dashes, underscores and pluses", spec.Name, maxName))
	}
	options, err := mergeFragments(spec.Fragments)
	if err != nil {
		return nil, err
	}
	tree, err := b.Pristine(ctx, spec.Source)
	if err != nil {
		return nil, err
	}
	tools, err := b.toolchain(ctx, a)
	if err != nil {
		if all := checkTools(ctx, a); all != nil { // there may be more
			return nil, all
		}
		return nil, err
	}
	overlay, err := spec.Overlay.trimmed(tree)
	if err != nil {
		return nil, err
	}
	p := &plan{spec: spec, overlay: overlay, arch: a, tree: tree, options: options}
	where := []string{tree.name, a.name, settings(options)}
	parts := []string{tree.ID, a.name, spec.Name, settings(options), tools}
	if a.tools != (Tools{}) {
		where = append(where, "tools", a.tools.LLVM, a.tools.Cross)
		parts = append(parts, "tools", a.tools.LLVM, a.tools.Cross)
	}
	if spec.Config.Text != "" {
		where = append(where, "config", spec.Config.Name)
		parts = append(parts, "config", digest([]byte(spec.Config.Text)))
	}
	p.dir = a.name + "-" + hash(where...)[:16]
	for _, name := range overlay.paths() {
		parts = append(parts, name, overlay[name].digest())
	}
	if p.counting, p.counted, err = p.gcov(); err != nil {
		return nil, err
	}
	p.key = hash(append(parts, p.recipe()...)...)[:32]
	return p, nil
}

// hash is the SHA-256 of a list of strings, in hexadecimal: different for
// different lists.
func hash(parts ...string) string {
	h := sha256.New()
	for _, s := range parts {
		_, _ = fmt.Fprintf(h, "%d:%s", len(s), s)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func (o Overlay) paths() []string {
	paths := make([]string, 0, len(o))
	for p := range o {
		paths = append(paths, p)
	}
	slices.Sort(paths)
	return paths
}

// build brings the build directory to what the plan says, builds, and makes the
// image's entry in the folder to.
func (b *Builder) build(ctx context.Context, p *plan, d *buildDir, to string) error {
	written, err := b.sync(ctx, p, d)
	if err != nil {
		return err
	}
	m := &maker{b: b, dir: d, arch: p.arch, name: p.spec.Name, counting: p.counting}
	if err := b.configure(ctx, m, p, written); err != nil {
		return err
	}
	if p.spec.Accept != nil {
		data, err := os.ReadFile(filepath.Join(d.obj(), ".config"))
		if err != nil {
			return hostError(err)
		}
		if err := p.spec.Accept(parseConfig(string(data)).get); err != nil {
			return err
		}
	}
	if err := b.compile(ctx, m); err != nil {
		return err
	}
	// make itself may have changed the config: the check is on what was built.
	if err := m.checkConfig(p.options); err != nil {
		return err
	}
	b.builds.Changed(p.dir)
	b.src.Changed(p.tree.name) // no source is older than its builds
	return b.keep(ctx, m, p, to)
}

// sync syncs the source of the build directory, with the mirror held still.
func (b *Builder) sync(ctx context.Context, p *plan, d *buildDir) ([]string, error) {
	if p.tree.index != nil {
		unlock, err := b.src.Lock(ctx, p.tree.name)
		if err != nil {
			return nil, err
		}
		defer unlock()
		if now := readIndex(b.src.Path(p.tree.name, "index")); now == nil || now.id != p.tree.ID {
			return nil, blame.On(blame.Host, fmt.Errorf("%s changed while this run was using it, and another run has taken the change; run again", p.spec.Source.Dir))
		}
	}
	b.event(Event{Stage: "source", Text: "updating the build directory"})
	written, err := d.sync(p.tree, p.overlay)
	return written, hostError(err)
}

const tinyconfig = "tinyconfig"

// configure makes obj/.config, unless it is there for these options and no
// file that tells the options apart was written.
func (b *Builder) configure(ctx context.Context, m *maker, p *plan, written []string) error {
	d, options, base := m.dir, p.options, p.spec.Config
	file := filepath.Join(d.obj(), ".config")
	want := hash(append(p.configRecipe(), settings(options), base.Text)...)
	if d.state.Config == want && exists(file) && !slices.ContainsFunc(written, decidesConfig) {
		return nil
	}
	d.state.Config = ""
	if err := d.save(); err != nil {
		return hostError(err)
	}
	if base.Text == "" {
		base.Name = tinyconfig
		b.event(Event{Stage: "config", Text: fmt.Sprintf("merging %d options over %s", len(options), base.Name)})
		if err := m.run(ctx, nil, tinyconfig); err != nil {
			return err
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return hostError(err)
		}
		base.Text = string(text)
	} else {
		b.event(Event{Stage: "config", Text: "completing " + base.Name})
	}
	if err := os.WriteFile(file, []byte(mergeInto(base.Text, options)), 0o666); err != nil {
		return hostError(err)
	}
	if err := m.run(ctx, nil, "olddefconfig"); err != nil {
		return err
	}
	if err := m.checkConfig(options); err != nil {
		return err
	}
	d.state.Config = want
	return hostError(d.save())
}

// decidesConfig tells whether a file of the source may change what a
// configuration comes out as.
func decidesConfig(p string) bool {
	return strings.HasPrefix(path.Base(p), "Kconfig") || strings.HasPrefix(path.Base(p), "Makefile") ||
		strings.HasPrefix(p, "scripts/") || strings.HasSuffix(p, ".config")
}

// checkConfig compares obj/.config with the options.
func (m *maker) checkConfig(options []option) error {
	data, err := os.ReadFile(filepath.Join(m.dir.obj(), ".config"))
	if err != nil {
		return hostError(err)
	}
	var k *kconfig
	return check(options, parseConfig(string(data)), func(o option, got config) []string {
		if k == nil { // reading the Kconfig files takes half a second
			root, err := os.OpenRoot(m.dir.src())
			if err != nil {
				return nil
			}
			defer func() { _ = root.Close() }()
			k = readKconfig(root.FS(), kconfigVars(m.arch.src))
		}
		return k.explain(o, got)
	})
}

// The number of steps before one has been counted: of 6.1.192 with the RFC's
// fragments, from nothing and after a change of one file.
const (
	stepsGuess    = 1540
	fewStepsGuess = 24
)

// compile makes vmlinux, and the image of it that boots. The number of steps of a build from nothing is taken
// from the last one in any directory, that of another from the last of this.
func (b *Builder) compile(ctx context.Context, m *maker) error {
	d := m.dir
	var total int
	switch {
	case d.state.Steps == 0:
		total = b.recalledSteps()
	case d.state.Last == 0:
		total = fewStepsGuess
	default:
		total = d.state.Last
	}
	done := 0
	b.event(Event{Stage: "build", Text: "make " + m.arch.target(), Total: int64(total)})
	err := m.run(ctx, func(step string) {
		done++
		b.event(Event{Stage: "build", Text: step, Done: int64(done), Total: int64(max(total, done))})
	}, m.arch.target())
	if err != nil {
		return err
	}
	switch {
	case d.fresh:
		d.state.Steps = done
		b.recallSteps(done)
	case d.state.Steps == 0: // an earlier run got some of the way
		d.state.Steps = total
	default:
		d.state.Last = done
	}
	return hostError(d.save())
}

func (b *Builder) stepsFile() string { return b.builds.Path("steps") }

func (b *Builder) recalledSteps() int {
	data, err := os.ReadFile(b.stepsFile())
	n := 0
	if err == nil {
		_, err = fmt.Sscan(string(data), &n)
	}
	if err != nil || n <= 0 {
		return stepsGuess
	}
	return n
}

// recallSteps keeps a number that is only ever an estimate: that it could not
// be kept is no error.
func (b *Builder) recallSteps(n int) {
	_ = cache.WriteFile(b.stepsFile(), fmt.Appendln(nil, n))
}

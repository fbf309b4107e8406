// Package kernelpatches holds the patch series that uetest ships, as data: a
// folder a series, with the patches, the patches that take a distribution's
// source back to the base the series was written for, and series.json, which
// names the kernels that come of them.
//
// It knows nothing of the file system, of git or of building: it hands out
// text and the blob ids that prove it.
package kernelpatches

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
)

//go:embed all:rfc
var embedded embed.FS

// ErrUnknown is returned for a series or a kernel that is not there.
var ErrUnknown = errors.New("not known")

// Series is a patch series and the kernels it is validated on: series.json.
type Series struct {
	Name    string   `json:"-"`       // the folder
	Title   string   `json:"title"`   // the subject of the series
	Source  string   `json:"source"`  // Debian source package of a kernel that names none: linux-source-6.1
	Kernels []Kernel `json:"kernels"` // from the unpatched one to the last

	folder    fs.FS
	place     string                         // where the folder is, for errors
	more      map[string][]byte              // patches that With put on top, by their path
	expect    map[string]map[string]Expected // by kernel, then by test
	allow     []Allowance
	unreached []Unreached

	variants []Variant // of the series, by name
	own      []Variant // the user's
}

// Kernel is a named state of the source: the source package with patches.
type Kernel struct {
	Name       string `json:"name"`       // stable, base, rfc
	Title      string `json:"title"`      // one line: what it is for
	Generation string `json:"generation"` // ABI generation it must show when asked: g0+stable, g0, g1, g3
	Source     string `json:"source"`     // Debian source package whose tree is patched; the series' if it names none

	// Variants are what the configuration adds to the usual one. Not in
	// series.json: see Series.Kernel.
	Variants []Variant `json:"-"`
	// Arch is what it is built for: the name of config/ARCH. Not in series.json
	// either.
	Arch string `json:"-"`

	// Unnamed says that the series has no kernel of this name: it is another
	// without its last patches. Not in series.json: see Series.Prefixes.
	Unnamed bool `json:"-"`

	// Patches are applied in this order on the source package; paths inside
	// the series folder.
	Patches []string `json:"patches"`

	// Blobs are the git blob ids (40 hexadecimal digits) that files of the
	// tree must have once the patches are applied, by their slash path. A
	// kernel without patches needs none: it is the tree as it is.
	Blobs map[string]string `json:"blobs"`
}

// Names returns the names of the series, sorted.
func Names() []string {
	entries, err := embedded.ReadDir(".")
	if err != nil {
		return nil
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names
}

// Load reads a series by name. The error for an unknown name wraps ErrUnknown
// and lists the names there are.
func Load(name string) (*Series, error) {
	if !slices.Contains(Names(), name) {
		return nil, fmt.Errorf("series %q: %w; expected one of %s", name, ErrUnknown, strings.Join(Names(), ", "))
	}
	folder, err := fs.Sub(embedded, name)
	if err != nil {
		return nil, err
	}
	return load(name, path.Join("kernel-patches", name), folder)
}

// LoadFS reads a series from its folder; name is what errors call it. Anything
// in series.json, allow.json and expect.json that is not understood is an error: it would
// else be a wish that nobody heeds.
func LoadFS(name string, folder fs.FS) (*Series, error) { return load(name, name, folder) }

func load(name, place string, folder fs.FS) (*Series, error) {
	s := &Series{Name: name, folder: folder, place: place}
	if err := s.readJSON(seriesFile, s); err != nil {
		return nil, err
	}
	for i := range s.Kernels {
		if s.Kernels[i].Source == "" {
			s.Kernels[i].Source = s.Source
		}
	}
	if err := s.check(); err != nil {
		return nil, fmt.Errorf("%s: %w", s.Path(seriesFile), err)
	}
	if err := s.readVariants(); err != nil {
		return nil, err
	}
	if err := s.readUnreached(); err != nil {
		return nil, err
	}
	if err := s.readAllow(); err != nil {
		return nil, err
	}
	return s, s.readExpect()
}

// seriesFile is the file of a series folder that describes it.
const seriesFile = "series.json"

// Path returns what errors call a file of the series.
func (s *Series) Path(name string) string { return path.Join(s.place, name) }

// FS returns the folder of the series: the patches, config/, the archive text.
func (s *Series) FS() fs.FS { return s.folder }

// Kernel returns a kernel by name. "rfc+kasan+nosmp" is the kernel rfc in the
// variants kasan and nosmp together, "rfc@arm64" is the one for arm64; a name
// without an architecture is of Arches[0]. "rfc~2" is rfc without its last two
// patches. The error for an unknown one wraps ErrUnknown and lists the names there
// are.
func (s *Series) Kernel(name string) (Kernel, error) {
	whole, arch, other := strings.Cut(name, "@")
	if !other {
		arch = Arches[0]
	}
	if !slices.Contains(Arches, arch) {
		return Kernel{}, fmt.Errorf("architecture %q of kernel %q: %w; expected one of %s", arch, name, ErrUnknown, strings.Join(Arches, ", "))
	}
	k, err := s.kernel(whole)
	if err != nil {
		return Kernel{}, err
	}
	k.Name, k.Arch = InArch(k.Name, arch), arch
	return k, nil
}

// Arches are what the configurations of the series are for: each has a folder
// config/ARCH. The first is that of a kernel whose name says none.
var Arches = []string{"x86_64", "arm64", "riscv64"}

// InArch names a kernel of an architecture: "rfc@arm64", and "rfc" for Arches[0]
// and for none.
func InArch(name, arch string) string {
	if arch == "" || arch == Arches[0] {
		return name
	}
	return name + "@" + arch
}

// CutArch takes a kernel's name apart: InArch of both is the name again. arch is
// empty if the name says none.
func CutArch(name string) (whole, arch string) {
	whole, arch, _ = strings.Cut(name, "@")
	return whole, arch
}

// WithoutArch is a kernel's name without its architecture.
func WithoutArch(name string) string {
	whole, _ := CutArch(name)
	return whole
}

// kernel returns a kernel by its name without the architecture.
func (s *Series) kernel(name string) (Kernel, error) {
	parts := strings.Split(name, "+")
	plain, left, some := strings.Cut(parts[0], "~")
	variants := parts[1:]
	names := make([]string, len(s.Kernels))
	for i, k := range s.Kernels {
		if k.Name == plain {
			if some {
				var err error
				if k, err = s.without(k, left); err != nil {
					return Kernel{}, err
				}
			}
			return s.vary(k, variants)
		}
		names[i] = k.Name
	}
	return Kernel{}, fmt.Errorf("kernel %q of series %s: %w; expected one of %s", name, s.Name, ErrUnknown, strings.Join(names, ", "))
}

// With returns the series with one kernel more, of that name: kernel on with
// the patch text on top of it. It names no blobs, for nobody knows its result.
// The error for an unknown on wraps ErrUnknown.
func (s *Series) With(on, name string, text []byte) (*Series, error) {
	k, err := s.Kernel(on)
	if err != nil {
		return nil, err
	}
	if _, err := s.Kernel(name); err == nil {
		return nil, fmt.Errorf("kernel %q of series %s: there is one already", name, s.Name)
	}
	file := name + ".patch"
	k.Name, k.Title, k.Blobs = name, on+" with a patch on top", nil
	k.Patches = append(slices.Clone(k.Patches), file)
	with := *s
	with.Kernels = append(slices.Clone(s.Kernels), k)
	with.more = maps.Clone(s.more)
	if with.more == nil {
		with.more = map[string][]byte{}
	}
	with.more[file] = text
	return &with, nil
}

// Fragment is a part of a configuration, with the path that errors name.
type Fragment struct {
	Name string // kernel-patches/rfc/config/base.config
	Text string
}

// Config returns the configuration that the series asks for: the files of its
// config folder, then those of config/ARCH, what its machines need, those of
// config/SOURCE, what kernels of that source have and others lack, and of
// config/SOURCE/ARCH, and those of its variants; each in the order of
// their names.
func (s *Series) Config(k Kernel) ([]Fragment, error) {
	names, err := fs.Glob(s.folder, "config/*.config")
	if err != nil || len(names) == 0 {
		return nil, errors.Join(err, fmt.Errorf("series %s has no config/*.config", s.Name))
	}
	var own []string
	for _, dir := range []string{k.Arch, k.Source, k.Source + "/" + k.Arch} {
		files, err := fs.Glob(s.folder, "config/"+dir+"/*.config")
		if err != nil {
			return nil, err
		}
		own = append(own, files...)
	}
	var list []Fragment
	for _, name := range basisFirst(append(names, own...)) {
		text, err := fs.ReadFile(s.folder, name)
		if err != nil {
			return nil, err
		}
		list = append(list, Fragment{s.Path(name), string(text)})
	}
	for _, v := range k.Variants {
		f, err := s.fragment(v)
		if err != nil {
			return nil, err
		}
		list = append(list, f)
	}
	return list, nil
}

// Patch returns the text of one patch of the series, by the path that
// Kernel.Patches has.
func (s *Series) Patch(name string) ([]byte, error) {
	if text, ok := s.more[name]; ok {
		return text, nil
	}
	return fs.ReadFile(s.folder, name)
}

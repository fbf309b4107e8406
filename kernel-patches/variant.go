package kernelpatches

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
)

// A Variant is a way to build every kernel of a series, and what its guests take.
// That of a series is the fragment config/variant/NAME.config, with what is said of
// it in config/variants.json.
type Variant struct {
	Name  string `json:"-"`
	Finds string `json:"finds"` // one line: what such a kernel tells that others do not

	// Slower is how many times the usual time limits are: checks cost time.
	// 0 is 1.
	Slower float64 `json:"slower"`
	Memory int     `json:"memory"` // MiB that a guest is given at least; 0: the usual
	CPUs   int     `json:"cpus"`   // that a guest is given at least; 0: the usual
	// Lacks are features that the other kernels of the series have: a test that
	// needs one is skipped.
	Lacks []string `json:"lacks"`

	own  bool   // a fragment of the user's, not the series'
	text string // of such a fragment
	file string // what errors call it
}

// Guest is what a kernel asks of its guests for the sake of its variants.
type Guest struct {
	Slower float64 // every time limit is multiplied by it; at least 1
	Memory int     // MiB, at least; 0: the usual
	CPUs   int     // at least; 0: the usual
	Lacks  []string
}

// Guest returns what the kernel's variants take together.
func (k Kernel) Guest() Guest {
	g := Guest{Slower: 1}
	for _, v := range k.Variants {
		g.Slower *= max(1, v.Slower)
		g.Memory = max(g.Memory, v.Memory)
		g.CPUs = max(g.CPUs, v.CPUs)
		g.Lacks = append(g.Lacks, v.Lacks...)
	}
	return g
}

// In reports whether the kernel is built in that variant, perhaps among others.
func (k Kernel) In(variant string) bool {
	return slices.ContainsFunc(k.Variants, func(v Variant) bool { return v.Name == variant })
}

// VariantNames are the names of its variants.
func (k Kernel) VariantNames() []string {
	var names []string
	for _, v := range k.Variants {
		names = append(names, v.Name)
	}
	return names
}

// variantFile is the file of a series folder that describes its variants.
const variantFile = "config/variants.json"

// Variants returns the variants that every kernel of the series may be built in,
// sorted by name.
func (s *Series) Variants() []Variant { return s.variants }

// VariantNames returns the names of Variants.
func (s *Series) VariantNames() []string {
	names := make([]string, len(s.variants))
	for i, v := range s.variants {
		names[i] = v.Name
	}
	return names
}

// WithFragment returns the series with a variant more that is a fragment of the
// user's: its text, and what errors call it. Kernel knows it by name.
func (s *Series) WithFragment(name, file string, text []byte) (*Series, error) {
	if !validKernel.MatchString(name) {
		return nil, fmt.Errorf("%s: expected a file name of at most 20 letters, digits, dots, dashes and underscores", file)
	}
	if _, err := s.variant(name); err == nil {
		return nil, fmt.Errorf("%s: there is a variant %s already; rename the file", file, name)
	}
	with := *s
	with.own = append(slices.Clone(s.own), Variant{Name: name, Finds: file, own: true, text: string(text), file: file})
	return &with, nil
}

// variant returns a variant of the series or of the user's by its name.
func (s *Series) variant(name string) (Variant, error) {
	all := append(slices.Clone(s.variants), s.own...)
	i := slices.IndexFunc(all, func(v Variant) bool { return v.Name == name })
	if i < 0 {
		return Variant{}, fmt.Errorf("variant %q of series %s: %w; expected one of %s", name, s.Name, ErrUnknown, strings.Join(s.VariantNames(), ", "))
	}
	return all[i], nil
}

// vary returns a kernel in variants, itself if there are none. In which order
// they are named, and how often, makes no other kernel: those of the series come
// by their names, then the user's in the order in which he has them.
func (s *Series) vary(k Kernel, names []string) (Kernel, error) {
	for _, name := range names {
		v, err := s.variant(name)
		if err != nil {
			return Kernel{}, err
		}
		if !k.In(name) {
			k.Variants = append(slices.Clone(k.Variants), v)
		}
	}
	slices.SortStableFunc(k.Variants, func(a, b Variant) int {
		switch {
		case a.own != b.own && a.own:
			return 1
		case a.own != b.own:
			return -1
		case a.own:
			return s.ownIndex(a.Name) - s.ownIndex(b.Name)
		}
		return strings.Compare(a.Name, b.Name)
	})
	for _, v := range k.Variants {
		k.Name += "+" + v.Name
	}
	return k, nil
}

func (s *Series) ownIndex(name string) int {
	return slices.IndexFunc(s.own, func(v Variant) bool { return v.Name == name })
}

// fragment is what the variant adds to the configuration.
func (s *Series) fragment(v Variant) (Fragment, error) {
	if v.own {
		return Fragment{v.file, v.text}, nil
	}
	name := "config/variant/" + v.Name + ".config"
	text, err := fs.ReadFile(s.folder, name)
	return Fragment{s.Path(name), string(text)}, err
}

// readVariants finds the fragments and what is said of them: by the series, else
// by the one that it is based on.
func (s *Series) readVariants() error {
	files, err := fs.Glob(s.folder, "config/variant/*.config")
	if err != nil {
		return err
	}
	var names []string
	for _, f := range files {
		names = append(names, strings.TrimSuffix(path.Base(f), ".config"))
	}
	slices.Sort(names)
	said := map[string]Variant{}
	for _, file := range []string{path.Dir(variantFile) + "/" + fromBasis + path.Base(variantFile), variantFile} {
		table := map[string]Variant{}
		if _, err := fs.Stat(s.folder, file); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err := s.readJSON(file, &table); err != nil {
			return err
		}
		for _, name := range slices.Sorted(maps.Keys(table)) {
			v := table[name]
			bad := func(format string, args ...any) error {
				return fmt.Errorf("%s: %s: %s", s.Path(file), name, fmt.Sprintf(format, args...))
			}
			switch {
			case !slices.Contains(names, name):
				return bad("there is no config/variant/%s.config", name)
			case v.Finds == "":
				return bad(`"finds" is missing: expected what such a kernel tells that others do not`)
			case v.Slower != 0 && v.Slower < 1:
				return bad(`"slower" is %v: expected how many times the usual the time limits are, 1 or more`, v.Slower)
			case v.Memory < 0 || v.CPUs < 0:
				return bad(`"memory" is %d and "cpus" %d: expected MiB and a number of CPUs`, v.Memory, v.CPUs)
			}
			said[name] = v
		}
	}
	for _, name := range names {
		v := said[name]
		v.Name = name
		s.variants = append(s.variants, v)
	}
	return nil
}

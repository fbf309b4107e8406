package pipeline

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"uetest/internal/blame"
	"uetest/internal/kernel"
	"uetest/internal/patch"
	"uetest/internal/results"
	"uetest/kernel-patches"
)

// patched is a kernel of a series on a source tree.
type patched struct {
	changes  patch.Overlay
	applied  []string
	blobs    []results.Blob
	unproven []string // a line for each file that is not what the series names
	top      []results.TopPatch
	texts    []*patch.Patch // what was applied
	tested   []*patch.Patch // those that the kernel is about: the last of changes
	under    patch.Overlay  // what the others change, those that come before
}

func (p *patched) note() string {
	text := fmt.Sprintf("%d applied", len(p.applied))
	if len(p.top) > 0 {
		text += fmt.Sprintf(", %d of them on top", len(p.top))
	}
	switch {
	case len(p.unproven) > 0:
		return text + ", UNPROVEN"
	case len(p.blobs) == 0:
		return text + ", no blobs to prove"
	}
	return text + ", proven"
}

// overlay hands the changes from one stage to the next.
func (p *patched) overlay() kernel.Overlay {
	o := kernel.Overlay{}
	for name, f := range p.changes {
		o[name] = kernel.File{Data: f.Data, Mode: f.Mode, Deleted: f.Deleted}
	}
	return o
}

// applyTo brings a tree to kernel k of the series.
//
// The tree may be at any state that the series names: a distribution's source,
// the base the series was written on, or the patched tree itself. Its blobs
// tell which, and only the patches from there on are applied.
func applyTo(tree patch.Reader, s *kernelpatches.Series, k kernelpatches.Kernel, unproven bool) (*patched, error) {
	var froms []kernelpatches.Kernel
	from, found, err := stateOf(tree, s, k)
	switch {
	case err != nil:
		return nil, err
	case found:
		froms = append(froms, from)
	case !unproven:
		return nil, blame.On(blame.Patch, strangerError(tree, s, k))
	default:
		// Which state it is near to is tried out. That it is k already can't
		// be: then an unpatched tree would pass for the patched one.
		froms = slices.DeleteFunc(statesBefore(s, k), func(c kernelpatches.Kernel) bool {
			return len(c.Patches) == len(k.Patches) && len(k.Patches) > 0
		})
	}
	var first error
	for _, from := range froms {
		p, err := applyFrom(tree, s, k, from)
		if err == nil {
			return p, p.check(unproven)
		}
		if first == nil {
			first = err
		}
	}
	return nil, blame.On(blame.Patch, first)
}

// statesBefore returns the kernels of the series from which k can be reached
// by applying patches: those of the same source whose patches k's begin with.
func statesBefore(s *kernelpatches.Series, k kernelpatches.Kernel) []kernelpatches.Kernel {
	var states []kernelpatches.Kernel
	for _, c := range s.Kernels {
		if c.Source == k.Source && len(c.Patches) <= len(k.Patches) && slices.Equal(c.Patches, k.Patches[:len(c.Patches)]) {
			states = append(states, c)
		}
	}
	return states
}

// lastState returns how many patches the state of the series has that k comes
// after: those behind them are what k is about.
func lastState(s *kernelpatches.Series, k kernelpatches.Kernel) int {
	n := 0
	for _, c := range statesBefore(s, k) {
		if len(c.Patches) < len(k.Patches) {
			n = max(n, len(c.Patches))
		}
	}
	return n
}

// stateOf returns the one of them that the tree is at, the furthest if the
// series names several by the same blobs. A kernel that names no blobs can't be
// recognised, but one without patches need not be: it is the tree as it is. So is
// any tree if the series names no blobs that an unpatched one must have; what
// comes of it is compared with those of k.
func stateOf(tree patch.Reader, s *kernelpatches.Series, k kernelpatches.Kernel) (state kernelpatches.Kernel, found bool, err error) {
	if len(k.Patches) == 0 && len(k.Blobs) == 0 {
		return k, true, nil
	}
	known := false // what an unpatched tree has to be
	for _, c := range statesBefore(s, k) {
		known = known || len(c.Patches) == 0 && len(c.Blobs) > 0
		at := len(c.Blobs) > 0
		for name, want := range c.Blobs {
			got, err := blobOf(tree, name)
			if err != nil {
				return state, false, err
			}
			at = at && got == want
		}
		if at {
			state, found = c, true
		}
	}
	if !found && !known {
		return kernelpatches.Kernel{Source: k.Source}, true, nil
	}
	return state, found, nil
}

// blobOf returns the blob id of a file; empty if there is none.
func blobOf(tree patch.Reader, name string) (string, error) {
	data, _, err := tree.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", blame.On(blame.Host, err)
	}
	return patch.BlobID(data), nil
}

// goOn is the way out that every error about blobs names.
const goOn = "--unproven goes on all the same; the report then says so"

// strangerError says how a tree differs from every state the series knows.
func strangerError(tree patch.Reader, s *kernelpatches.Series, k kernelpatches.Kernel) error {
	var b strings.Builder
	fmt.Fprintf(&b, "this source is at no state that the series %s was proven on:", s.Name)
	for _, name := range slices.Sorted(maps.Keys(k.Blobs)) {
		got, err := blobOf(tree, name)
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "\n  %s is %s; expected", name, blobOrNone(got))
		for i, c := range statesBefore(s, k) {
			if i > 0 {
				b.WriteString(",")
			}
			fmt.Fprintf(&b, " blob %.12s (%s)", c.Blobs[name], c.Name)
		}
	}
	b.WriteString("\n" + goOn)
	return errors.New(b.String())
}

func blobOrNone(id string) string {
	if id == "" {
		return "not there"
	}
	return fmt.Sprintf("blob %.12s", id)
}

// applyFrom applies the patches that lie between two states.
func applyFrom(tree patch.Reader, s *kernelpatches.Series, k, from kernelpatches.Kernel) (*patched, error) {
	p := &patched{applied: k.Patches[len(from.Patches):]}
	var patches []*patch.Patch
	for _, name := range p.applied {
		data, err := s.Patch(name)
		if err != nil {
			return nil, err
		}
		one, err := patch.Read(s.Path(name), data)
		if err != nil {
			return nil, err
		}
		patches = append(patches, one)
	}
	p.texts = patches
	var err error
	if p.changes, err = patch.Apply(tree, patches...); err != nil {
		return nil, err
	}
	first := max(0, lastState(s, k)-len(from.Patches))
	p.tested = patches[first:]
	if p.under, err = patch.Apply(tree, patches[:first]...); err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(k.Blobs)) {
		got, err := blobOf(p.changes.On(tree), name)
		if err != nil {
			return nil, err
		}
		want := k.Blobs[name]
		p.blobs = append(p.blobs, results.Blob{Path: name, Want: want, Got: got})
		if got != want {
			p.unproven = append(p.unproven, fmt.Sprintf("%s is %s after the patches, expected blob %.12s", name, blobOrNone(got), want))
		}
	}
	return p, nil
}

// check refuses what is not proven, unless it is asked for.
func (p *patched) check(unproven bool) error {
	if len(p.unproven) == 0 || unproven {
		return nil
	}
	return blame.On(blame.Patch, fmt.Errorf("%s\n%s", strings.Join(p.unproven, "\n"), goOn))
}

package kernelpatches

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A kernel's name may say how many of its last patches are left out, as git's
// names of commits do: rfc~2, and rfc~2+kasan@arm64. Where the series has a
// kernel with just those patches, rfc~1 is that one.

// Prefixes returns what becomes of a kernel's source patch by patch: with none of
// its patches, with the first, and so on to the kernel itself. Each is the kernel
// of the series that has just those patches, if there is one; else it is named
// rfc~2, by how many are left out, and nothing is known of it.
func (s *Series) Prefixes(name string) ([]Kernel, error) {
	k, err := s.Kernel(name)
	if err != nil {
		return nil, err
	}
	whole, arch := CutArch(k.Name)
	plain, variants, _ := strings.Cut(whole, "+")
	var all []Kernel
	for n := range len(k.Patches) {
		prefix, err := s.Kernel(InArch(join(fmt.Sprintf("%s~%d", plain, len(k.Patches)-n), variants), arch))
		if err != nil {
			return nil, err
		}
		all = append(all, prefix)
	}
	return append(all, k), nil
}

func join(name, variants string) string {
	if variants == "" {
		return name
	}
	return name + "+" + variants
}

// without returns kernel k without its last patches, whose number text is.
func (s *Series) without(k Kernel, text string) (Kernel, error) {
	left, err := strconv.Atoi(text)
	if err != nil || left < 0 || left > len(k.Patches) {
		return Kernel{}, fmt.Errorf("kernel \"%[1]s~%[2]s\" of series %[3]s: %[4]w; %[1]s has %[5]d patches to leave out", k.Name, text, s.Name, ErrUnknown, len(k.Patches))
	}
	if left == 0 {
		return k, nil
	}
	patches := k.Patches[:len(k.Patches)-left]
	for _, c := range s.Kernels {
		if c.Source == k.Source && slices.Equal(c.Patches, patches) {
			return c, nil
		}
	}
	k.Title = fmt.Sprintf("%s without its last %d patches", k.Name, left)
	k.Name = fmt.Sprintf("%s~%d", k.Name, left)
	k.Patches, k.Blobs, k.Generation, k.Unnamed = slices.Clip(patches), nil, "", true
	return k, nil
}

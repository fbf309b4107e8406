package pipeline

import (
	"slices"
	"strings"

	"uetest/internal/feature"
	"uetest/kernel-patches"
)

// mustHave are the features that a kernel was configured to have.
func mustHave(k kernelpatches.Kernel) []feature.Name {
	lacks := k.Guest().Lacks
	return slices.DeleteFunc(feature.On(k.Arch), func(f feature.Name) bool { return slices.Contains(lacks, string(f)) })
}

// specName is what a release can hold of a kernel's name. What is left out makes
// no difference to which kernel it is: the configuration does.
func specName(name string) string {
	if len(name) > maxKernelName {
		name = strings.TrimRight(name[:maxKernelName], "+-._")
	}
	return name
}

package kernel

import (
	"path/filepath"
	"slices"

	"uetest/internal/proc"
)

// layout changes with what keep puts into an entry of images/, and with what is done
// to an image beyond what recipe has. It is a number because no command shows it.
const layout = "uetest kernel recipe 3"

// recipeDir stands in a recipe for the build directory, which is no part of it.
const recipeDir = "/build"

// mergeProbe is a .config to merge options into: some of them are set here otherwise,
// some not at all.
const mergeProbe = "CONFIG_NR_CPUS=64\n# CONFIG_SMP is not set\n# a comment\nCONFIG_NOBODY_ASKS=y\n"

// recipe is all that the commands of a build say, but for where it is built, how many
// processes it has, and ccache, which makes no other image. It is made of the same
// functions that the build runs, so that who changes one of them changes the key.
func (p *plan) recipe() []string {
	m := &maker{dir: &buildDir{dir: recipeDir}, arch: p.arch, name: p.spec.Name, counting: p.counting}
	words := slices.Concat([]string{layout}, p.configRecipe(), m.variables(false), []string{p.arch.target()})
	if p.arch.image == "" {
		words = append(words, m.strip(vmlinuxFile).Args...)
	}
	return words
}

// configRecipe is the part of recipe that .config is made by: what the kernels of one
// build directory have in common.
func (p *plan) configRecipe() []string {
	m := &maker{dir: &buildDir{dir: recipeDir}, arch: p.arch}
	words := slices.Concat(fixedEnvironment, kbuildEnv, m.variables(false))
	return append(words, tinyconfig, "olddefconfig", mergeInto(mergeProbe, p.options))
}

// strip is the command that makes the file that boots on x86. A stripped image boots
// in two thirds of the time: QEMU reads all of it.
func (m *maker) strip(to string) proc.Cmd {
	return proc.Cmd{
		Path: m.arch.tool("strip"),
		Args: []string{"--strip-all", "-o", to, filepath.Join(m.dir.obj(), "vmlinux")},
		Env:  environment(),
	}
}

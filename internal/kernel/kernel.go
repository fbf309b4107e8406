// Package kernel is the second stage: it makes a bootable kernel out of a
// source, an overlay of patched files and configuration fragments.
//
// It exists because a kernel build costs minutes and a changed file only
// seconds. A source is unpacked or mirrored once and kept pristine; each
// (source, config, arch) has one build directory whose copy of the source gets
// the files of the overlay that differ, so that going from one patched state to
// another compiles only what changed. The result is cached by the hash of
// everything that went into it. A user's own tree is read, never written.
//
// The cache may be used by any number of runs at once, and a run may be killed
// at any moment: everything is written under a temporary name and renamed, and
// what was being built is cleaned of half-written files by the next run.
//
// Errors are marked for internal/blame: Patch for what does not configure or
// compile, Usage for a source or a fragment that is wrong, Host for a full
// disk and for missing tools and packages.
package kernel

import (
	"io/fs"
)

// Source is where the unpatched kernel comes from: exactly one of a package
// tarball and a directory. It is comparable.
type Source struct {
	Tarball string // path of linux-source-X.tar.xz (also .gz, .bz2, .zst)
	Dir     string // path of a git tree or an unpacked one; it is never written to
}

// File is what the patched tree has at a path.
type File struct {
	Data    []byte
	Mode    fs.FileMode // permission bits, and fs.ModeSymlink for a link whose target is Data
	Deleted bool        // the patched tree has no such file
}

// Overlay is what the patched tree has different from the source, by slash
// path.
type Overlay map[string]File

// Fragment is a part of a kernel configuration: lines of CONFIG_X=value and
// "# CONFIG_X is not set". Of several fragments the later wins.
type Fragment struct {
	Name string // what errors call it: a file name
	Text string
}

// Spec is a kernel to be built.
type Spec struct {
	// Name tells the kernel from others of the same source; it ends the
	// release that uname -r prints: 6.1.192-uetest-NAME. Letters, digits, dot,
	// dash, underscore and plus. It may be empty.
	Name      string
	Source    Source
	Overlay   Overlay
	Fragments []Fragment
	// Config is a whole .config that the fragments are merged over, in place of
	// tinyconfig's; make olddefconfig completes it. None if its text is empty.
	// Of one name there is one build directory, whatever becomes of its text.
	Config Fragment
	// Accept, if not nil, is asked before anything is compiled. get returns the
	// value of an option of the complete configuration as .config has it, "n" if
	// it is not set. Its error is Build's.
	Accept func(get func(option string) string) error `json:"-"`
	Arch   string                                     // "x86_64", which is also what empty means, "arm64" or "riscv64"
	Tools  Tools                                      // the compilers, if they are not GCC or Debian's

	// Gcov names C files, by slash path, that get counters of what is executed of
	// them; see Image.Notes.
	Gcov []string
}

// Image is a built kernel. The paths are in the cache; they are for reading.
type Image struct {
	Vmlinux string // what boots: for x86 a stripped vmlinux with the PVH note, elsewhere Image
	Symbols string // vmlinux with its symbol table
	Config  string // the complete .config
	Release string // what uname -r prints
	Key     string // hash of everything that went into the image, hexadecimal
	Cached  bool   // it was there already
}

// Event tells what a build is doing.
type Event struct {
	// Stage is "source" (unpacking or mirroring), "wait" (another run makes
	// the same), "config", "build" or "image", or "damaged" if an image of the
	// cache is not what was built.
	Stage string
	// Text is one line: the file that is being compiled, what is waited for.
	Text string
	// Done and Total count the steps of the stage: bytes of the tarball, files
	// of the tree, steps of make. Total is 0 if unknown and an estimate for
	// make, never less than Done.
	Done, Total int64
}

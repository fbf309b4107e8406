// Package needs is the one list of what uetest uses of the machine that it runs
// on: which programs, headers and files, which Debian package has them, and what
// cannot be done without.
//
// The errors for a missing program, the check before a kernel is built and
// "uetest doctor" read it; scripts/setup, which runs before there is a Go, has a
// list of packages that a test compares with it.
package needs

import (
	"path"
	"slices"
	"strings"
)

// Level is how badly something is needed.
type Level int

// The levels, the worst first.
const (
	Main  Level = iota // the main job cannot be done without it
	Some               // a verb, a flag, an architecture cannot
	Speed              // all can be done without it, slower
	Rare               // a kernel's configuration, or a source, of one's own may ask for it
)

// A Part is what of uetest's work something is for.
type Part int

// The parts.
const (
	Other    Part = iota
	Build         // a kernel's build
	Compiler      // a kernel's build; comes with the prefix of a cross-compiler, and LLVM has its own
)

// A Need is a Debian package and what of it is used.
type Need struct {
	Package  string
	Programs []string // executables, all of which have to be in $PATH
	Headers  []string // that the C compiler has to find
	Files    []string // that have to be there

	Level   Level
	Part    Part
	Arch    string // for kernels and machines of this one alone
	Setup   bool   // scripts/setup installs it; with --arch if Arch is set
	Minimum string // version of the first program that is enough; empty if any is
	Without string // what cannot be done, or is slower, without it
}

const (
	noKernel = "no kernel can be built"
	noSource = "the kernel's source cannot be unpacked"
	ownBuild = "a kernel's own configuration or source may ask for it"
)

// all is in the order in which a person would look for what is wrong. The
// versions are those of Documentation/process/changes.rst of Linux 6.12, which
// asks for what 6.1 does and in part for more.
var all = []Need{
	{Package: "qemu-system-x86", Programs: []string{"qemu-system-x86_64"}, Setup: true,
		Without: "no guest can boot"},
	{Package: "gcc", Programs: []string{"gcc"}, Part: Compiler, Setup: true, Minimum: "5.1", Without: noKernel},
	{Package: "binutils", Programs: []string{"ld", "ar", "nm", "objcopy", "strip"}, Part: Compiler, Setup: true, Minimum: "2.25", Without: noKernel},
	{Package: "make", Programs: []string{"make"}, Part: Build, Setup: true, Minimum: "4.0", Without: noKernel},
	{Package: "flex", Programs: []string{"flex"}, Part: Build, Setup: true, Minimum: "2.5.35", Without: noKernel},
	{Package: "bison", Programs: []string{"bison"}, Part: Build, Setup: true, Minimum: "2.0", Without: noKernel},
	{Package: "bc", Programs: []string{"bc"}, Part: Build, Setup: true, Minimum: "1.06.95", Without: noKernel},
	{Package: "libc6-dev", Headers: []string{"stdlib.h"}, Part: Build, Setup: true, Without: noKernel},
	// objtool, which the ORC unwinder needs, is built with libelf.
	{Package: "libelf-dev", Headers: []string{"gelf.h"}, Part: Build, Setup: true, Without: noKernel},
	{Package: "tar", Programs: []string{"tar"}, Setup: true, Without: noSource},
	{Package: "xz-utils", Programs: []string{"xz"}, Setup: true, Without: noSource},
	{Package: "golang-go", Programs: []string{"go"}, Setup: true, Without: "the guest's image cannot be made"},

	{Package: "git", Programs: []string{"git"}, Level: Some, Setup: true,
		Without: "-C cannot read a git tree, and there is no bisect"},
	{Package: "ca-certificates", Files: []string{"/etc/ssl/certs/ca-certificates.crt"}, Level: Some, Setup: true,
		Without: "Go modules, and a newer Go, cannot be downloaded"},
	{Package: "gdb", Programs: []string{"gdb"}, Level: Some,
		Without: "--gdb of run, shell, repro and replay has nothing to attach"},
	{Package: "clang", Programs: []string{"clang"}, Level: Some, Minimum: "13.0.1", Without: "no --llvm"},
	{Package: "lld", Programs: []string{"ld.lld"}, Level: Some, Minimum: "13.0.1", Without: "no --llvm"},
	{Package: "llvm", Programs: []string{"llvm-ar", "llvm-nm", "llvm-objcopy", "llvm-readelf", "llvm-strip"}, Level: Some, Minimum: "13.0.1", Without: "no --llvm"},

	{Package: "gcc-aarch64-linux-gnu", Programs: []string{"aarch64-linux-gnu-gcc"}, Arch: "arm64", Setup: true, Minimum: "5.1", Without: noKernel},
	{Package: "binutils-aarch64-linux-gnu", Programs: prefixed("aarch64-linux-gnu-", "ld", "ar", "nm", "objcopy", "strip"), Arch: "arm64", Minimum: "2.25", Without: noKernel},
	{Package: "qemu-system-arm", Programs: []string{"qemu-system-aarch64"}, Arch: "arm64", Setup: true, Without: "no guest can boot"},
	{Package: "gcc-riscv64-linux-gnu", Programs: []string{"riscv64-linux-gnu-gcc"}, Arch: "riscv64", Setup: true, Minimum: "5.1", Without: noKernel},
	{Package: "binutils-riscv64-linux-gnu", Programs: prefixed("riscv64-linux-gnu-", "ld", "ar", "nm", "objcopy", "strip"), Arch: "riscv64", Minimum: "2.25", Without: noKernel},
	{Package: "qemu-system-misc", Programs: []string{"qemu-system-riscv64"}, Arch: "riscv64", Setup: true, Without: "no guest can boot"},

	{Package: "ccache", Programs: []string{"ccache"}, Level: Speed, Without: "what one build directory has compiled is compiled again in the next"},

	{Package: "bzip2", Programs: []string{"bzip2"}, Level: Rare, Without: ownBuild},
	{Package: "cpio", Programs: []string{"cpio"}, Level: Rare, Without: ownBuild},
	{Package: "gzip", Programs: []string{"gzip"}, Level: Rare, Without: ownBuild},
	{Package: "patch", Programs: []string{"patch"}, Level: Rare, Without: ownBuild},
	{Package: "perl", Programs: []string{"perl"}, Level: Rare, Without: ownBuild},
	{Package: "python3", Programs: []string{"python3"}, Level: Rare, Without: ownBuild},
	{Package: "rsync", Programs: []string{"rsync"}, Level: Rare, Without: ownBuild},
	{Package: "zstd", Programs: []string{"zstd"}, Level: Rare, Without: ownBuild},
}

func prefixed(prefix string, names ...string) []string {
	for i := range names {
		names[i] = prefix + names[i]
	}
	return names
}

// All is the list. The sources of the kernels are not in it: those of a series are
// named in its series.json.
func All() []Need { return slices.Clone(all) }

// Programs are those of a part of the work, without the prefix of a cross-compiler.
func Programs(p Part) []string {
	var names []string
	for _, n := range all {
		if n.Part == p {
			names = append(names, n.Programs...)
		}
	}
	return names
}

// A Header is one that the C compiler has to find, and who has it.
type Header struct{ Name, Package string }

// Headers are those of the libraries that the programs of a kernel's build are
// linked with.
func Headers() []Header {
	var list []Header
	for _, n := range all {
		for _, h := range n.Headers {
			list = append(list, Header{h, n.Package})
		}
	}
	return list
}

// more are programs that a package of the list has and uetest can do without, but
// may be asked to start by a path or a configuration.
var more = map[string]string{"as": "binutils", "readelf": "binutils", "qemu-system-arm": "qemu-system-arm"}

// Package is the Debian package of a program, by the end of its path; ok is false
// for one that is not known.
func Package(program string) (name string, ok bool) {
	program = path.Base(program)
	if name := inPackage(program); name != "" {
		return name, true
	}
	// LLVM's come in several versions side by side: clang-15 is in clang-15,
	// ld.lld-15 in lld-15.
	if tool, version, ok := versioned(program); ok {
		if name := inPackage(tool); name != "" {
			return name + "-" + version, true
		}
	}
	return "", false
}

func inPackage(program string) string {
	for _, n := range all {
		if slices.Contains(n.Programs, program) {
			return n.Package
		}
	}
	return more[program]
}

func versioned(name string) (tool, version string, ok bool) {
	i := strings.LastIndexByte(name, '-')
	if i < 0 || i+1 == len(name) || strings.Trim(name[i+1:], "0123456789") != "" {
		return "", "", false
	}
	return name[:i], name[i+1:], true
}

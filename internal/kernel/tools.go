package kernel

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"

	"uetest/internal/blame"
)

// Tools are the compilers that the user names, by make's own variables; the
// zero value is GCC, for a foreign machine Debian's cross-compiler. It is
// comparable.
type Tools struct {
	// LLVM is make's LLVM=: "1" for clang and its tools, "-15" for those whose
	// names end so, "/path/" for those in a directory
	// (Documentation/kbuild/llvm.rst).
	LLVM string
	// Cross is make's CROSS_COMPILE=: what stands before the name of each tool
	// of GCC and binutils, a path too (Documentation/kbuild/kbuild.rst). With
	// LLVM it is not needed: the architecture says what clang compiles for.
	Cross string
}

var llvmSuffix = regexp.MustCompile(`^-[0-9]+(\.[0-9]+)*$`)

// check refuses what make would take for something else: any other LLVM= is
// LLVM=1 to it, 0 as well as 15.
func (t Tools) check() error {
	if strings.ContainsAny(t.LLVM+t.Cross, " \t\n$#'\"\\;&|") {
		return blame.On(blame.Usage, fmt.Errorf("LLVM=%s CROSS_COMPILE=%s: make cannot take blanks, quotes and dollars in them", t.LLVM, t.Cross))
	}
	switch l := t.LLVM; {
	case l == "" || l == "1" || llvmSuffix.MatchString(l):
	case strings.HasSuffix(l, "/") && filepath.IsAbs(l):
	case l == "0":
		return blame.On(blame.Usage, fmt.Errorf("LLVM=0: make takes it for LLVM=1; leave it out to build with GCC"))
	default:
		return blame.On(blame.Usage, fmt.Errorf("LLVM=%s: make takes it for LLVM=1; expected 1, a suffix such as -15, or a whole path that ends in /", l))
	}
	return nil
}

// llvmNames are LLVM's for tools of GCC and binutils (Makefile).
var llvmNames = map[string]string{
	"gcc": "clang", "ld": "ld.lld", "ar": "llvm-ar", "nm": "llvm-nm", "objcopy": "llvm-objcopy", "strip": "llvm-strip", "readelf": "llvm-readelf",
}

// tool is the program that does what the GNU one does.
func (a arch) tool(gnu string) string {
	switch l := a.tools.LLVM; {
	case l == "":
		return a.cross + gnu
	case strings.HasPrefix(l, "-"):
		return llvmNames[gnu] + l
	case strings.HasSuffix(l, "/"):
		return l + llvmNames[gnu]
	}
	return llvmNames[gnu]
}

// hostCC is the compiler of the build's own programs.
func (a arch) hostCC() string {
	if a.tools.LLVM != "" {
		return a.tool("gcc")
	}
	return "gcc"
}

// with has the kernel built with other tools than the arch's own.
func (a arch) with(t Tools) (arch, error) {
	if err := t.check(); err != nil {
		return a, err
	}
	switch a.tools = t; {
	case t.Cross != "":
		a.cross = t.Cross
	case t.LLVM != "":
		a.cross = "" // clang knows by ARCH=; make would look for GCC's assembler with it
	}
	return a, nil
}

// makeArgs are the tools as variables of make, through ccache where there is
// one.
func (a arch) makeArgs(ccache bool) []string {
	var args []string
	if a.cross != "" {
		args = append(args, "CROSS_COMPILE="+a.cross)
	}
	if a.tools.LLVM != "" {
		args = append(args, "LLVM="+a.tools.LLVM)
	}
	if ccache {
		args = append(args, "CC=ccache "+a.tool("gcc"), "HOSTCC=ccache "+a.hostCC())
	}
	return args
}

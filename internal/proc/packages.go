package proc

import (
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"

	"uetest/internal/blame"
)

// packages names the Debian package of an executable, for those whose package
// uetest knows to be enough. It is the only such table.
var packages = map[string]string{
	"ar":                        "binutils",
	"as":                        "binutils",
	"bc":                        "bc",
	"bison":                     "bison",
	"bzip2":                     "bzip2",
	"ccache":                    "ccache",
	"clang":                     "clang",
	"cpio":                      "cpio",
	"flex":                      "flex",
	"gcc":                       "gcc",
	"gdb":                       "gdb",
	"git":                       "git",
	"go":                        "golang-go",
	"gzip":                      "gzip",
	"ld":                        "binutils",
	"ld.lld":                    "lld",
	"llvm-ar":                   "llvm",
	"llvm-nm":                   "llvm",
	"llvm-objcopy":              "llvm",
	"llvm-readelf":              "llvm",
	"llvm-strip":                "llvm",
	"make":                      "make",
	"nm":                        "binutils",
	"objcopy":                   "binutils",
	"patch":                     "patch",
	"perl":                      "perl",
	"python3":                   "python3",
	"qemu-system-aarch64":       "qemu-system-arm",
	"qemu-system-arm":           "qemu-system-arm",
	"qemu-system-riscv64":       "qemu-system-misc",
	"qemu-system-x86_64":        "qemu-system-x86",
	"readelf":                   "binutils",
	"aarch64-linux-gnu-gcc":     "gcc-aarch64-linux-gnu",
	"aarch64-linux-gnu-ld":      "binutils-aarch64-linux-gnu",
	"aarch64-linux-gnu-objcopy": "binutils-aarch64-linux-gnu",
	"aarch64-linux-gnu-ar":      "binutils-aarch64-linux-gnu",
	"aarch64-linux-gnu-nm":      "binutils-aarch64-linux-gnu",
	"aarch64-linux-gnu-strip":   "binutils-aarch64-linux-gnu",
	"riscv64-linux-gnu-gcc":     "gcc-riscv64-linux-gnu",
	"riscv64-linux-gnu-ld":      "binutils-riscv64-linux-gnu",
	"riscv64-linux-gnu-objcopy": "binutils-riscv64-linux-gnu",
	"riscv64-linux-gnu-ar":      "binutils-riscv64-linux-gnu",
	"riscv64-linux-gnu-nm":      "binutils-riscv64-linux-gnu",
	"riscv64-linux-gnu-strip":   "binutils-riscv64-linux-gnu",
	"rsync":                     "rsync",
	"strip":                     "binutils",
	"tar":                       "tar",
	"xz":                        "xz-utils",
	"zstd":                      "zstd",
}

// LookPath finds an executable as Start does. If there is none the error is
// the host's, names the Debian package where that is known, and is
// exec.ErrNotFound or fs.ErrNotExist.
func LookPath(name string) (string, error) {
	path, err := exec.LookPath(name)
	if err == nil {
		return path, nil
	}
	var e *exec.Error
	if errors.As(err, &e) {
		err = e.Err // else the name stands there twice
	}
	pkg, known := packages[filepath.Base(name)]
	if tool, version, ok := versioned(name); !known && ok {
		pkg, known = packages[tool]+"-"+version, packages[tool] != ""
	}
	if known {
		return "", blame.On(blame.Host, fmt.Errorf("%s: %w; install it with: apt-get install %s", name, err, pkg))
	}
	return "", blame.On(blame.Host, fmt.Errorf("%s: %w", name, err))
}

// versioned takes the version off the name of one of LLVM's programs, of which
// Debian has several side by side: clang-15 is in clang-15, ld.lld-15 in lld-15.
func versioned(name string) (tool, version string, ok bool) {
	i := strings.LastIndexByte(name, '-')
	if i < 0 || i+1 == len(name) || strings.Trim(name[i+1:], "0123456789") != "" {
		return "", "", false
	}
	return name[:i], name[i+1:], true
}

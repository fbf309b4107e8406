package kernel

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"uetest/internal/blame"
	"uetest/internal/needs"
	"uetest/internal/proc"
)

// arch is what differs between the machines a kernel is built for.
type arch struct {
	name    string // as in Spec.Arch
	make    string // make ARCH=
	src     string // SRCARCH, the folder under arch/
	goarch  string // of a host that needs no cross-compiler
	cross   string // prefix of the cross-compiler's programs, of its Debian packages too
	image   string // the file that boots, below the build directory; empty is the stripped vmlinux
	needPVH bool   // the image must have the PVH note, else QEMU cannot boot it
	tools   Tools  // what the user names in place of GCC, see with
}

// arches are named as QEMU's programs and most of the kernel's own folders are;
// make takes "riscv" for both of its widths.
var arches = []arch{
	{name: "x86_64", make: "x86_64", src: "x86", goarch: "amd64", cross: "x86_64-linux-gnu-", needPVH: true},
	{name: "arm64", make: "arm64", src: "arm64", goarch: "arm64", cross: "aarch64-linux-gnu-", image: "arch/arm64/boot/Image"},
	{name: "riscv64", make: "riscv", src: "riscv", goarch: "riscv64", cross: "riscv64-linux-gnu-", image: "arch/riscv/boot/Image"},
}

// target is what make makes for an image.
func (a arch) target() string {
	if a.image == "" {
		return "vmlinux"
	}
	return path.Base(a.image)
}

// findArch finds an architecture by its name, or by what make calls it.
func findArch(name string) (arch, error) {
	if name == "" {
		name = "x86_64"
	}
	var names []string
	for _, a := range arches {
		if a.name == name || a.make == name {
			if a.goarch == runtime.GOARCH {
				a.cross = ""
			}
			return a, nil
		}
		names = append(names, a.name)
	}
	return arch{}, blame.On(blame.Usage, fmt.Errorf("cannot build for %q; expected one of %s", name, strings.Join(names, ", ")))
}

// fixedEnvironment is the language that the tools speak.
var fixedEnvironment = []string{"LC_ALL=C", "TZ=UTC"}

// environment is what the tools get of uetest's environment: nothing that
// changes what they make or the language they speak.
func environment() []string {
	env := slices.Clone(fixedEnvironment)
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		switch {
		case slices.Contains([]string{"PATH", "HOME", "TMPDIR", "USER", "LOGNAME"}, name), strings.HasPrefix(name, "CCACHE_"):
			env = append(env, kv)
		}
	}
	return env
}

// toolchain is the versions of the compiler and the linker, one a line: what
// of the host goes into an image.
func (b *Builder) toolchain(ctx context.Context, a arch) (string, error) {
	var versions []string
	for _, tool := range []string{a.tool("gcc"), a.tool("ld")} {
		path, err := proc.LookPath(tool)
		if err != nil {
			return "", err
		}
		ask := func() (string, error) {
			out, err := proc.Output(ctx, proc.Cmd{Path: path, Args: []string{"--version"}, Env: environment()})
			line, _, _ := bytes.Cut(out, []byte("\n"))
			return string(line), err
		}
		var version string
		if real, _ := filepath.EvalSymlinks(path); filepath.Base(real) == "ccache" {
			version, err = ask() // its own file says nothing of the compiler's
		} else {
			version, err = b.cache.Memo("--version", path, ask)
		}
		if err != nil {
			return "", hostError(err)
		}
		versions = append(versions, version)
		if a.tools == (Tools{}) {
			continue
		}
		// A compiler of one's own may change and say the same of itself.
		sum, err := b.cache.FileHash(path)
		if err != nil {
			return "", hostError(err)
		}
		versions = append(versions, sum)
	}
	return strings.Join(versions, "\n"), nil
}

// crossTools come with a prefix.
var crossTools = needs.Programs(needs.Compiler)

// checkTools looks for everything a build needs before it begins, so that the
// one error names all that is missing.
func checkTools(ctx context.Context, a arch) error {
	var missing []error
	tools := needs.Programs(needs.Build)
	for _, t := range crossTools {
		tools = append(tools, a.tool(t))
	}
	if a.tools.LLVM != "" {
		tools = append(tools, a.tool("readelf"))
	}
	for _, t := range tools {
		if _, err := proc.LookPath(t); err != nil {
			missing = append(missing, err)
		}
	}
	if _, err := proc.LookPath(a.hostCC()); err == nil {
		for _, h := range needs.Headers() {
			cmd := proc.Cmd{Path: a.hostCC(), Args: []string{"-E", "-x", "c", "-o", "/dev/null", "-"}, Env: environment(),
				Stdin: strings.NewReader("#include <" + h.Name + ">\n")}
			err := proc.Run(ctx, cmd)
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err != nil {
				missing = append(missing, fmt.Errorf("%s: no such header; install it with: apt-get install %s", h.Name, h.Package))
			}
		}
	}
	what, hint := "a kernel", ""
	if a.cross != "" && a.tools == (Tools{}) {
		what = "a kernel for " + a.name
		hint = "\nscripts/setup --arch " + a.name + " installs all that it takes"
	}
	switch len(missing) {
	case 0:
		return nil
	case 1:
		return blame.On(blame.Host, fmt.Errorf("building %s needs %w%s", what, missing[0], hint))
	}
	return blame.On(blame.Host, fmt.Errorf("building %s needs:\n%w%s", what, errors.Join(missing...), hint))
}

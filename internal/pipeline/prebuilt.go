package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"uetest/internal/blame"
	"uetest/internal/bootimage"
	"uetest/internal/feature"
	"uetest/internal/kernel"
	"uetest/internal/results"
)

// prebuilt looks at an image that somebody else built, and makes of it what can
// be booted. What keeps it from being tested is said before a guest is.
func (t target) prebuilt(cfg *Config, s *stages) (built, error) {
	s.begin("kernel", "")(t.image.Form)
	k := t.image
	info := results.Kernel{Name: t.name, Arch: t.arch(), Image: t.file, Form: k.Form}
	b := built{vmlinux: k.Boot, release: k.Release}
	var err error
	if b.symbols, err = cfg.symbolsOf(k); err != nil {
		return built{}, err
	}
	has, from := optionsOf(k)
	if has != nil {
		info.Config, info.Lacks = from, lacks(has, t.arch(), chosen(cfg.Select))
		err := untestable(fmt.Sprintf("%s (%s)", t.file, k.Release), from, info.Lacks,
			"build it with them; 'uetest run -C TREE' does so by itself")
		if err != nil {
			return built{}, err
		}
		b.machine, _ = machineFor(t.arch(), has)
	}
	b.info = info
	return b, nil
}

// openImage reads the image and refuses one that can't be booted. arch is what it
// has to be for, if the user says that.
func (cfg *Config) openImage(arch string) (*bootimage.Kernel, error) {
	file := cfg.KernelFile
	k, err := bootimage.Open(context.Background(), cfg.Cache, file, cfg.readOnly)
	if err != nil {
		return nil, fmt.Errorf("--kernel: %w", err)
	}
	switch {
	case arch != "" && k.Arch != arch:
		return nil, blame.On(blame.Usage, fmt.Errorf("--kernel and --arch %s: %s is a kernel for %s (%s)", arch, file, k.Arch, k.Form))
	case k.Arch != x86 && strings.HasPrefix(k.Form, "vmlinux"):
		return nil, blame.On(blame.Usage, fmt.Errorf("--kernel: %s: QEMU can't enter a vmlinux for %s; take the Image of the same build (arch/%s/boot/Image)", file, k.Arch, strings.TrimSuffix(k.Arch, "64")))
	case k.Arch == x86 && !k.PVH && strings.HasPrefix(k.Form, "vmlinux"):
		return nil, blame.On(blame.Usage, fmt.Errorf(
			"--kernel: %s: QEMU can't enter this vmlinux: it has no PVH entry (ELF note Xen 18), which CONFIG_PVH=y gives; take the bzImage of the same build (arch/x86/boot/bzImage)", file))
	}
	return k, nil
}

// symbolsOf returns the image with the symbols of a prebuilt kernel: the user's, or
// one that lies where a build or a distribution has it, or none.
func (cfg *Config) symbolsOf(k *bootimage.Kernel) (string, error) {
	if cfg.Symbols != "" {
		id, err := bootimage.BuildID(cfg.Symbols)
		switch {
		case err != nil:
			return "", blame.On(blame.Usage, fmt.Errorf("--symbols: %s: %w; expected the vmlinux that the kernel was made of, or its debug information", cfg.Symbols, err))
		case id != k.BuildID && id != "" && k.BuildID != "":
			return "", blame.On(blame.Usage, fmt.Errorf("--symbols: %s is of another build than %s: build ids %s and %s", cfg.Symbols, k.File, id, k.BuildID))
		}
		return cfg.Symbols, nil
	}
	dir := filepath.Dir(k.File)
	for _, file := range []string{
		k.File + ".debug",
		k.File,
		filepath.Join(dir, "vmlinux"),
		filepath.Join(dir, "../../../vmlinux"), // of arch/x86/boot/bzImage
		filepath.Join("/usr/lib/debug/boot", "vmlinux-"+k.Release),
		filepath.Join("/usr/lib/debug/lib/modules", k.Release, "vmlinux"),
	} {
		// A file that is not there, or no ELF image, is not the one.
		if id, err := bootimage.BuildID(file); err == nil && (id == k.BuildID && id != "" || file == k.File) {
			return file, nil
		}
	}
	return "", nil
}

// optionsOf finds out what a prebuilt kernel was configured with, and where that
// was read. It returns nil if the image tells nothing.
func optionsOf(k *bootimage.Kernel) (has options, from string) {
	if text, ok := k.Config(); ok {
		return configured(text), "its own configuration (CONFIG_IKCONFIG)"
	}
	if file, text := configBeside(k); text != "" {
		return configured(text), file
	}
	if k.Release == "" { // whatever it is, it is not built as Linux is
		return nil, ""
	}
	texts := map[string]string{"VIRTIO_MMIO": "virtio-mmio", "VIRTIO_PCI": "virtio-pci"}
	for _, n := range needs {
		texts[n.option] = n.text
	}
	return func(name string) (string, bool) {
		text := texts[name]
		switch {
		case text == "":
			return "", false
		case k.Has(text):
			return "y", true
		}
		return "", true
	}, "the image, by what its parts call themselves"
}

// configured are the options of a whole .config.
func configured(text string) options {
	get := kernel.Options(text)
	return func(name string) (string, bool) { return get(name), true }
}

// configBeside reads the configuration that lies beside an image as distributions
// have it: config-6.1.0-56-amd64 beside vmlinuz-6.1.0-56-amd64.
func configBeside(k *bootimage.Kernel) (file, text string) {
	dir, name := filepath.Split(k.File)
	if k.Release == "" || !strings.Contains(name, k.Release) {
		return "", ""
	}
	file = filepath.Join(dir, "config-"+k.Release)
	f, err := os.Open(file)
	if err != nil {
		return "", ""
	}
	defer func() { _ = f.Close() }() // read only
	data, err := io.ReadAll(io.LimitReader(f, maxKernelConfig))
	if err != nil || !strings.Contains(string(data), "CONFIG_") {
		return "", ""
	}
	return file, string(data)
}

// maxKernelConfig bounds a configuration; a distribution's has 260 kB.
const maxKernelConfig = 8 << 20

// planPrebuilt says what of an image would be booted.
func (t target) planPrebuilt(cfg *Config, w io.Writer) (*kernel.Image, error) {
	k := t.image
	symbols, err := cfg.symbolsOf(k)
	if err != nil {
		return nil, err
	}
	_, _ = fmt.Fprintf(w, "# %s: a prebuilt image, %s\n", t.name, k.Form)
	if _, err := os.Stat(k.Boot); err != nil {
		_, _ = fmt.Fprintf(w, "# what is booted of it would be unpacked to %s\n", k.Boot)
	}
	return &kernel.Image{Vmlinux: k.Boot, Symbols: symbols}, nil
}

// saidMissing adds what the guest says that it lacks to what the configuration
// of a prebuilt kernel is known to lack.
func (d *driver) saidMissing(missing []feature.Name) {
	if d.kernel.must != nil {
		return // it would be an error of the tests that need it
	}
	for _, f := range missing {
		option := feature.Option(f)
		known := slices.ContainsFunc(d.run.Kernel.Lacks, func(l results.Lack) bool { return l.Option == option })
		if option == "" || known || f == feature.SMP {
			continue
		}
		if l, some := lackOf(f, "n", chosen(d.cfg.Select)); some {
			d.run.Kernel.Lacks = append(d.run.Kernel.Lacks, l)
		}
	}
}

// errNotSymbols keeps --symbols from being said of a kernel that is built here.
var errNotSymbols = errors.New("--symbols goes with --kernel: of a kernel that is built here they are known")

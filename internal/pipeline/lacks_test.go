package pipeline

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"uetest/internal/blame"
	"uetest/internal/bootimage"
	"uetest/internal/feature"
	"uetest/internal/kernel"
	"uetest/internal/results"
	"uetest/internal/vm"
	"uetest/kernel-patches"
	"uetest/selftests/catalog"
)

func shippedSeries(t *testing.T) *kernelpatches.Series {
	t.Helper()
	s, err := kernelpatches.Load("rfc")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// enough is a configuration that lacks nothing.
func enough() map[string]string {
	c := map[string]string{"PVH": "y", "ACPI": "y", "VIRTIO_MMIO": "y", "VIRTIO_PCI": "y"}
	for _, n := range needs {
		c[n.option] = "y"
	}
	for _, f := range feature.All() {
		c[feature.Option(f)] = "y"
	}
	return c
}

func getter(c map[string]string) func(string) string {
	return func(name string) string {
		if v, ok := c[name]; ok {
			return v
		}
		return "n"
	}
}

func TestLacksAreNamedWithWhatTheyCost(t *testing.T) {
	tests := []catalog.Test{
		{ID: "a/one", Needs: []feature.Name{feature.KSM}},
		{ID: "a/two", Needs: []feature.Name{feature.KSM, feature.Swap}},
		{ID: "a/three"},
	}
	for _, tt := range []struct {
		name    string
		set     map[string]string
		lacks   []string
		fatal   bool
		machine string
	}{
		{"nothing", nil, nil, false, ""},
		{"a feature", map[string]string{"KSM": "n"}, []string{"CONFIG_KSM is not set: ksm: 2 tests that need it are skipped"}, false, ""},
		{"one test's", map[string]string{"SWAP": "n"}, []string{"CONFIG_SWAP is not set: swap: 1 test that needs it is skipped"}, false, ""},
		{"a feature that nothing needs", map[string]string{"SECRETMEM": "n"}, nil, false, ""},
		{"no log", map[string]string{"PRINTK": "n"}, []string{"CONFIG_PRINTK is not set: without a log"}, false, ""},
		{"the subject", map[string]string{"USER_EVENTS": "n"}, []string{"CONFIG_USER_EVENTS is not set: it is what is tested"}, true, ""},
		{"a module", map[string]string{"VIRTIO_CONSOLE": "m"}, []string{"CONFIG_VIRTIO_CONSOLE is a module, and the guest loads none"}, true, ""},
		{"no PVH", map[string]string{"PVH": "n"}, []string{"CONFIG_PVH is not set"}, true, ""},
		{"PCI alone", map[string]string{"VIRTIO_MMIO": "m"}, nil, false, "q35"},
		{"MMIO that nobody finds", map[string]string{"ACPI": "n"}, nil, false, "q35"},
		{"MMIO alone", map[string]string{"VIRTIO_PCI": "n"}, nil, false, ""},
		{"no virtio", map[string]string{"VIRTIO_MMIO": "m", "VIRTIO_PCI": "n"}, []string{"CONFIG_VIRTIO_MMIO or CONFIG_VIRTIO_PCI is a module"}, true, "q35"},
	} {
		c := enough()
		for name, v := range tt.set {
			c[name] = v
		}
		k := &kept{arch: x86, from: "/x/.config", tests: tests}
		err := k.look(getter(c))
		var got []string
		for _, l := range k.lacks {
			got = append(got, l.String())
		}
		if !slices.EqualFunc(got, tt.lacks, strings.HasPrefix) {
			t.Errorf("%s: lacks %q, want %q", tt.name, got, tt.lacks)
		}
		if (err != nil) != tt.fatal || k.machine.Type != tt.machine {
			t.Errorf("%s: %v, machine %q", tt.name, err, k.machine.Type)
		}
		if err != nil && (blame.Of(err) != blame.Nothing || !strings.Contains(err.Error(), "scripts/config --file /x/.config -e ")) {
			t.Errorf("%s: %v (%v)", tt.name, err, blame.Of(err))
		}
	}
}

// The fragments that uetest ships with lack nothing of it.
func TestShippedConfigurationLacksNothing(t *testing.T) {
	s := shippedSeries(t)
	var names []string
	for _, name := range s.Names() {
		for _, arch := range kernelpatches.Arches {
			names = append(names, kernelpatches.InArch(name, arch))
		}
	}
	for _, name := range names {
		k, err := s.Kernel(name)
		if err != nil {
			t.Fatal(err)
		}
		list, err := fragments(s, k)
		if err != nil {
			t.Fatal(err)
		}
		var text strings.Builder
		for _, f := range list {
			text.WriteString(f.Text + "\n")
		}
		set := &kept{arch: k.Arch, from: name, tests: chosen(nil)}
		if err := set.look(kernel.Options(text.String())); err != nil || len(set.lacks) > 0 {
			t.Errorf("%s: %v, %v", name, err, set.lacks)
		}
	}
}

func TestWithoutLeavesOnlyWhatIsLacking(t *testing.T) {
	must := without(feature.All(), []results.Lack{{Option: "KSM"}, {Option: "PRINTK"}})
	if slices.Contains(must, feature.KSM) || len(must) != len(feature.All())-1 {
		t.Errorf("must have %v", must)
	}
}

// What is read in a kernel's image says the same as its own configuration, for
// every kernel of the cache.
func TestTextsOfAnImageTellItsOptions(t *testing.T) {
	if testing.Short() {
		t.Skip("reads built kernels")
	}
	home, err := os.UserCacheDir()
	if err != nil {
		t.Skip(err)
	}
	images, err := filepath.Glob(filepath.Join(home, "uetest/images/*/vmlinux"))
	if err != nil || len(images) == 0 {
		t.Skip("no built kernel in the cache")
	}
	seen := map[string]bool{}
	for _, file := range images {
		config, err := os.ReadFile(filepath.Join(filepath.Dir(file), "config"))
		if err != nil || seen[string(config)] { // of kernels that differ in the source one will do
			continue
		}
		seen[string(config)] = true
		k, err := bootimage.Open(t.Context(), t.TempDir(), file, true)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		text, ok := k.Config()
		if k.Arch != "x86_64" || !ok {
			continue
		}
		get := kernel.Options(text)
		for _, n := range append(slices.Clone(needs), need{option: "VIRTIO_MMIO", text: "virtio-mmio"}, need{option: "VIRTIO_PCI", text: "virtio-pci"}) {
			if n.text != "" && k.Has(n.text) != (get(n.option) == "y") {
				t.Errorf("%s %s: CONFIG_%s=%s, but that %q is in it is %v", file, k.Release, n.option, get(n.option), n.text, k.Has(n.text))
			}
		}
	}
}

func TestKernelOfAFileIsNotConfiguredOrPatched(t *testing.T) {
	cfg := &Config{KernelFile: "x", Config: kernel.Fragment{Text: "CONFIG_X=y"}}
	if _, err := cfg.targets(); err == nil || blame.Of(err) != blame.Usage || !strings.Contains(err.Error(), "--kernel and --config") {
		t.Errorf("%v", err)
	}
	cfg = &Config{Symbols: "x", Series: shippedSeries(t), Kernels: []string{"rfc"}}
	if _, err := cfg.targets(); err == nil || blame.Of(err) != blame.Usage || !strings.Contains(err.Error(), "--symbols goes with --kernel") {
		t.Errorf("%v", err)
	}
}

// A test that asks for the usual machine gets the one that the kernel has drivers
// for.
func TestGuestIsTheMachineThatTheKernelHasDriversFor(t *testing.T) {
	d := &driver{cfg: &Config{Select: regexp.MustCompile("x")}, guest: &guest{}, kernel: built{machine: vm.Q35}}
	if got := d.config(d.usual()).Machine.Type; got != "q35" {
		t.Errorf("machine %q", got)
	}
}

package pipeline

import (
	"os"
	"slices"
	"strings"

	"uetest/internal/blame"
	"uetest/internal/kernel"
	"uetest/internal/proc"
	"uetest/internal/results"
	"uetest/internal/vm"
	"uetest/selftests/catalog"
)

// kept is what a kernel lacks that is built with the user's configuration. The
// zero value is that of a kernel with the series' own, which lacks nothing.
type kept struct {
	tests   []catalog.Test
	arch    string
	from    string // the file; empty if it is the series' own
	lacks   []results.Lack
	machine vm.Machine
}

// keep has the kernel stage ask, before it compiles anything, whether what comes
// out can be tested, and tell what it lacks.
func (cfg *Config) keep(spec *kernel.Spec, t target) *kept {
	if spec.Config.Text == "" {
		return &kept{}
	}
	k := &kept{from: spec.Config.Name, tests: chosen(cfg.Select), arch: t.arch()}
	spec.Accept = func(get func(string) string) error {
		if err := k.look(get); err != nil {
			return err
		}
		for _, l := range k.lacks {
			cfg.Notify(Event{Kernel: t.name, Stage: "kernel", Text: t.name + " lacks " + l.String(), Notice: true})
		}
		return nil
	}
	return k
}

// read looks at the configuration that a kernel was built with.
func (k *kept) read(file string) error {
	if k.from == "" {
		return nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return blame.On(blame.Host, err)
	}
	return k.look(kernel.Options(string(text)))
}

// look says what is lacking. The error is for a kernel that can't be tested.
func (k *kept) look(get func(string) string) error {
	has := func(name string) (string, bool) { return get(name), true }
	k.lacks = lacks(has, k.arch, k.tests)
	if got := get("PVH"); k.arch == x86 && got != "y" {
		k.lacks = slices.Insert(k.lacks, 0, results.Lack{Option: "PVH", Got: got, Why: "QEMU enters a vmlinux by its PVH note", Fatal: true})
	}
	k.machine, _ = machineFor(k.arch, has)
	set := []string{"--file", k.from}
	for _, l := range k.lacks {
		if option, _, _ := strings.Cut(l.Option, " "); l.Fatal {
			set = append(set, "-e", option)
		}
	}
	return untestable("what this configuration makes", k.from, k.lacks,
		"set it with: "+proc.Cmd{Path: "scripts/config", Args: set}.String()+"\nor leave --config out: the series' own configuration has all of it")
}

package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"uetest/internal/blame"
	"uetest/internal/pipeline"
	"uetest/internal/proc"
	"uetest/internal/results"
	"uetest/internal/wire"
)

// What a guest may have. The kernels of the series take 8 CPUs (CONFIG_NR_CPUS);
// with less memory than 128 MiB the guest image does not unpack, and the limit
// above is a mistake in the unit rather than a machine.
const (
	maxCPUs   = 8
	minMemory = 128        // MiB
	maxMemory = 256 * 1024 // MiB
)

// maxParameters bounds what is added to the kernel's command line: all of it may
// have 2048 bytes (COMMAND_LINE_SIZE, arch/x86/include/asm/setup.h), and the
// kernel drops the rest without a word.
const maxParameters = 1500

// memory is a flag for an amount of memory in MiB.
type memory int

func (m *memory) Type() string { return "SIZE" }

func (m *memory) String() string {
	if *m == 0 {
		return ""
	}
	return strconv.Itoa(int(*m))
}

func (m *memory) Set(s string) error {
	text, unit := strings.ToUpper(s), 1
	switch {
	case strings.HasSuffix(text, "M"):
		text = strings.TrimSuffix(text, "M")
	case strings.HasSuffix(text, "G"):
		text, unit = strings.TrimSuffix(text, "G"), 1024
	}
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil || int(n)*unit < minMemory || int(n)*unit > maxMemory {
		return fmt.Errorf("expected MiB, or a number with M or G behind it, from %dM to %dG", minMemory, maxMemory/1024)
	}
	*m = memory(int(n) * unit)
	return nil
}

// cpus is a flag for a number of virtual CPUs.
type cpus int

func (c *cpus) Type() string { return "N" }

func (c *cpus) String() string {
	if *c == 0 {
		return ""
	}
	return strconv.Itoa(int(*c))
}

func (c *cpus) Set(s string) error {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > maxCPUs {
		return fmt.Errorf("expected a number from 1 to %d", maxCPUs)
	}
	*c = cpus(n)
	return nil
}

// parameters is a flag for parameters of the kernel, as often as it is given.
type parameters []string

func (p *parameters) Type() string   { return "WORDS" }
func (p *parameters) String() string { return strings.Join(*p, " ") }

func (p *parameters) Set(s string) error {
	words := strings.Fields(s)
	if len(words) == 0 {
		return fmt.Errorf("expected parameters of the kernel, as on its command line")
	}
	for _, w := range words {
		if name, _, _ := strings.Cut(w, "="); name == wire.ShellOption {
			return fmt.Errorf("%s is uetest's own; see 'uetest shell'", wire.ShellOption)
		}
	}
	if n := len(p.String()) + 1 + len(s); n > maxParameters {
		return fmt.Errorf("%d bytes in all; there is room for %d, the kernel drops the rest", n, maxParameters)
	}
	*p = append(*p, words...)
	return nil
}

// machineFlags say what every guest of a job has.
type machineFlags struct {
	parameters parameters
	memory     memory
	cpus       cpus
	model      string
}

func (f *machineFlags) add(c *cobra.Command) {
	fl := c.Flags()
	fl.Var(&f.parameters, "append", "parameters for the kernel, behind uetest's own; repeatable. What a test needs comes last")
	fl.Var(&f.memory, "memory", "memory of a guest, 128M to 256G, in place of 512M; a test that needs an amount has that")
	fl.StringVar(&f.model, "cpu", "", "model of a guest's CPUs, as QEMU calls it, in place of the one with most features")
	fl.Var(&f.cpus, "smp", "virtual CPUs of a guest, 1 to 8, in place of 1 (2 for a test that takes two, and under KVM)")
}

// machine is what these flags ask of every guest.
func (f *machineFlags) machine() results.Machine {
	return results.Machine{Append: f.parameters, Memory: int(f.memory), CPUs: int(f.cpus), Model: f.model}
}

// repeat are the flags that ask for the same machine again.
func (f *machineFlags) repeat() []string {
	var args []string
	if len(f.parameters) > 0 {
		args = append(args, "--append", proc.Quote(f.parameters.String()))
	}
	if f.memory != 0 {
		args = append(args, "--memory", f.memory.String())
	}
	if f.cpus != 0 {
		args = append(args, "--smp", f.cpus.String())
	}
	if f.model != "" {
		args = append(args, "--cpu", proc.Quote(f.model))
	}
	return args
}

// handFlags are those of the verbs that a person looks at.
type handFlags struct {
	gdb  bool
	keep bool
	dry  bool
}

func (f *handFlags) add(c *cobra.Command) {
	fl := c.Flags()
	fl.BoolVar(&f.gdb, "gdb", false, "have each guest wait for gdb, and print the command that attaches it; lifts all time limits")
	addDryRun(c, &f.dry)
	fl.BoolVar(&f.keep, "keep", false, "never remove the files of the run, and print where they are")
}

// addDryRun adds the flag that has nothing done.
func addDryRun(c *cobra.Command, dry *bool) {
	c.Flags().BoolVarP(dry, "dry-run", "n", false, "print the commands and run none: nothing is built, booted or written")
}

// apply has the job do what these flags say. The verb is done if the job was
// only to be shown.
func (f *handFlags) apply(c *cobra.Command, cfg *pipeline.Config) (done bool, err error) {
	cfg.Keep = f.keep
	if f.gdb {
		if cfg.Timeout != 0 || cfg.BootTimeout != 0 {
			return false, blame.On(blame.Usage, errorf("--gdb lifts every time limit: leave --timeout and --boot-timeout out"))
		}
		cfg.Attach = attach(c.ErrOrStderr())
		cfg.Jobs = 1 // one guest to look at at a time
	}
	if f.dry {
		return true, pipeline.Plan(c.Context(), *cfg, c.OutOrStdout())
	}
	return false, nil
}

// attach says how to attach gdb to a guest that waits for it.
func attach(w io.Writer) func(pipeline.Stub) {
	return func(s pipeline.Stub) {
		fmt.Fprintf(w, `uetest: %s waits for gdb; no time limit applies. In another terminal:
  %s
uetest: then for example:  break user_events_ioctl   continue
`, s.Kernel, gdbCommand(s))
	}
}

// gdbCommand is gdb for a guest, as a shell reads it.
func gdbCommand(s pipeline.Stub) string {
	cmd := proc.Cmd{Path: "gdb", Args: []string{"-q"}}
	if s.Scripts != "" {
		cmd.Args = append(cmd.Args, "-iex", "add-auto-load-safe-path "+s.Scripts)
	}
	for i := len(s.Sources) - 1; i >= 0; i-- { // each goes before those there are
		cmd.Args = append(cmd.Args, "-ex", "directory "+s.Sources[i])
	}
	cmd.Args = append(cmd.Args, "-ex", "target remote "+s.Socket)
	for _, function := range s.Stops {
		cmd.Args = append(cmd.Args, "-ex", "break "+function)
	}
	if len(s.Stops) > 0 {
		cmd.Args = append(cmd.Args, "-ex", "continue", "-ex", "backtrace")
	}
	cmd.Args = append(cmd.Args, s.Symbols)
	return cmd.String()
}

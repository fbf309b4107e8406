package vm

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"uetest/internal/blame"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestArgumentsAreTheGoldenOnes(t *testing.T) {
	base := Config{Kernel: "/k/vmlinux", Initrd: "/i/initramfs.cpio", Port: "org.uetest.results", Console: "/run/console.log", TSC: 2600000}
	with := func(change func(*Config)) Config {
		c := base
		change(&c)
		return c
	}
	for name, c := range map[string]Config{
		"default": base,
		"kvm":     with(func(c *Config) { c.Accel = KVM }),
		"q35":     with(func(c *Config) { c.Machine = Q35 }),
		"q35-kvm": with(func(c *Config) { c.Machine, c.Accel = Q35, KVM }),
		"all": with(func(c *Config) {
			c.CPUs, c.Memory = 4, 700
			c.Append = []string{"uetest.shell", "panic=0"}
			c.Console, c.Port = "/odd,path/console", "a,b"
		}),
		"no-initrd": with(func(c *Config) { c.Initrd = "" }),
		"save":      with(func(c *Config) { c.SaveTo = "/cache/entry" }),
		"q35-save":  with(func(c *Config) { c.Machine, c.SaveTo = Q35, "/cache/entry" }),
		"trace": with(func(c *Config) {
			c.Trace = &Trace{File: "/run/trace.log", Code: []CodeRange{{0x1000, 0x1010}, {0xffffffff81000000, 0xffffffff81000040}}}
		}),
		"restored":             with(func(c *Config) { c.restored = true }),
		"q35-restored":         with(func(c *Config) { c.Machine, c.restored = Q35, true }),
		"virtual-time":         with(func(c *Config) { c.Clock.Mode = VirtualTime }),
		"record":               with(func(c *Config) { c.Clock = Clock{Mode: Recording, Log: "/odd,path/log"} }),
		"replay":               with(func(c *Config) { c.Clock = Clock{Mode: Replaying, Log: "/run/log"} }),
		"arm64":                with(func(c *Config) { c.Machine = VirtARM64 }),
		"arm64-model":          with(func(c *Config) { c.Machine, c.CPU = VirtARM64, "cortex-a53" }),
		"arm64-max":            with(func(c *Config) { c.Machine, c.CPU = VirtARM64, "max" }),
		"arm64-save":           with(func(c *Config) { c.Machine, c.SaveTo = VirtARM64, "/cache/entry" }),
		"arm64-restored":       with(func(c *Config) { c.Machine, c.restored = VirtARM64, true }),
		"riscv64":              with(func(c *Config) { c.Machine = VirtRISCV64 }),
		"riscv64-virtual-time": with(func(c *Config) { c.Machine, c.Clock.Mode = VirtRISCV64, VirtualTime }),
		"terminal":             with(func(c *Config) { c.Terminal, c.Console = true, "/odd,path/console" }),
		"gdb":                  with(func(c *Config) { c.GDB = "/odd,path/gdb" }),
	} {
		t.Run(name, func(t *testing.T) {
			got := golden(c.Args())
			file := filepath.Join("testdata", "args", name+".txt")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("%s differs (-update rewrites it):\n%s", file, got)
			}
		})
	}
}

// golden is a line for each option with its value.
func golden(args []string) string {
	var b strings.Builder
	for i, a := range args {
		switch {
		case i > 0 && strings.HasPrefix(a, "-"):
			b.WriteString("\n")
		case i > 0:
			b.WriteString(" ")
		}
		b.WriteString(a)
	}
	return b.String() + "\n"
}

func TestArgumentsDoNotDependOnEachOther(t *testing.T) {
	c := Config{Kernel: "k", Port: "p", Console: "c", Append: []string{"x"}}
	first := golden(c.Args())
	args := c.Args()
	for i := range args {
		args[i] = "overwritten"
	}
	if got := golden(c.Args()); got != first {
		t.Errorf("got %s, want %s", got, first)
	}
	if len(appendX86) != 2 || cap(Microvm.Append[:2:2]) != 2 {
		t.Errorf("the machine's own parameters changed: %q", appendX86)
	}
}

func TestConfigThatCannotRunIsRefusedBeforeQEMU(t *testing.T) {
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	good := filepath.Join(dir, "kernel")
	if err := os.WriteFile(good, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		c    Config
		want string
	}{
		"no kernel":       {Config{Console: "c", Port: "p"}, "without a kernel"},
		"no console":      {Config{Kernel: good, Port: "p"}, "without a file for its console"},
		"no port":         {Config{Kernel: good, Console: "c"}, "without a name for its port"},
		"missing kernel":  {Config{Kernel: dir + "/missing", Console: "c", Port: "p"}, dir + "/missing: no such file"},
		"empty kernel":    {Config{Kernel: empty, Console: "c", Port: "p"}, empty + ": empty"},
		"kernel is a dir": {Config{Kernel: dir, Console: "c", Port: "p"}, dir + ": not a regular file"},
		"missing initrd":  {Config{Kernel: good, Initrd: dir + "/missing", Console: "c", Port: "p"}, dir + "/missing: no such file"},
		"counts on KVM":   {Config{Kernel: good, Console: "c", Port: "p", Accel: KVM, Clock: Clock{Mode: VirtualTime}}, "only emulation counts"},
		"counts with two": {Config{Kernel: good, Console: "c", Port: "p", CPUs: 2, Clock: Clock{Mode: VirtualTime}}, "with 2 CPUs: that takes one"},
		"counts, saved":   {Config{Kernel: good, Console: "c", Port: "p", SaveTo: dir, Clock: Clock{Mode: VirtualTime}}, "can be saved"},
		"no log":          {Config{Kernel: good, Console: "c", Port: "p", Clock: Clock{Mode: Replaying}}, "without a log"},
		"record of a PC":  {Config{Kernel: good, Console: "c", Port: "p", Machine: Q35, Clock: Clock{Mode: Recording, Log: "l"}}, "that takes microvm"},
		"no such model":   {Config{Kernel: good, Console: "c", Port: "p", Machine: VirtARM64, CPU: "rv64"}, "for arm64 with the CPU model \"rv64\"; expected one of cortex-a53, "},
		"negative memory": {Config{Kernel: good, Memory: -1, Console: "c", Port: "p"}, "-1 MiB"},
	} {
		v, err := Start(t.Context(), tt.c)
		if err == nil {
			_ = v.Close()
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) || blame.Of(err) != blame.Host {
			t.Errorf("%s: got %v, want %s", name, err, tt.want)
		}
	}
}

func TestHostTSCIsPlausibleAndAlwaysTheSame(t *testing.T) {
	khz := HostTSC()
	if khz < 500_000 || khz > 10_000_000 || khz%1000 != 0 {
		t.Errorf("%d kHz", khz)
	}
	if again := HostTSC(); again != khz {
		t.Errorf("%d kHz, then %d", khz, again)
	}
}

func TestLimitsAreLongerUnderEmulation(t *testing.T) {
	if KVM.Scale() != 1 || TCG.Scale() <= 1 {
		t.Errorf("KVM %v, TCG %v", KVM.Scale(), TCG.Scale())
	}
	var zero Accel
	if zero.String() != "tcg" || KVM.String() != "kvm" {
		t.Errorf("zero %v, KVM %v", zero, KVM)
	}
}

func TestLinesOfAConsole(t *testing.T) {
	for _, tt := range []struct {
		in   string
		cut  bool
		want string
	}{
		{"", false, ""},
		{"\r\n\r\n", false, ""},
		{"one\r\ntwo\r\n", false, "one|two"},
		{"one\r\n\r\ntwo", false, "one||two"},
		{"torn\r\nwhole\r\n", true, "whole"},
		{"no end", true, "no end"},
	} {
		if got := strings.Join(splitLines([]byte(tt.in), tt.cut), "|"); got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestTailOfALongConsoleIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "console")
	if err := os.WriteFile(path, []byte(strings.Repeat("a line of the console\r\n", 10_000)), 0o600); err != nil {
		t.Fatal(err)
	}
	lines := readTail(path)
	if len(lines) < 2000 || len(lines) > tailBytes/22 {
		t.Errorf("%d lines", len(lines))
	}
	for i, l := range lines {
		if l != "a line of the console" {
			t.Fatalf("line %d: %q", i, l)
		}
	}
	if lines := readTail(path + ".missing"); lines != nil {
		t.Errorf("a missing file has %q", lines)
	}
}

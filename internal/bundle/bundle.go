// Package bundle is the file that a recorded guest is passed on in: everything
// it takes to run the guest again on another machine, instruction for
// instruction, and what it printed and sent, to compare with.
//
// A bundle is a gzip-compressed tar archive: Manifest first, as manifest.json,
// then the files that it lists, in its order. Bundles come from strangers.
// Unpack takes no name but those it knows, no file that is not regular, no byte
// beyond the bounds and none that the manifest's digests do not vouch for; and
// nothing in a bundle is a command: QEMU's arguments are there to be compared
// with those that the reader makes of Machine.
package bundle

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Schema is the version of the form. A reader refuses others.
const Schema = 1

// The files of a bundle, beside its manifest.
const (
	Run       = "run.json"       // the saved run: kernel and patches, what the tests saw, verdicts
	Kernel    = "vmlinux"        // what is booted, without symbols
	Symbols   = "vmlinux.debug"  // the same with symbols and line numbers, for gdb
	Config    = "config"         // the kernel's configuration
	Initramfs = "initramfs.cpio" // the guest's programs
	Log       = "record.log"     // what came from outside, and when: QEMU's record log
	Console   = "console.log"    // what the guest printed
	Stream    = "stream.jsonl"   // what its agent sent
)

// known are the files that a bundle may have and the most that each may have in
// bytes, some ten times of what was seen. The bound of the sum is that of the
// parts.
var known = map[string]int64{
	Run:       64 << 20,
	Kernel:    512 << 20,
	Symbols:   1 << 30,
	Config:    4 << 20,
	Initramfs: 512 << 20,
	Log:       2 << 30,
	Console:   64 << 20,
	Stream:    256 << 20,
}

// needed are the files without which nothing can be replayed.
var needed = []string{Run, Kernel, Initramfs, Log, Console, Stream}

// Manifest says what is in a bundle.
type Manifest struct {
	Schema   int       `json:"schema"`
	Recorded time.Time `json:"recorded"`
	// Took is how long the recorded guest ran on its host.
	Took    time.Duration `json:"took_ns"`
	Fault   string        `json:"fault,omitempty"` // the catalogue's id
	Tests   []string      `json:"tests"`           // ids, in the order in which they ran
	Release string        `json:"release"`         // of the kernel, as uname -r has it
	QEMU    QEMU          `json:"qemu"`
	Machine Machine       `json:"machine"`
	// Args are the arguments that QEMU was started with. Paths are the names of
	// the bundle's files.
	Args  []string `json:"args"`
	Files []File   `json:"files"`
}

// QEMU is the program that recorded. Another version of it may execute
// instructions in other portions, which a record log cannot tell.
type QEMU struct {
	Version string `json:"version"` // the first line of --version
	SHA256  string `json:"sha256"`  // of the program
}

// Machine is what the guest ran on.
type Machine struct {
	Type   string   `json:"type"`   // QEMU's name
	Memory int      `json:"memory"` // MiB
	Append []string `json:"append,omitempty"`
	Port   string   `json:"port"` // name of the result port
}

// A File is one member of a bundle.
type File struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// Has reports whether the bundle has a file of that name.
func (m *Manifest) Has(name string) bool {
	return slices.ContainsFunc(m.Files, func(f File) bool { return f.Name == name })
}

// check finds what no bundle of this schema has.
func (m *Manifest) check() error {
	seen := map[string]bool{}
	for _, f := range m.Files {
		most, ok := known[f.Name]
		switch {
		case !ok:
			return fmt.Errorf("manifest lists %q, which is no file of a bundle", f.Name)
		case seen[f.Name]:
			return fmt.Errorf("manifest lists %s twice", f.Name)
		case f.Size < 0 || f.Size > most:
			return fmt.Errorf("manifest has %d bytes for %s; the most is %d", f.Size, f.Name, most)
		case !isDigest(f.SHA256):
			return fmt.Errorf("manifest has %q for the SHA-256 of %s", f.SHA256, f.Name)
		}
		seen[f.Name] = true
	}
	var missing []string
	for _, name := range needed {
		if !seen[name] {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("manifest lacks %s", strings.Join(missing, ", "))
	}
	if m.Machine.Memory <= 0 || m.Machine.Memory > 1<<20 {
		return fmt.Errorf("manifest has %d MiB for the guest's memory", m.Machine.Memory)
	}
	for _, word := range m.Machine.Append {
		if word == "" || strings.ContainsAny(word, " \t\n\x00") {
			return fmt.Errorf("manifest has %q for a kernel parameter, which is one word", word)
		}
	}
	if !isDigest(m.QEMU.SHA256) {
		return fmt.Errorf("manifest has %q for the SHA-256 of QEMU", m.QEMU.SHA256)
	}
	if m.Took < 0 || len(m.Tests) == 0 {
		return errors.New("manifest names no test, or the recording took less than no time")
	}
	return nil
}

func isDigest(s string) bool {
	return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == ""
}

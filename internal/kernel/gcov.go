package kernel

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
)

// How gcc puts counters into a file. CONFIG_GCOV_KERNEL, which has the kernel hand
// them out, is not needed to have them: they are read from the guest's memory,
// at the places that the symbol table names. So no other file is compiled anew,
// and the counters go with any configuration and any variant. What they want of
// a run-time library is left out:
//
//   - a list of them in a section that the linker script knows, in place of a
//     constructor that registers them (-fprofile-info-section);
//   - the function that the list names for merging files, which nobody calls.
//
// The loop optimisation is the one that the kernel's own CFLAGS_GCOV turns off.
// Updates are atomic because the rest is computed from what is counted: one lost
// count makes two lines wrong.
const gcovFlags = "-fprofile-arcs -ftest-coverage -fno-tree-loop-im -fprofile-update=atomic" +
	" -fprofile-info-section=.rodata.gcov_info -Wa,--defsym,__gcov_merge_add=0"

// gcov returns what make is told to have counters in files, and those of them
// that can have some: the kernel keeps them out of code that runs outside of it
// or before it.
func (p *plan) gcov() (args, files []string, err error) {
	for _, file := range p.spec.Gcov {
		text, err := p.makefile(path.Dir(file))
		if err != nil {
			return nil, nil, err
		}
		object := strings.TrimSuffix(path.Base(file), ".c") + ".o"
		if keepsCountersOut(text, object) {
			continue
		}
		files = append(files, file)
		// What make is told replaces what the Makefile says.
		args = append(args, "CFLAGS_"+object+"="+strings.Join(append(ownFlags(text, object), gcovFlags), " "))
	}
	return args, files, nil
}

// makefile returns what kbuild reads of a directory, with the overlay.
func (p *plan) makefile(dir string) (string, error) {
	for _, name := range []string{"Kbuild", "Makefile"} { // scripts/Makefile.build asks in this order
		name = path.Join(dir, name)
		if f, ok := p.overlay[name]; ok {
			if !f.Deleted {
				return string(f.Data), nil
			}
			continue
		}
		data, err := os.ReadFile(filepath.Join(p.tree.Dir, filepath.FromSlash(name)))
		if err == nil {
			return string(data), nil
		}
		if !os.IsNotExist(err) {
			return "", hostError(err)
		}
	}
	return "", nil
}

// assignments returns what a Makefile assigns to a variable.
func assignments(text, variable string) []string {
	re := regexp.MustCompile(`(?m)^[ \t]*` + regexp.QuoteMeta(variable) + `[ \t]*[:+?]?=[ \t]*([^\n#]*)`)
	var values []string
	for _, m := range re.FindAllStringSubmatch(strings.ReplaceAll(text, "\\\n", " "), -1) {
		if value := strings.TrimSpace(m[1]); value != "" {
			values = append(values, value)
		}
	}
	return values
}

func ownFlags(text, object string) []string { return assignments(text, "CFLAGS_"+object) }

func keepsCountersOut(text, object string) bool {
	for _, variable := range []string{"GCOV_PROFILE", "GCOV_PROFILE_" + object} {
		for _, value := range assignments(text, variable) {
			if strings.HasPrefix(value, "n") {
				return true
			}
		}
	}
	return false
}

// gcovNotes is the name in an entry of images/ of what the compiler noted on the
// counters of a C file, by slash path; gcov writes a path like that.
func gcovNotes(file string) string {
	return strings.ReplaceAll(strings.TrimSuffix(file, ".c"), "/", "#") + ".gcno"
}

// Notes is the path of what the compiler noted on the counters of a file that
// Spec.Gcov names; nothing is there if the kernel keeps counters out of it.
func (i Image) Notes(file string) string {
	return filepath.Join(filepath.Dir(i.Vmlinux), gcovNotes(file))
}

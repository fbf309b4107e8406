package symbols

import (
	"bufio"
	"bytes"
	"cmp"
	"debug/elf"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// vmlinux returns a kernel with symbols: $UETEST_TEST_SYMBOLS, else the newest
// in the cache that GCC made, for binutils of 2.40 leaves out callers that clang
// inlined into.
func vmlinux(t testing.TB) string {
	t.Helper()
	if testing.Short() {
		t.Skip("reads a whole kernel; not with -short")
	}
	if file := os.Getenv("UETEST_TEST_SYMBOLS"); file != "" {
		return file
	}
	cache := os.Getenv("UETEST_CACHE")
	if cache == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			t.Skip("no cache to look for a kernel in: ", err)
		}
		cache = filepath.Join(dir, "uetest")
	}
	files, err := filepath.Glob(filepath.Join(cache, "images", "*", "vmlinux.debug"))
	files = slices.DeleteFunc(files, func(file string) bool { return !madeByGCC(file) })
	if err != nil || len(files) == 0 {
		t.Skipf("no kernel with symbols in %s; 'uetest kernel path --symbols rfc' builds one, UETEST_TEST_SYMBOLS names another", cache)
	}
	return slices.MaxFunc(files, func(a, b string) int {
		return cmp.Compare(modified(t, a), modified(t, b))
	})
}

func madeByGCC(file string) bool {
	f, err := elf.Open(file)
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }()
	if f.Machine != elf.EM_X86_64 || f.Section(".comment") == nil {
		return false
	}
	made, err := f.Section(".comment").Data()
	return err == nil && bytes.HasPrefix(made, []byte("GCC:")) && !bytes.Contains(made, []byte("clang"))
}

func modified(t testing.TB, file string) int64 {
	info, err := os.Stat(file)
	if err != nil {
		t.Skip("the cache is being cleaned: ", err)
	}
	return info.ModTime().UnixNano()
}

func open(t testing.TB, file string) *Image {
	t.Helper()
	m, err := Open(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

// addr2line asks binutils of many addresses: for each, what At returns.
func addr2line(t testing.TB, file string, addrs []uint64) [][]Location {
	t.Helper()
	tool, err := exec.LookPath("addr2line")
	if err != nil {
		t.Skip("needs binutils: ", err)
	}
	out, err := exec.Command(tool, arguments("-afie", file, addrs)...).Output()
	if err != nil {
		t.Fatal(err)
	}
	var all [][]Location
	lines := bufio.NewScanner(strings.NewReader(string(out)))
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "0x") { // -a: the address itself
			all = append(all, nil)
			continue
		}
		function := lines.Text()
		lines.Scan()
		place, _, _ := strings.Cut(lines.Text(), " (discriminator")
		file, number, _ := strings.Cut(place, ":")
		if file == "??" {
			continue
		}
		n, _ := strconv.Atoi(number) // "?" is 0
		last := len(all) - 1
		if len(all[last]) > 0 {
			all[last][len(all[last])-1].Inlined = true
		}
		all[last] = append(all[last], Location{Function: function, File: path.Clean(file), Line: n})
	}
	return all
}

func arguments(flags, file string, addrs []uint64) []string {
	args := []string{flags, file}
	for _, a := range addrs {
		args = append(args, fmt.Sprintf("%#x", a))
	}
	return args
}

// codeSymbols returns the code symbols of the image that have a size.
func codeSymbols(m *Image) []symbol {
	var all []symbol
	m.symtab.each(func(name uint32, addr, size uint64) {
		text := m.symtab.names[name:]
		// Constructors of KASAN have no lines; addr2line names the last line
		// before them.
		if size > 0 && !strings.HasPrefix(string(text[:5]), "_sub_") {
			all = append(all, symbol{string(text[:slices.Index(text, 0)]), addr, size})
		}
	})
	return all
}

// gdbFiles asks gdb which file each address is of.
func gdbFiles(t *testing.T, file string, addrs []uint64) []string {
	t.Helper()
	gdb, err := exec.LookPath("gdb")
	if err != nil {
		t.Skip("addr2line is to be judged, and that needs gdb: ", err)
	}
	args := []string{"-batch", "-nx"}
	for _, a := range addrs {
		args = append(args, "-ex", fmt.Sprintf("info line *%#x", a))
	}
	out, err := exec.Command(gdb, append(args, file)...).Output()
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for l := range strings.Lines(string(out)) {
		_, quoted, _ := strings.Cut(l, ` of "`)
		name, _, _ := strings.Cut(quoted, `"`)
		files = append(files, path.Clean(name))
	}
	return files
}

// samples is how many addresses are compared.
const samples = 200

func TestLocationsAreThoseOfAddr2line(t *testing.T) {
	file := vmlinux(t)
	m := open(t, file)
	all := codeSymbols(m)
	rng := rand.New(rand.NewPCG(1, 2))
	var addrs []uint64
	var names []string
	for range samples {
		s := all[rng.IntN(len(all))]
		addrs = append(addrs, s.addr+rng.Uint64N(s.size))
		names = append(names, s.name)
	}
	// binutils 2.40 names the unit's file for a function of an included one that
	// was not inlined, where readelf -wL and gdb name the header.
	var disputed []uint64
	var ours []Location
	inlined, deepest := 0, 0
	for i, want := range addr2line(t, file, addrs) {
		got := m.at(addrs[i], names[i])
		if len(got) > 1 {
			inlined++
			deepest = max(deepest, len(got))
		}
		switch {
		case slices.Equal(got, want):
		case got == nil && len(want) == 1 && want[0].Line == 0:
			// Made by the compiler of nothing; addr2line has the file from the symbol table.
		case len(got) == 1 && len(want) == 1 && got[0].Line == want[0].Line && got[0].File == want[0].File && strings.HasSuffix(got[0].File, ".S"):
			// The address has two names.
		case len(got) == 1 && len(want) == 1 && got[0].Line == want[0].Line && got[0].Function == want[0].Function:
			disputed, ours = append(disputed, addrs[i]), append(ours, got[0])
		default:
			t.Errorf("%#x in %s:\ngot  %+v\nwant %+v", addrs[i], names[i], got, want)
		}
	}
	t.Logf("%d of %d addresses are of inlined functions, up to %d deep; %d disputed", inlined, len(addrs), deepest, len(disputed))
	if inlined == 0 {
		t.Error("no address was of an inlined function")
	}
	if len(disputed) == 0 {
		return
	}
	for i, want := range gdbFiles(t, file, disputed) {
		if got := path.Clean(ours[i].File); got != want {
			t.Errorf("%#x in %s: got %s, gdb says %s", disputed[i], ours[i].Function, got, want)
		}
	}
}

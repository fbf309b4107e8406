package symbols

import (
	"bufio"
	"cmp"
	"debug/dwarf"
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
// in the cache.
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
	if err != nil || len(files) == 0 {
		t.Skipf("no kernel with symbols in %s; 'uetest kernel path --symbols rfc' builds one, UETEST_TEST_SYMBOLS names another", cache)
	}
	return slices.MaxFunc(files, func(a, b string) int {
		return cmp.Compare(modified(t, a), modified(t, b))
	})
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
	args := []string{"-fiae", file}
	for _, a := range addrs {
		args = append(args, fmt.Sprintf("%#x", a))
	}
	out, err := exec.Command(tool, args...).Output()
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

// functions returns code symbols of the image that have a size.
func codeSymbols(m *Image) []symbol {
	var all []symbol
	m.symtab.each(func(name uint32, addr, size uint64) {
		if size > 0 {
			text := m.symtab.names[name:]
			all = append(all, symbol{string(text[:slices.Index(text, 0)]), addr, size})
		}
	})
	return all
}

// headerFault reports whether addr2line differs by a fault of its own: binutils
// 2.40 names the unit's file for a function of a header that was not inlined,
// where readelf -wL and gdb name the header. So gdb has the last word.
func headerFault(t *testing.T, m *Image, file string, pc uint64, got, want []Location) bool {
	t.Helper()
	gdb, err := exec.LookPath("gdb")
	if err != nil || len(got) != 1 || len(want) != 1 {
		return false
	}
	own, _ := m.unitAt(pc).entry.Val(dwarf.AttrName).(string)
	if got[0].Function != want[0].Function || got[0].Line != want[0].Line || want[0].File != path.Clean(own) {
		return false
	}
	out, err := exec.Command(gdb, "-batch", "-nx", "-ex", fmt.Sprintf("info line *%#x", pc), file).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.HasPrefix(string(out), fmt.Sprintf("Line %d of %q starts at", got[0].Line, got[0].File))
}

// samples is how many addresses are compared.
var samples = 200

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
	inlined, deepest := 0, 0
	for i, want := range addr2line(t, file, addrs) {
		got := m.at(addrs[i], names[i])
		if !slices.Equal(got, want) && !headerFault(t, m, file, addrs[i], got, want) {
			t.Errorf("%#x in %s:\ngot  %v\nwant %v", addrs[i], names[i], got, want)
		}
		if len(got) > 1 {
			inlined++
			deepest = max(deepest, len(got))
		}
	}
	t.Logf("%d of %d addresses are of inlined functions, up to %d deep", inlined, len(addrs), deepest)
	if inlined == 0 {
		t.Error("no address was of an inlined function")
	}
}

package symbols

import (
	"bytes"
	"cmp"
	"debug/elf"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// compile makes an executable of testdata/kernel, as a kernel's build that is
// told an absolute path would: the sources in a directory that has no business
// in a report.
func compile(t *testing.T, flags ...string) string {
	t.Helper()
	gcc, err := exec.LookPath("gcc")
	if err != nil {
		t.Skip("needs gcc: ", err)
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/kernel")); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "vmlinux")
	args := append([]string{"-O2", "-fno-pie", "-fcf-protection=none", "-fno-asynchronous-unwind-tables", "-ffreestanding", "-o", out}, flags...)
	args = append(args, "-nostdlib", "-static", "-no-pie", "-Wl,-e,kernel_init", filepath.Join(dir, "init/main.c"), filepath.Join(dir, "lib/list.c"))
	if msg, err := exec.Command(gcc, args...).CombinedOutput(); err != nil {
		t.Fatalf("gcc %s: %v\n%s", strings.Join(args, " "), err, msg)
	}
	return out
}

// marked returns the line of a source file that has a mark.
func marked(t *testing.T, file, mark string) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata/kernel", file))
	if err != nil {
		t.Fatal(err)
	}
	for i, l := range strings.Split(string(text), "\n") {
		if strings.Contains(l, "/* "+mark+" */") {
			return i + 1
		}
	}
	t.Fatalf("no line of %s is marked %q", file, mark)
	return 0
}

// sizes returns the sizes of a function's namesakes, as the kernel prints them,
// in the order of the symbol table.
func sizes(m *Image, name string) []uint64 {
	var all []uint64
	for _, s := range m.symtab.named(name) {
		all = append(all, cmp.Or(m.symtab.extent(s.addr), s.size)) // 0: nothing comes behind
	}
	return all
}

// anywhere returns what Lookup says of each offset of a function, without
// repetition.
func anywhere(m *Image, name string, size uint64) [][]Location {
	var all [][]Location
	for off := range size {
		if l := m.Lookup(name, off, size); len(all) == 0 || !slices.Equal(l, all[len(all)-1]) {
			all = append(all, l)
		}
	}
	return all
}

func has(all [][]Location, want ...Location) bool {
	return slices.ContainsFunc(all, func(l []Location) bool { return slices.Equal(l, want) })
}

// Each way in which compilers write down the same.
var forms = [][]string{
	{"-g", "-gdwarf-4"},
	{"-g", "-gdwarf-5"},
	{"-g", "-gdwarf-4", "-gz"},
	{"-g", "-gdwarf-5", "-gno-inline-points", "-ffunction-sections"},
	{"-g", "-gdwarf-5", "-flto", "-ffat-lto-objects"},
}

func eachForm(t *testing.T, f func(t *testing.T, file string, m *Image)) {
	for _, flags := range forms {
		t.Run(strings.Join(flags, ""), func(t *testing.T) {
			file := compile(t, flags...)
			f(t, file, open(t, file))
		})
	}
}

func TestEveryAddressIsThatOfAddr2line(t *testing.T) {
	eachForm(t, func(t *testing.T, file string, m *Image) {
		var addrs []uint64
		var names []string
		for _, s := range codeSymbols(m) {
			for off := range s.size {
				addrs, names = append(addrs, s.addr+off), append(names, s.name)
			}
		}
		dir := filepath.Dir(file) + "/"
		for i, want := range addr2line(t, file, addrs) {
			got := m.locate(addrs[i], names[i])
			for k := range want {
				want[k].File = strings.TrimPrefix(want[k].File, dir)
				// With LTO binutils 2.40 names the unit, which is of no file.
				if strings.HasSuffix(want[k].File, "<artificial>") && k < len(got) {
					want[k].File = got[k].File
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("%#x in %s:\ngot  %+v\nwant %+v", addrs[i], names[i], got, want)
			}
		}
	})
}

func TestInlinedFunctionsComeInnermostFirst(t *testing.T) {
	eachForm(t, func(t *testing.T, _ string, m *Image) {
		size := sizes(m, "kernel_init")[0]
		all := anywhere(m, "kernel_init", size)
		want := []Location{
			{"innermost", "include/list.h", marked(t, "include/list.h", "in innermost"), true},
			{"middle", "include/list.h", marked(t, "include/list.h", "in middle"), true},
			{"kernel_init", "init/main.c", marked(t, "init/main.c", "in kernel_init"), false},
		}
		if !has(all, want...) {
			t.Errorf("no offset of kernel_init is %v:\n%+v", want, all)
		}
		want[2] = Location{"in_list", "lib/list.c", marked(t, "lib/list.c", "in in_list"), false}
		for _, size := range sizes(m, "in_list") { // none if LTO inlined it
			if all := anywhere(m, "in_list", size); !has(all, want...) {
				t.Errorf("no offset of in_list is %v:\n%+v", want, all)
			}
		}
	})
}

func TestSizeTellsFunctionsOfOneNameApart(t *testing.T) {
	m := open(t, compile(t, "-g"))
	twice := sizes(m, "twice")
	if len(twice) != 2 || twice[0] == twice[1] {
		t.Fatalf("the sizes of twice are %d", twice)
	}
	long := Location{"twice", "init/main.c", marked(t, "init/main.c", "in main's twice"), false}
	short := Location{"twice", "lib/list.c", marked(t, "lib/list.c", "in list's twice"), false}
	for _, size := range twice {
		all := anywhere(m, "twice", size)
		if has(all, long) == has(all, short) || has(all, long) != (size == max(twice[0], twice[1])) {
			t.Errorf("twice of %d bytes: %+v", size, all)
		}
	}
	same := sizes(m, "same")
	if len(same) != 2 || same[0] != same[1] {
		t.Fatalf("the sizes of same are %d", same)
	}
	for _, tt := range []struct {
		function     string
		offset, size uint64
		why          string
	}{
		{"same", 0, same[0], "two of one name and size"},
		{"twice", 0, 0, "two of one name, and the size is not known"},
		{"twice", twice[0] + 1, twice[0], "an offset behind the end"},
		{"kernel_init", 0, 0x10000, "a size that shows another kernel"},
		{"kernel_init", 0, 1, "a size that shows another kernel"},
		{"nosuch", 0, 0x20, "no such function"},
		{"word", 0, 4, "not a function"},
		{"", 0, 0, "no name"},
	} {
		if l := m.Lookup(tt.function, tt.offset, tt.size); l != nil {
			t.Errorf("%s+%#x/%#x, %s: %v", tt.function, tt.offset, tt.size, tt.why, l)
		}
	}
}

func TestPartsOfAFunctionAreOfIt(t *testing.T) {
	m := open(t, compile(t, "-g"))
	for _, tt := range []struct{ symbol, function, mark string }{
		{"split.cold", "split", "in split's cold part"},
		{"shrunk.isra.0", "shrunk", "in shrunk"},
		{"shrunk", "shrunk", "in shrunk"}, // a kernel that prints names without suffix
	} {
		all := m.symtab.named(tt.symbol)
		if len(all) != 1 {
			t.Fatalf("%s: got symbols %+v; this gcc splits functions otherwise", tt.symbol, all)
		}
		want := Location{tt.function, "init/main.c", marked(t, "init/main.c", tt.mark), false}
		if all := anywhere(m, tt.symbol, m.symtab.extent(all[0].addr)); !has(all, want) {
			t.Errorf("no offset of %s is %v: %+v", tt.symbol, want, all)
		}
	}
}

// What a call returns to is of the line behind it, or of the next function.
func TestReturnIsTheLineOfTheCall(t *testing.T) {
	file := compile(t, "-g")
	m := open(t, file)
	f, err := elf.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if f.Machine != elf.EM_X86_64 {
		t.Skip("looks for the call by its x86 code; this gcc makes ", f.Machine)
	}
	at, to := m.symtab.named("kernel_init")[0], m.symtab.named("stop")[0]
	code := make([]byte, at.size)
	text := f.Section(".text")
	if _, err := text.ReadAt(code, int64(at.addr-text.Addr)); err != nil {
		t.Fatal(err)
	}
	size := m.symtab.extent(at.addr)
	want := marked(t, "init/main.c", "the last of kernel_init")
	for i := range len(code) - 4 {
		next := uint64(i + 5)
		if code[i] == 0xe8 && at.addr+next+uint64(int32(binary.LittleEndian.Uint32(code[i+1:]))) == to.addr {
			l := m.Return("kernel_init", next, size)
			if len(l) != 1 || l[0].Line != want || l[0].Function != "kernel_init" {
				t.Errorf("the call is in line %d, Return says %+v", want, l)
			}
			if l := m.Lookup("kernel_init", next, size); len(l) == 1 && l[0].Line == want {
				t.Errorf("what it returns to is of the same line: the test shows nothing")
			}
			return
		}
	}
	t.Fatal("kernel_init does not call stop")
}

// Go's own compiler is a cross-compiler that every test has.
func TestOtherMachines(t *testing.T) {
	if testing.Short() {
		t.Skip("builds Go's runtime for other machines; not with -short")
	}
	const source = `package main

func inner(v int) int {
	println(v) // line 4
	return v + 1
}

//go:noinline
func outer(v int) int {
	return inner(v) * 2 // line 10
}

func main() { println(outer(3)) }
`
	for _, arch := range []string{"arm64", "riscv64", "ppc64"} {
		t.Run(arch, func(t *testing.T) {
			dir := t.TempDir()
			file := filepath.Join(dir, "main.go")
			if err := os.WriteFile(file, []byte(source), 0o644); err != nil {
				t.Fatal(err)
			}
			out := filepath.Join(dir, "main")
			cmd := exec.Command("go", "build", "-o", out, file)
			cmd.Env = append(os.Environ(), "GOOS=linux", "CGO_ENABLED=0", "GOARCH="+arch)
			if msg, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, msg)
			}
			m := open(t, out)
			all := anywhere(m, "main.outer", sizes(m, "main.outer")[0])
			if !has(all, Location{"main.inner", file, 4, true}, Location{"main.outer", file, 10, false}) {
				t.Errorf("got %+v", all)
			}
		})
	}
}

func TestOpenSaysWhatIsMissing(t *testing.T) {
	plain, symbols := compile(t, "-s"), compile(t, "-g0")
	dir := t.TempDir()
	text := filepath.Join(dir, "System.map")
	if err := os.WriteFile(text, []byte("ffffffff81000000 T _text\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	object := filepath.Join(dir, "main.o")
	if msg, err := exec.Command("gcc", "-g", "-c", "-o", object, "testdata/kernel/init/main.c").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, msg)
	}
	cut := filepath.Join(dir, "cut")
	whole, err := os.ReadFile(compile(t, "-g"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(cut, whole[:len(whole)/2], 0o644); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		file string
		is   error
		says string
	}{
		{filepath.Join(dir, "nosuch"), fs.ErrNotExist, "no such file"},
		{dir, nil, "no regular file"},
		{text, nil, "expected an ELF image"},
		{object, nil, "expected a linked image"},
		{plain, ErrNoSymbols, "stripped"},
		{symbols, ErrNoDWARF, "CONFIG_DEBUG_INFO"},
		{cut, nil, ""},
	} {
		m, err := Open(tt.file)
		if err == nil {
			m.Close()
			t.Errorf("%s: no error", tt.file)
			continue
		}
		if tt.is != nil && !errors.Is(err, tt.is) || !strings.Contains(err.Error(), tt.says) || !strings.Contains(err.Error(), tt.file) {
			t.Errorf("%s: got %q, want one that says %q", tt.file, err, tt.says)
		}
	}
}

// Whatever a file holds, it costs the line and nothing else.
func TestDamagedImagesDoNotPanic(t *testing.T) {
	whole, err := os.ReadFile(compile(t, "-g"))
	if err != nil {
		t.Fatal(err)
	}
	step := 7
	if testing.Short() {
		step = 37
	}
	for i := 0; i < len(whole); i += step {
		data := bytes.Clone(whole)
		data[i] ^= 0xff
		m, err := newImage(data)
		if err != nil {
			continue
		}
		for _, name := range []string{"kernel_init", "in_list", "split.cold"} {
			m.Lookup(name, 5, 0)
		}
	}
}

package uapi

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"unsafe"
)

// headers are the structs as the headers of each generation declare them.
var headers = map[Generation]string{
	G0: `struct user_reg {
	__u32 size;
	__u64 name_args;
	__u32 status_bit;
	__u32 write_index;
} __attribute__((__packed__));`,
	G1: `struct user_reg {
	__u32 size;
	__u32 enable_bit : 5, __reserved : 27;
	__u64 enable_addr;
	__u64 name_args;
	__u32 write_index;
} __attribute__((__packed__));`,
	G3: `struct user_reg {
	__u32 size;
	__u8 enable_bit;
	__u8 enable_size;
	__u16 flags;
	__u64 enable_addr;
	__u64 name_args;
	__u32 write_index;
} __attribute__((__packed__));
struct user_unreg {
	__u32 size;
	__u8 disable_bit;
	__u8 __reserved;
	__u16 __reserved2;
	__u64 disable_addr;
} __attribute__((__packed__));`,
}

const preamble = `#include <stddef.h>
#include <string.h>
#include <linux/types.h>
#include <linux/ioctl.h>
`

func (l Layout) fields() map[string]int {
	return map[string]int{
		"enable_size": l.EnableSize, "flags": l.Flags, "enable_addr": l.EnableAddr,
		"name_args": l.NameArgs, "status_bit": l.StatusBit, "write_index": l.WriteIndex,
	}
}

// compile lets the C compiler check the assertions.
func compile(t *testing.T, source string, flags ...string) {
	t.Helper()
	cc, err := exec.LookPath("cc")
	if err != nil {
		t.Skip("no C compiler: install gcc")
	}
	file := filepath.Join(t.TempDir(), "layout.c")
	if err := os.WriteFile(file, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(cc, append(flags, "-fsyntax-only", file)...).CombinedOutput(); err != nil {
		t.Errorf("cc disagrees: %v\n%s\n%s", err, out, source)
	}
}

// preamble32 does without the headers of a 32-bit C library.
const preamble32 = `#include <stddef.h>
typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef unsigned long long __u64;
`

func TestLayoutsAreThoseOfTheCompiler(t *testing.T) { compareLayouts(t, preamble) }

// A __u64 is aligned to 4 there, but the structs are packed: nothing moves.
func TestLayoutsAreThoseOfA32BitCompiler(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("the C compiler of this machine has no -m32")
	}
	compareLayouts(t, preamble32+"_Static_assert(_Alignof(struct { __u64 a; }) == 4, \"this compiler is for 64 bits\");\n", "-m32")
}

func compareLayouts(t *testing.T, preamble string, flags ...string) {
	for g, header := range headers {
		t.Run(string(g), func(t *testing.T) {
			l := g.Layout()
			var c strings.Builder
			fmt.Fprintf(&c, "%s%s\n_Static_assert(sizeof(struct user_reg) == %d, \"size\");\n", preamble, header, l.Size)
			for name, offset := range l.fields() {
				has := strings.Contains(header, name+";")
				if has != (offset != absent) {
					t.Errorf("%s: in the header: %v, offset %d", name, has, offset)
				}
				if has {
					fmt.Fprintf(&c, "_Static_assert(offsetof(struct user_reg, %s) == %d, %q);\n", name, offset, name)
				}
			}
			if g == G3 {
				u := Unreg{}
				fmt.Fprintf(&c, "_Static_assert(offsetof(struct user_reg, enable_bit) == %d, \"enable_bit\");\n", l.EnableBit)
				fmt.Fprintf(&c, "_Static_assert(sizeof(struct user_unreg) == %d, \"unreg\");\n", UnregSize)
				fmt.Fprintf(&c, "_Static_assert(offsetof(struct user_unreg, disable_bit) == %d, \"disable_bit\");\n", unsafe.Offsetof(u.DisableBit))
				fmt.Fprintf(&c, "_Static_assert(offsetof(struct user_unreg, disable_addr) == %d, \"disable_addr\");\n", unsafe.Offsetof(u.DisableAddr))
			}
			compile(t, c.String(), flags...)
		})
	}
}

func TestIoctlNumbersAreThoseOfTheMacros(t *testing.T) {
	if pointerSize != 8 {
		t.Skip("the machine's C compiler is one of 64 bits")
	}
	compile(t, preamble+headers[G3]+fmt.Sprintf(`
_Static_assert(_IOWR('*', 0, struct user_reg*) == %#xu, "reg");
_Static_assert(_IOW('*', 1, char*) == %#xu, "del");
_Static_assert(_IOW('*', 2, struct user_unreg*) == %#xu, "unreg");
`, IocReg, IocDel, IocUnreg))
	for _, c := range []struct {
		name      string
		got, want uintptr
	}{
		{"REG", IocReg, 0xC0082A00}, {"DEL", IocDel, 0x40082A01}, {"UNREG", IocUnreg, 0x40082A02},
		{"REG of 32 bits", IOWR('*', 0, 4), 0xC0042A00},
	} {
		if c.got != c.want {
			t.Errorf("%s: got %#x, want %#x", c.name, c.got, c.want)
		}
	}
}

func TestPutWritesEachFieldWhereItLies(t *testing.T) {
	if !littleEndian {
		t.Skip("the bytes below are those of a little endian machine")
	}
	reg := Reg{
		EnableBit: 31, Reserved: 1, EnableSize: 4, Flags: 0x0201, StatusBit: 0x40,
		EnableAddr: 0x1112131415161718, NameArgs: 0x2122232425262728, WriteIndex: 7,
	}
	for _, c := range []struct {
		g    Generation
		want string
	}{
		{G0, "14000000 2827262524232221 40000000 07000000"},
		{G1, "1c000000 3f000000 1817161514131211 2827262524232221 07000000"},
		{G2, "1c000000 3f000000 1817161514131211 2827262524232221 07000000"},
		{G3, "1c000000 1f 04 0102 1817161514131211 2827262524232221 07000000"},
	} {
		l := c.g.Layout()
		b := bytes.Repeat([]byte{0xee}, RegSize+4)
		l.Put(b, reg)
		want, err := hex.DecodeString(strings.ReplaceAll(c.want, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(b[:l.Size], want) {
			t.Errorf("%s: got %x, want %x", c.g, b[:l.Size], want)
		}
		if tail := bytes.Repeat([]byte{0xee}, len(b)-l.Size); !bytes.Equal(b[l.Size:], tail) {
			t.Errorf("%s: wrote past the struct: %x", c.g, b[l.Size:])
		}
		index, bit := l.Outputs(b)
		if index != 7 || bit != map[bool]uint32{true: 0x40}[c.g.StatusPage()] {
			t.Errorf("%s: outputs %d, %#x", c.g, index, bit)
		}
	}
}

func TestPutKeepsAWrongSizeOnPurpose(t *testing.T) {
	var b [RegSize]byte
	layoutG1.Put(b[:], Reg{Size: 4097})
	if got := *(*uint32)(unsafe.Pointer(&b[0])); got != 4097 {
		t.Errorf("got size %d, want 4097", got)
	}
}

func TestBitFieldIsAllocatedFromTheEndTheMachineStartsWith(t *testing.T) {
	for _, c := range []struct {
		bit      uint8
		reserved uint32
		little   bool
		want     uint32
	}{
		{31, 0, true, 0x1f},
		{31, 0, false, 0xf8000000},
		{1, 1, true, 0x21},
		{1, 1, false, 0x08000001},
		{0, 1<<27 - 1, true, 0xffffffe0},
		{0, 1<<27 - 1, false, 0x07ffffff},
		{32, 0, true, 0},
	} {
		if got := bitField(c.bit, c.reserved, c.little); got != c.want {
			t.Errorf("bitField(%d, %#x, little %v): got %#x, want %#x", c.bit, c.reserved, c.little, got, c.want)
		}
	}
}

func TestProbeSaysWhatIsMissing(t *testing.T) {
	empty := t.TempDir()
	if _, err := Probe(empty); err == nil || !strings.Contains(err.Error(), "no tracefs") {
		t.Errorf("a folder that is no tracefs: %v", err)
	}
	if err := os.WriteFile(filepath.Join(empty, "trace"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if g, err := Probe(empty); g != None || err != nil {
		t.Errorf("tracefs without user_events: got %q, %v", g, err)
	}
	if err := os.WriteFile(filepath.Join(empty, DataFile), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	// An ordinary file answers ENOTTY to all three: no generation does.
	if _, err := Probe(empty); err == nil || !strings.Contains(err.Error(), "no known generation") {
		t.Errorf("a data file that is none: %v", err)
	}
}

func TestG2IsToldFromG1ByItsSymbol(t *testing.T) {
	const other = "ffffffff81000000 t user_event_enabler_write\n"
	for _, c := range []struct {
		kallsyms string
		want     Generation
		err      string
	}{
		{other, G1, ""},
		{other + "0000000000000000 t user_event_enabler_fault_fixup\n", G2, ""},
		{"ffffffff81000000 t user_event_enabler_fault_fixup.cold\n", G2, ""},
		{"ffffffff81000000 t user_event_enabler_fault_fixup\t[mod]\n", G2, ""},
		{"ffffffff81000000 t user_event_enabler_fault_fixup_old\n", G1, ""},
		{"ffffffff81000000 t my_user_event_enabler_fault_fixup\n", G1, ""},
		{"", None, "is empty"},
		{"0 t user_events_ioctl\n" + strings.Repeat("0 t other\n", 100) + "0 t user_event_enabler_fault_fixup\n", G2, ""},
		{"0 t user_event_enabler_fault_fixup\n" + strings.Repeat("0 t other\n", 2000) + "0 t user_events_ioctl\n", G2, ""},
	} {
		file := filepath.Join(t.TempDir(), "kallsyms")
		if err := os.WriteFile(file, []byte(c.kallsyms), 0o600); err != nil {
			t.Fatal(err)
		}
		g, err := refineG1(file)
		if g != c.want || (err != nil) != (c.err != "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%q: got %q, %v; want %q, %q", c.kallsyms, g, err, c.want, c.err)
		}
	}
	if _, err := refineG1(filepath.Join(t.TempDir(), "none")); err == nil || !strings.Contains(err.Error(), "CONFIG_KALLSYMS") {
		t.Errorf("without kallsyms: %v", err)
	}
}

func TestUnregIsLaidOutAsTheHeaderHasIt(t *testing.T) {
	b := bytes.Repeat([]byte{0xee}, int(UnregSize)+4)
	Unreg{DisableBit: 0x3f, Reserved: 0x01, Reserved2: 0x0203, DisableAddr: 0x1112131415161718}.Put(b)
	if littleEndian {
		want := "10000000" + "3f" + "01" + "0302" + "1817161514131211" + "eeeeeeee"
		if got := hex.EncodeToString(b); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	Unreg{Size: 4097}.Put(b)
	if got := *(*uint32)(unsafe.Pointer(&b[0])); got != 4097 {
		t.Errorf("got size %d, want 4097", got)
	}
}

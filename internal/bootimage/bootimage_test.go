package bootimage

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/ulikunitz/xz/lzma"

	"uetest/internal/blame"
)

// vmlinux is a kernel's ELF image that holds text: a segment to load, and the
// notes that are asked for.
func vmlinux(class byte, machine, kind uint16, text string, notes ...[]byte) []byte {
	const ehdr, phdr = 64, 56
	le := binary.LittleEndian
	note := bytes.Join(notes, nil)
	var b bytes.Buffer
	put := func(v any) { _ = binary.Write(&b, le, v) }
	b.WriteString("\x7fELF" + string(class) + "\x01\x01")
	b.Write(make([]byte, 9))
	put([]uint16{kind, machine})
	put(uint32(1))
	put([]uint64{0x100000, ehdr, 0})
	put(uint32(0))
	put([]uint16{ehdr, phdr, 2, 64, 0, 0})
	textAt, noteAt := uint64(ehdr+2*phdr), uint64(ehdr+2*phdr+len(text))
	put([]uint32{1, 7})
	put([]uint64{textAt, 0x100000, 0x100000, uint64(len(text)), uint64(len(text)), 1})
	put([]uint32{4, 4})
	put([]uint64{noteAt, 0, 0, uint64(len(note)), uint64(len(note)), 4})
	b.WriteString(text)
	b.Write(note)
	return b.Bytes()
}

// note is one of a PT_NOTE segment.
func note(owner string, kind uint32, desc []byte) []byte {
	b := binary.LittleEndian.AppendUint32(nil, uint32(len(owner)+1))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(desc)))
	b = binary.LittleEndian.AppendUint32(b, kind)
	pad := func(s []byte) []byte { return append(s, make([]byte, -len(s)&3)...) }
	b = append(b, pad(append([]byte(owner), 0))...)
	return append(b, pad(bytes.Clone(desc))...)
}

const testText = "%s Linux version %s\x00 Linux version 6.1.2-test+ (me@here) \x00user_events_data\x00"

var buildID = bytes.Repeat([]byte{0xab, 0xcd}, 10)

func testVmlinux(more string) []byte {
	return vmlinux(2, 62, 2, testText+more, note("Linux", 1, []byte("x")), note("GNU", 3, buildID), note("Xen", 18, make([]byte, 8)))
}

// bzImage is a bzImage with the payload.
func bzImage(payload []byte) []byte {
	const sectors = 2
	le := binary.LittleEndian
	body := append(make([]byte, 100), payload...) // the code that unpacks it
	body = append(body, make([]byte, -len(body)&(sysUnit-1))...)
	b := make([]byte, (sectors+1)*sector)
	copy(b, "MZ")
	b[setupSectsAt] = sectors
	le.PutUint32(b[syssizeAt:], uint32(len(body)/sysUnit))
	copy(b[bootFlagAt:], "\x55\xaa")
	copy(b[headerAt:], "HdrS")
	le.PutUint16(b[versionAt:], 0x020f)
	b[loadflagsAt] = loadedHigh
	le.PutUint16(b[xloadflagsAt:], kernel64)
	le.PutUint32(b[payloadOffsetAt:], 100)
	le.PutUint32(b[payloadLengthAt:], uint32(len(payload)))
	return append(b, body...)
}

func gz(data []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(data)
	_ = w.Close()
	return b.Bytes()
}

func zst(data []byte) []byte {
	w, err := zstd.NewWriter(nil)
	if err != nil {
		panic(err)
	}
	return w.EncodeAll(data, nil)
}

func lz4Legacy(data []byte) []byte {
	var b bytes.Buffer
	w := lz4.NewWriter(&b)
	if err := w.Apply(lz4.LegacyOption(true)); err != nil {
		panic(err)
	}
	_, _ = w.Write(data)
	_ = w.Close()
	return b.Bytes()
}

func lzmaAlone(data []byte) []byte {
	var b bytes.Buffer
	w, err := lzma.NewWriter(&b)
	if err != nil {
		panic(err)
	}
	_, _ = w.Write(data)
	_ = w.Close()
	return b.Bytes()
}

// sized appends the unpacked size, as the kernel's build does.
func sized(packed, data []byte) []byte {
	return binary.LittleEndian.AppendUint32(packed, uint32(len(data)))
}

func put(t testing.TB, data []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "kernel")
	if err := os.WriteFile(file, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

func ikconfig(text string) string { return "IKCFG_ST" + string(gz([]byte(text))) + "IKCFG_ED" }

func TestEachFormComesToTheSameVmlinux(t *testing.T) {
	plain := testVmlinux(ikconfig("CONFIG_X=y\n") + strings.Repeat("kernel code ", 20000))
	symbols := append(bytes.Clone(plain), make([]byte, 2*keptTail)...)
	image := make([]byte, 4096)
	copy(image[56:], "ARM\x64")
	copy(image[100:], testText)
	zboot := append(make([]byte, 64), gz(image)...)
	copy(zboot, "MZ\x00\x00zimg")
	binary.LittleEndian.PutUint32(zboot[8:], 64)
	binary.LittleEndian.PutUint32(zboot[12:], uint32(len(zboot)-64))
	for _, tt := range []struct {
		form, arch string
		data, boot []byte // boot nil: the file itself
	}{
		{"vmlinux", "x86_64", plain, nil},
		{"vmlinux with symbols", "x86_64", symbols, plain},
		{"vmlinux, gzip", "x86_64", gz(plain), plain},
		{"vmlinux, zstd", "x86_64", zst(plain), plain},
		{"vmlinux, lz4", "x86_64", lz4Legacy(plain), plain},
		{"vmlinux, lzma", "x86_64", lzmaAlone(plain), plain},
		{"bzImage, gzip", "x86_64", bzImage(gz(plain)), plain},
		{"bzImage, zstd", "x86_64", bzImage(sized(zst(plain), plain)), plain},
		{"bzImage, lz4", "x86_64", bzImage(sized(lz4Legacy(plain), plain)), plain},
		{"bzImage, lzma", "x86_64", bzImage(sized(lzmaAlone(plain), plain)), plain},
		{"bzImage, uncompressed", "x86_64", bzImage(plain), plain},
		{"bzImage, gzip, gzip", "x86_64", gz(bzImage(gz(plain))), plain},
		{"Image", "arm64", image, nil},
		{"Image, gzip", "arm64", gz(image), image},
		{"Image in an EFI program, gzip", "arm64", zboot, image},
	} {
		t.Run(tt.form, func(t *testing.T) {
			file, dir := put(t, tt.data), t.TempDir()
			for _, when := range []string{"first", "again"} {
				k, err := Open(t.Context(), dir, file, false)
				if err != nil {
					t.Fatal(err)
				}
				if k.Form != tt.form || k.Arch != tt.arch || k.Release != "6.1.2-test+" || !k.Has("user_events_data") || k.Has("virtio-ports") {
					t.Errorf("%s: %s for %s, release %q", when, k.Form, k.Arch, k.Release)
				}
				if (k.Boot == file) != (tt.boot == nil) {
					t.Errorf("%s: boots %s of %s", when, k.Boot, file)
				}
				got, err := os.ReadFile(k.Boot)
				if want := tt.boot; err != nil || want != nil && !bytes.Equal(got, want) {
					t.Errorf("%s: boots %d bytes, want %d (%v)", when, len(got), len(want), err)
				}
				if tt.arch != "x86_64" {
					continue
				}
				if text, ok := k.Config(); !ok || text != "CONFIG_X=y\n" {
					t.Errorf("%s: configuration %q, %v", when, text, ok)
				}
				if !k.PVH || k.BuildID != hex.EncodeToString(buildID) {
					t.Errorf("%s: PVH %v, build id %s", when, k.PVH, k.BuildID)
				}
			}
		})
	}
}

// A dry run writes nothing, and knows the path all the same.
func TestReadOnlyWritesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	file := put(t, bzImage(gz(testVmlinux(""))))
	k, err := Open(t.Context(), dir, file, true)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("the cache was made")
	}
	made, err := Open(t.Context(), dir, file, false)
	if err != nil || made.Boot != k.Boot {
		t.Errorf("it would be %s, it is %s (%v)", k.Boot, made.Boot, err)
	}
}

// A kernel that QEMU can't enter as vmlinux is booted as the bzImage that it is.
func TestBzImageWithoutPVHIsBootedItself(t *testing.T) {
	file := put(t, bzImage(gz(vmlinux(2, 62, 2, testText))))
	k, err := Open(t.Context(), t.TempDir(), file, false)
	if err != nil || k.PVH || k.Boot != file {
		t.Errorf("%+v, %v", k, err)
	}
}

func TestWhatIsNoKernelIsNamed(t *testing.T) {
	good := testVmlinux("")
	whole := bzImage(gz(good))
	change := func(data []byte, at int, to string) []byte {
		data = bytes.Clone(data)
		copy(data[at:], to)
		return data
	}
	padded := func(text string) []byte { return append([]byte(text), make([]byte, 1024)...) }
	for want, data := range map[string][]byte{
		"an empty file": {},
		"not a kernel":  []byte("hello"),
		"a bzImage that is cut off: 1600 bytes, its header says": whole[:1600],
		"cut off in its header":                                  whole[:0x210],
		"a kernel of 32 bits (bzImage)":                          change(whole, xloadflagsAt, "\x00\x00"),
		"a zImage: a kernel of 32 bits":                          change(whole, loadflagsAt, "\x00"),
		"before 2.08":                                            change(whole, versionAt, "\x00\x02"),
		"whose header is broken":                                 change(whole, payloadLengthAt, "\xff\xff\xff\x7f"),
		"packed in a way that is not known":                      change(whole, 3*sector+100, "??"),
		"compressed with gzip, is broken":                        change(whole, 3*sector+100+20, "????????"),
		"something else than a vmlinux in it":                    bzImage(gz([]byte("hello"))),
		"of 32 bits (386)":                                       vmlinux(1, 3, 2, testText),
		"an ELF image for S390":                                  vmlinux(2, 22, 2, testText),
		"an object file or a module":                             vmlinux(2, 62, 1, testText),
		"a core dump":                                            vmlinux(2, 62, 4, testText),
		"without anything to load":                               vmlinux(2, 62, 2, ""),
		"an ELF image that is cut off":                           good[:len(good)-100],
		"an ELF file that is broken or cut off at 20 bytes":      good[:20],
		"compressed with gzip, and broken":                       gz(good)[:100],
		"compressed with gzip: an initramfs":                     gz(padded("070701")),
		"compressed with xz, and broken":                         []byte("\xfd7zXZ\x00garbage"),
		"compressed with lzo, and broken: unexpected end":        []byte(lzopMagic),
		"an initramfs (cpio)":                                    padded("070701"),
		"a program for Windows or EFI":                           padded("MZ"),
		"a Debian package":                                       padded("!<arch>\n"),
		"that is for --config":                                   []byte("#\n# Automatically generated file; DO NOT EDIT.\n"),
		"a disk image (qcow2)":                                   padded("QFI\xfb"),
		"packed more than 3 times":                               gz(gz(gz(gz(gz(good))))),
		"a script":                                               []byte("#!/bin/sh\n"),
	} {
		_, err := Open(t.Context(), t.TempDir(), put(t, data), false)
		if err == nil || blame.Of(err) != blame.Usage || !strings.Contains(err.Error(), want) {
			t.Errorf("%v (%v), want %q", err, blame.Of(err), want)
		}
	}
	for want, file := range map[string]string{
		"no such file":                 filepath.Join(t.TempDir(), "nosuch"),
		"a directory; expected":        t.TempDir(),
		"not a regular file":           "/dev/null",
		"a program, not a kernel":      "/proc/self/exe",
		"a program, not a kernel; exp": "/bin/sh",
	} {
		if strings.HasPrefix(file, "/proc") { // the test may be a static program
			continue
		}
		_, err := Open(t.Context(), t.TempDir(), file, false)
		if err == nil || blame.Of(err) != blame.Usage || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v (%v), want %q", file, err, blame.Of(err), want)
		}
	}
}

func TestBuildIDOfSymbols(t *testing.T) {
	if id, err := BuildID("/proc/self/exe"); err != nil || id != "" && len(id)%2 != 0 {
		t.Errorf("%q, %v", id, err)
	}
	if _, err := BuildID(put(t, []byte("hello"))); err == nil {
		t.Error("text has a build id")
	}
}

func FuzzIdentify(f *testing.F) {
	plain := testVmlinux(ikconfig("CONFIG_X=y\n"))
	image := make([]byte, 200)
	copy(image[56:], "ARM\x64")
	zboot := append(make([]byte, 64), gz(image)...)
	copy(zboot, "MZ\x00\x00zimg@")
	for _, seed := range [][]byte{
		plain, gz(plain), zst(plain), lz4Legacy(plain), lzmaAlone(plain), image, zboot,
		bzImage(gz(plain)), bzImage(sized(zst(plain), plain)), bzImage(plain), gz(bzImage(gz(plain))),
		[]byte(lzopMagic), []byte("\xfd7zXZ\x00"), []byte("BZh9"), []byte("MZ"), {},
	} {
		f.Add(seed)
	}
	for _, name := range []string{"testdata/words.lzo", "testdata/words.xz"} {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		u, err := identify(data, 0)
		if err != nil {
			if u != nil || err.Error() == "" {
				t.Errorf("%+v with the error %q", u, err)
			}
			return
		}
		if len(u.kernel) == 0 || u.form == "" || len(u.kernel) > maxSize {
			t.Errorf("a kernel of %d bytes, %q", len(u.kernel), u.form)
		}
		if !isELF(u.kernel) {
			return
		}
		m, err := readELF(bytes.NewReader(u.kernel), int64(len(u.kernel)))
		if err != nil {
			return
		}
		k := &Kernel{}
		k.take(m)
		k.Config()
		if _, err := m.stripped(bytes.NewReader(u.kernel)); err != nil && m.end >= headerBytes {
			t.Error(err)
		}
	})
}

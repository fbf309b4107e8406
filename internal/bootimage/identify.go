package bootimage

import (
	"bytes"
	"crypto/sha256"
	"debug/pe"
	"encoding/binary"
	"encoding/hex"
	"strings"
)

// headSize is how much of a file tells what it is: an ISO image has its magic
// furthest in.
const headSize = 36 << 10

// unpacked is what a file comes to.
type unpacked struct {
	form   string // what it is, for people
	arch   string // empty if kernel is an ELF image, which says it itself
	kernel []byte // an ELF image, or what the machine boots as it is
	direct bool   // QEMU takes the file as it is
}

// maxDepth bounds how often something is packed into something.
const maxDepth = 3

// identify tells what data is and unpacks it to a kernel.
func identify(data []byte, depth int) (*unpacked, error) {
	switch {
	case depth > maxDepth:
		return nil, wrongf("packed more than %d times", maxDepth)
	case isELF(data):
		return &unpacked{form: "vmlinux", kernel: data}, nil
	case isBzImage(data):
		return readBzImage(data)
	case at(data, 4, "zimg"):
		return readZboot(data, depth)
	// Documentation/arm64/booting.rst, Documentation/riscv/boot-image-header.rst.
	case at(data, 56, "ARM\x64"):
		return &unpacked{form: "Image", arch: "arm64", kernel: data, direct: true}, nil
	case at(data, 56, "RSC\x05"):
		return &unpacked{form: "Image", arch: "riscv64", kernel: data, direct: true}, nil
	}
	if p, ok := packingOf(data); ok {
		inner, err := unpack(p, data)
		if err != nil {
			return nil, wrongf("compressed with %s, and broken: %v", p, err)
		}
		u, err := identify(inner, depth+1)
		if err != nil {
			return nil, wrongf("compressed with %s: %v", p, err)
		}
		u.form, u.direct = u.form+", "+string(p), false
		return u, nil
	}
	if kernel := uki(data); kernel != nil {
		u, err := identify(kernel, depth+1)
		if err != nil {
			return nil, wrongf("a unified kernel image: %v", err)
		}
		u.form, u.direct = u.form+" in a unified kernel image", false
		return u, nil
	}
	for _, f := range foreign {
		if at(data, f.at, f.magic) {
			return nil, wrongf("%s; %s", f.what, expected)
		}
	}
	return nil, wrongf("not a kernel; %s", expected)
}

const expected = "expected a vmlinux, a bzImage, an Image, or one of them compressed"

// foreign are files that are taken for kernels, by their magic.
var foreign = []struct {
	at          int
	magic, what string
}{
	{0, "070701", "an initramfs (cpio)"},
	{0, "070702", "an initramfs (cpio)"},
	{0, "070707", "a cpio archive"},
	{0, "MZ", "a program for Windows or EFI, without a kernel in it"},
	{0, "\x27\x05\x19\x56", "a U-Boot image; take what it was made of"},
	{0, "!<arch>\n", "a Debian package or a library; unpack it with dpkg-deb -x and name the file in boot/"},
	{0, "\xed\xab\xee\xdb", "an RPM package; unpack it and name the file in boot/ or lib/modules/"},
	{0, "QFI\xfb", "a disk image (qcow2)"},
	{0, "hsqs", "a file system (squashfs)"},
	{0, "#!", "a script"},
	{0, "#\n# Automatically generated file", "a configuration; that is for --config"},
	{36, "\x18\x28\x6f\x01", "an ARM kernel of 32 bits (zImage)"},
	{257, "ustar", "a tar archive; unpack it"},
	{510, "\x55\xaa", "a boot sector without a Linux kernel behind it"},
	{0x8001, "CD001", "a CD image (ISO 9660)"},
}

func at(data []byte, offset int, text string) bool {
	return len(data) >= offset+len(text) && string(data[offset:offset+len(text)]) == text
}

// Offsets in the header of a bzImage (Documentation/x86/boot.rst, "The Real-Mode
// Kernel Header").
const (
	setupSectsAt     = 0x1f1
	syssizeAt        = 0x1f4
	bootFlagAt       = 0x1fe
	headerAt         = 0x202
	versionAt        = 0x206
	loadflagsAt      = 0x211
	xloadflagsAt     = 0x236
	payloadOffsetAt  = 0x248
	payloadLengthAt  = 0x24c
	headerEnd        = 0x260
	payloadProtocol  = 0x0208 // the first with payload_offset
	xloadProtocol    = 0x020c // the first with xloadflags
	loadedHigh       = 1 << 0 // of loadflags: not a zImage
	kernel64         = 1 << 0 // of xloadflags: XLF_KERNEL_64
	sector           = 512
	sysUnit          = 16 // of syssize
	defaultSetupSect = 4
)

func isBzImage(data []byte) bool {
	return at(data, headerAt, "HdrS") && at(data, bootFlagAt, "\x55\xaa")
}

// readBzImage finds the vmlinux in a bzImage: compressed, between the setup code
// and what unpacks it.
func readBzImage(data []byte) (*unpacked, error) {
	if len(data) < headerEnd {
		return nil, wrongf("a bzImage that is cut off in its header")
	}
	le := binary.LittleEndian
	protocol := le.Uint16(data[versionAt:])
	if data[loadflagsAt]&loadedHigh == 0 {
		return nil, wrongf("a zImage: a kernel of 32 bits")
	}
	if protocol < payloadProtocol {
		return nil, wrongf("a bzImage of boot protocol %d.%02d, before 2.08: a kernel older than 2.6.26", protocol>>8, protocol&0xff)
	}
	if protocol < xloadProtocol || le.Uint16(data[xloadflagsAt:])&kernel64 == 0 {
		return nil, wrongf("a kernel of 32 bits (bzImage); the guest's programs need one of 64: CONFIG_64BIT=y")
	}
	setup := int64(data[setupSectsAt])
	if setup == 0 {
		setup = defaultSetupSect
	}
	start := (setup + 1) * sector
	if whole := start + int64(le.Uint32(data[syssizeAt:]))*sysUnit; int64(len(data)) < whole {
		return nil, wrongf("a bzImage that is cut off: %d bytes, its header says %d", len(data), whole)
	}
	from := start + int64(le.Uint32(data[payloadOffsetAt:]))
	end := from + int64(le.Uint32(data[payloadLengthAt:]))
	if from >= end || end > int64(len(data)) {
		return nil, wrongf("a bzImage whose header is broken: its payload is from byte %d to %d of %d", from, end, len(data))
	}
	kernel, p, err := payload(data[from:end])
	if err != nil {
		return nil, wrongf("a bzImage: %v", err)
	}
	if !isELF(kernel) {
		return nil, wrongf("a bzImage with something else than a vmlinux in it")
	}
	return &unpacked{form: "bzImage, " + p, kernel: kernel, direct: true}, nil
}

// payload unpacks what stands in a kernel that unpacks itself.
func payload(data []byte) ([]byte, string, error) {
	p, ok := packingOf(data)
	if !ok {
		if isELF(data) {
			return data, "uncompressed", nil
		}
		return nil, "", wrongf("its payload is packed in a way that is not known (it begins %x)", data[:min(len(data), 6)])
	}
	// The unpacked size follows, but of gzip, which has it anyway
	// (scripts/Makefile.lib, size_append).
	if p != gzipped && len(data) > 4 {
		if out, err := unpack(p, data[:len(data)-4]); err == nil {
			return out, string(p), nil
		}
	}
	out, err := unpack(p, data)
	if err != nil {
		return nil, "", wrongf("its payload, compressed with %s, is broken: %v", p, err)
	}
	return out, string(p), nil
}

// readZboot unpacks an EFI program that holds a compressed Image (vmlinuz.efi,
// drivers/firmware/efi/libstub/zboot-header.S).
func readZboot(data []byte, depth int) (*unpacked, error) {
	const offsetAt, sizeAt = 8, 12
	if len(data) < sizeAt+4 {
		return nil, wrongf("a compressed EFI kernel that is cut off in its header")
	}
	from := int64(binary.LittleEndian.Uint32(data[offsetAt:]))
	end := from + int64(binary.LittleEndian.Uint32(data[sizeAt:]))
	if from >= end || end > int64(len(data)) {
		return nil, wrongf("a compressed EFI kernel that is cut off: its payload is from byte %d to %d of %d", from, end, len(data))
	}
	inner, p, err := payload(data[from:end])
	if err != nil {
		return nil, wrongf("a compressed EFI kernel: %v", err)
	}
	u, err := identify(inner, depth+1)
	if err != nil {
		return nil, wrongf("a compressed EFI kernel: %v", err)
	}
	u.form, u.direct = u.form+" in an EFI program, "+p, false
	return u, nil
}

// uki returns the kernel in a unified kernel image, an EFI program with a section
// of that name (uki(5)), or nil.
func uki(data []byte) []byte {
	if !at(data, 0, "MZ") {
		return nil
	}
	f, err := pe.NewFile(bytes.NewReader(data))
	if err != nil {
		return nil
	}
	s := f.Section(".linux")
	if s == nil {
		return nil
	}
	from, end := int64(s.Offset), int64(s.Offset)+int64(s.Size)
	if from >= end || end > int64(len(data)) {
		return nil
	}
	return data[from:end]
}

func cacheKey(sum string) string {
	h := sha256.Sum256([]byte(strings.Join([]string{storeRecipe, sum}, "\n")))
	return hex.EncodeToString(h[:])[:32]
}

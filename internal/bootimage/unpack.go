package bootimage

import (
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/ulikunitz/xz/lzma"
	"github.com/xi2/xz"
)

// packing is how something is compressed: one of the ways that a kernel can be
// (init/Kconfig, "Kernel compression mode").
type packing string

const (
	gzipped packing = "gzip"
	xzed    packing = "xz"
	zstded  packing = "zstd"
	bzip2ed packing = "bzip2"
	lz4ed   packing = "lz4"
	lzoed   packing = "lzo"
	lzmaed  packing = "lzma"
)

// packings are told by how their data begins.
var packings = []struct {
	magic string
	is    packing
}{
	{"\x1f\x8b", gzipped},
	{"\xfd7zXZ\x00", xzed},
	{"\x28\xb5\x2f\xfd", zstded},
	{"BZh", bzip2ed},
	{"\x02\x21\x4c\x18", lz4ed}, // legacy frames, which are the kernel's
	{"\x04\x22\x4d\x18", lz4ed},
	{lzopMagic, lzoed},
	{"\x5d\x00\x00", lzmaed}, // properties lc=3 lp=0 pb=2 and a dictionary of 64 KiB or more
}

func packingOf(data []byte) (packing, bool) {
	for _, p := range packings {
		if at(data, 0, p.magic) {
			return p.is, true
		}
	}
	return "", false
}

// maxDictionary bounds the memory that the data can ask for; kernels have 128 MiB
// at most (zstd's --ultra -22).
const maxDictionary = 256 << 20

// unpack uncompresses data, up to maxSize.
func unpack(p packing, data []byte) (out []byte, err error) {
	in := bytes.NewReader(data)
	var r io.Reader
	switch p {
	case gzipped:
		var z *gzip.Reader
		if z, err = gzip.NewReader(in); err == nil {
			z.Multistream(false)
			r = z
		}
	case xzed:
		// This one knows the filter for x86 code that kernels are packed with.
		r, err = xz.NewReader(in, maxDictionary)
	case zstded:
		var z *zstd.Decoder
		z, err = zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxSize), zstd.WithDecoderMaxWindow(maxDictionary))
		if err == nil {
			defer z.Close()
			r = z
		}
	case bzip2ed:
		r = bzip2.NewReader(in)
	case lz4ed:
		r = lz4.NewReader(in)
	case lzoed:
		return unlzop(data)
	case lzmaed:
		r, err = lzma.ReaderConfig{DictCap: maxDictionary}.NewReader(in)
	}
	if err != nil {
		return nil, err
	}
	// The libraries are good, the data need not be.
	defer func() {
		if p := recover(); p != nil {
			out, err = nil, fmt.Errorf("it cannot be unpacked: %v", p)
		}
	}()
	out, err = io.ReadAll(io.LimitReader(r, maxSize+1))
	if err == nil && len(out) > maxSize {
		err = fmt.Errorf("it unpacks to more than %d MiB", maxSize>>20)
	}
	return out, err
}

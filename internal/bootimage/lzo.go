package bootimage

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// lzopMagic begins a file of lzop, which is how kernels are packed with LZO
// (lib/decompress_unlzo.c).
const lzopMagic = "\x89LZO\x00\r\n\x1a\n"

// Flags in the header of such a file.
const (
	lzopAdlerOut = 1 << 0 // a checksum of each unpacked block
	lzopAdlerIn  = 1 << 1 // of each packed one
	lzopCRCOut   = 1 << 8
	lzopCRCIn    = 1 << 9
	lzopFilter   = 1 << 11
)

// lzopVersion is the first with a method's level and times of 64 bits.
const lzopVersion = 0x0940

// maxLzoBlock is lzop's own limit.
const maxLzoBlock = 64 << 20

var errShort = errors.New("unexpected end")

// lzoReader takes numbers off data; it remembers that there were none left.
type lzoReader struct {
	data  []byte
	short bool
}

func (r *lzoReader) take(n int) []byte {
	if n > len(r.data) {
		r.data, r.short = nil, true
		return make([]byte, min(n, 16))
	}
	b := r.data[:n]
	r.data = r.data[n:]
	return b
}

func (r *lzoReader) u8() int     { return int(r.take(1)[0]) }
func (r *lzoReader) u16() int    { return int(binary.BigEndian.Uint16(r.take(2))) }
func (r *lzoReader) u32() uint32 { return binary.BigEndian.Uint32(r.take(4)) }

// unlzop unpacks a file of lzop. Its checksums are passed over: what is broken
// does not unpack to an ELF image, or does not boot.
func unlzop(data []byte) ([]byte, error) {
	r := &lzoReader{data: data}
	r.take(len(lzopMagic))
	version := r.u16()
	r.u16() // of the library
	if version >= lzopVersion {
		r.u16() // that is needed
	}
	method := r.u8()
	if version >= lzopVersion {
		r.u8() // level
	}
	flags := r.u32()
	if flags&lzopFilter != 0 {
		r.u32()
	}
	r.take(4 + 4) // mode, time
	if version >= lzopVersion {
		r.take(4)
	}
	r.take(r.u8()) // name
	r.u32()        // checksum of the header
	switch {
	case r.short:
		return nil, errShort
	case method < 1 || method > 3: // all of them are LZO1X
		return nil, fmt.Errorf("method %d of lzop is not known", method)
	}
	var out []byte
	for {
		size := r.u32()
		if r.short {
			return nil, errShort
		}
		if size == 0 {
			return out, nil
		}
		packed := r.u32()
		if size > maxLzoBlock || packed > size || len(out)+int(size) > maxSize {
			return nil, fmt.Errorf("a block of %d bytes in %d", size, packed)
		}
		for _, f := range []uint32{lzopAdlerOut, lzopCRCOut} {
			if flags&f != 0 {
				r.u32()
			}
		}
		if packed < size {
			for _, f := range []uint32{lzopAdlerIn, lzopCRCIn} {
				if flags&f != 0 {
					r.u32()
				}
			}
		}
		block := r.take(int(packed))
		if r.short {
			return nil, errShort
		}
		if packed == size {
			out = append(out, block...)
			continue
		}
		start := len(out)
		var err error
		if out, err = lzo1x(out, block, int(size)); err != nil {
			return nil, err
		}
		if len(out)-start != int(size) {
			return nil, fmt.Errorf("a block of %d bytes unpacks to %d", size, len(out)-start)
		}
	}
}

var errLzo = errors.New("a copy from before the beginning")

// lzo1x appends what a block unpacks to, at most size bytes
// (Documentation/staging/lzo.rst).
func lzo1x(out, block []byte, size int) ([]byte, error) {
	r := &lzoReader{data: block}
	start, limit := len(out), len(out)+size
	literals := func(n int) {
		if len(out)+n > limit {
			r.short = true
			return
		}
		if n > len(r.data) {
			r.short = true
			return
		}
		out = append(out, r.take(n)...)
	}
	// long is a length that did not fit its bits: zeros stand for 255 each.
	long := func(base int) int {
		n := base
		for {
			b := r.u8()
			if b != 0 || r.short || n > limit {
				return n + b
			}
			n += 255
		}
	}
	// state is how many literals came before: 0 to 3, or 4 for more.
	state := 0
	if len(block) > 0 && block[0] > 17 {
		n := r.u8() - 17
		literals(n)
		state = min(n, 4)
	}
	for !r.short {
		t := r.u8()
		if r.short {
			break
		}
		var n, distance, next int
		switch {
		case t < 16 && state == 0:
			if n = t + 3; t == 0 {
				n = long(15) + 3
			}
			literals(n)
			state = 4
			continue
		case t < 16 && state < 4:
			n, distance, next = 2, r.u8()<<2+t>>2+1, t&3
		case t < 16:
			n, distance, next = 3, r.u8()<<2+t>>2+2049, t&3
		case t >= 64:
			n, distance, next = t>>5+1, r.u8()<<3+t>>2&7+1, t&3
		case t >= 32:
			if n = t&31 + 2; n == 2 {
				n = long(31) + 2
			}
			d := r.u8() | r.u8()<<8
			distance, next = d>>2+1, d&3
		default:
			if n = t&7 + 2; n == 2 {
				n = long(7) + 2
			}
			d := r.u8() | r.u8()<<8
			if distance, next = (t&8)<<11+d>>2+16384, d&3; distance == 16384 { // the end
				if r.short {
					return nil, errShort
				}
				return out, nil
			}
		}
		if distance > len(out)-start {
			return nil, errLzo
		}
		if len(out)+n > limit {
			return nil, fmt.Errorf("more than the %d bytes that it says", size)
		}
		for range n { // it may overlap itself
			out = append(out, out[len(out)-distance])
		}
		literals(next)
		state = next
	}
	return nil, errShort
}

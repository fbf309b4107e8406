package symbols

import "encoding/binary"

// cursor reads numbers; what is not there sets bad and is 0.
type cursor struct {
	data  []byte
	order binary.ByteOrder
	read  int // bytes that were taken
	bad   bool
}

func (c *cursor) take(n uint64) []byte {
	if c.bad || n > uint64(len(c.data)) {
		c.bad = true
		return nil
	}
	b := c.data[:n]
	c.data, c.read = c.data[n:], c.read+int(n)
	return b
}

func (c *cursor) uint(size int) uint64 {
	b := c.take(uint64(size))
	switch {
	case b == nil:
		return 0
	case size == 1:
		return uint64(b[0])
	case size == 2:
		return uint64(c.order.Uint16(b))
	case size == 4:
		return uint64(c.order.Uint32(b))
	}
	return c.order.Uint64(b)
}

// part takes a part that begins with its length (DWARF 5, 7.4), and tells
// whether it is in the 64-bit format.
func (c *cursor) part() (part cursor, wide bool) {
	start := c.read
	n := c.uint(4)
	if wide = n == 0xffffffff; wide {
		n = c.uint(8)
	}
	begun := c.read - start
	return cursor{data: c.take(n), order: c.order, read: begun, bad: c.bad}, wide
}

// offset takes an offset into a section.
func (c *cursor) offset(wide bool) uint64 {
	if wide {
		return c.uint(8)
	}
	return c.uint(4)
}

// align skips to the next multiple of n.
func (c *cursor) align(n int) { c.take(uint64((n - c.read%n) % n)) }

func (c *cursor) uleb() uint64 {
	var v uint64
	for shift := 0; ; shift += 7 {
		b := c.uint(1)
		if shift < 64 {
			v |= b & 0x7f << shift
		}
		if b&0x80 == 0 {
			return v
		}
	}
}

package coverage

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// maxTraceLine is longer than any line of a trace: an address, at most 15 bytes
// in hexadecimal, and the instruction's text.
const maxTraceLine = 4 << 10

// ReadTrace reads what QEMU writes of the code that it translates (-d in_asm):
// a line an instruction that begins with its address, between lines of other
// kinds (disas.c, target_disas). It returns the addresses. The last line of a
// QEMU that was killed may be cut short, and does not count.
//
// A QEMU without a disassembler for the machine writes no addresses: that is an
// error if nothing but that is there.
func ReadTrace(r io.Reader) (map[uint64]bool, error) {
	addresses := map[uint64]bool{}
	blocks := 0
	in := bufio.NewReaderSize(r, maxTraceLine)
	for {
		line, err := in.ReadSlice('\n')
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			return nil, fmt.Errorf("not a trace: a line of more than %d bytes, %.40q", maxTraceLine, line)
		case errors.Is(err, io.EOF):
			if blocks > 0 && len(addresses) == 0 {
				return nil, errors.New("the trace has no addresses: this QEMU was built without a disassembler for the machine")
			}
			return addresses, nil
		case err != nil:
			return nil, err
		}
		if bytes.HasPrefix(line, []byte("IN:")) {
			blocks++
			continue
		}
		text, is := bytes.CutPrefix(line, []byte("0x"))
		end := bytes.IndexByte(text, ':')
		if !is || end < 0 {
			continue
		}
		if addr, err := strconv.ParseUint(string(text[:end]), 16, 64); err == nil {
			addresses[addr] = true
		}
	}
}

package vm

import (
	"bytes"
	"io"
	"os"
	"strings"
)

// tailBytes bounds what is read from the end of a console: more than the
// longest report of a kernel.
const tailBytes = 64 << 10

// ConsoleTail is the last n lines that the kernel has printed, without line
// ends; none if it has printed nothing, which is also what a kernel without a
// serial console looks like.
func (v *VM) ConsoleTail(n int) []string {
	lines := readTail(v.cfg.Console)
	return lines[max(0, len(lines)-n):]
}

// readTail reads the last lines of a console file. A file that is not there is
// a console that has nothing.
func readTail(path string) []string {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer func() { _ = f.Close() }()
	cut := false
	if info, err := f.Stat(); err == nil && info.Size() > tailBytes {
		_, err := f.Seek(-tailBytes, io.SeekEnd)
		cut = err == nil
	}
	b, _ := io.ReadAll(io.LimitReader(f, tailBytes))
	return splitLines(b, cut)
}

// splitLines splits what came over a serial line. If the front is cut off the
// first line is dropped, empty lines at the end are too.
func splitLines(b []byte, cut bool) []string {
	if _, rest, ok := bytes.Cut(b, []byte("\n")); cut && ok {
		b = rest
	}
	text := strings.TrimRight(strings.ReplaceAll(string(b), "\r", ""), "\n\x00")
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

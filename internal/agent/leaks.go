package agent

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"uetest/internal/wire"
)

const (
	// kmemleakFile is there with CONFIG_DEBUG_KMEMLEAK
	// (Documentation/dev-tools/kmemleak.rst).
	kmemleakFile = "/sys/kernel/debug/kmemleak"
	// leakAge is how old an object is before kmemleak calls it leaked
	// (MSECS_MIN_AGE, mm/kmemleak.c), with a jiffy or two on top.
	leakAge = 5*time.Second + 50*time.Millisecond
	// maxLeaks bounds how many leaked objects are told. What leaks in a loop
	// leaks from one place.
	maxLeaks = 200
	// maxLeakText bounds what is read of the file.
	maxLeakText = 1 << 20
)

// tracksLeaks reports whether the kernel keeps track of what it allocates.
func tracksLeaks() bool {
	_, err := os.Stat(kmemleakFile)
	return err == nil
}

// scan answers the host that wants to know what has leaked: each object in a
// message of its own.
func (c Config) scan(s *stream, kmsg *kernelLog) {
	time.Sleep(leakAge)
	text, err := leaks(kmemleakFile)
	kmsg.drain(drainLimit)
	if err != nil {
		s.send(wire.Message{Kind: wire.Log, Text: "leaks: " + err.Error()})
	}
	objects := splitLeaks(text)
	for _, object := range objects[:min(len(objects), maxLeaks)] {
		s.send(wire.Message{Kind: wire.Leak, Text: object, At: sinceBoot()})
	}
	if more := len(objects) - maxLeaks; more > 0 {
		s.send(wire.Message{Kind: wire.Log, Text: fmt.Sprintf("leaks: %d more objects than the %d that are told", more, maxLeaks)})
	}
	s.send(wire.Message{Kind: wire.Scanned, At: sinceBoot()})
}

// leaks has the kernel scan its memory and returns what it found. An object is
// leaked if nothing points to it in two scans between which it has not changed
// (update_checksum, mm/kmemleak.c): the first scan finds nothing.
func leaks(file string) (string, error) {
	for range 2 {
		f, err := os.OpenFile(file, os.O_WRONLY, 0)
		if err != nil {
			return "", err
		}
		_, err = f.WriteString("scan")
		if err := errors.Join(err, f.Close()); err != nil {
			return "", fmt.Errorf("kmemleak does not scan; it may have run out of memory and given up: %w", err)
		}
	}
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }() // read only
	text, err := io.ReadAll(io.LimitReader(f, maxLeakText))
	return string(text), err
}

// splitLeaks takes the file apart, an object each (print_unreferenced,
// mm/kmemleak.c).
func splitLeaks(text string) []string {
	var objects []string
	for line := range strings.Lines(text) {
		switch n := len(objects); {
		case strings.HasPrefix(line, "unreferenced object "):
			objects = append(objects, line)
		case n > 0:
			objects[n-1] += line
		}
	}
	return objects
}

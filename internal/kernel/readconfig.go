package kernel

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"uetest/internal/blame"
)

// maxConfigFile bounds a configuration; a distribution's has 260 kB.
const maxConfigFile = 8 << 20

// TreeConfig reads the .config of a tree, for Spec.Config. It may be one that a
// build in the tree has left; the tree is not written to.
func TreeConfig(dir string) (Fragment, error) {
	file := filepath.Join(dir, ".config")
	f, err := ReadConfig(file)
	if errors.Is(err, fs.ErrNotExist) {
		err = blame.On(blame.Usage, fmt.Errorf("%s: %w; make one there (make defconfig), or name one of another place", file, fs.ErrNotExist))
	}
	return f, err
}

// ReadConfig reads a whole configuration, compressed or not (/proc/config.gz), for
// Spec.Config. The error is the user's.
func ReadConfig(file string) (Fragment, error) {
	wrong := func(format string, args ...any) (Fragment, error) {
		return Fragment{}, blame.On(blame.Usage, fmt.Errorf(format, args...))
	}
	data, err := readLimited(file)
	if err != nil {
		return wrong("%w", err)
	}
	if bytes.HasPrefix(data, []byte("\x1f\x8b")) {
		z, err := gzip.NewReader(bytes.NewReader(data))
		if err == nil {
			data, err = io.ReadAll(io.LimitReader(z, maxConfigFile))
		}
		if err != nil {
			return wrong("%s: %w", file, err)
		}
	}
	if len(data) == maxConfigFile {
		return wrong("%s: more than %d MiB, too large for a configuration", file, maxConfigFile>>20)
	}
	n := 0
	for line := range bytes.Lines(data) {
		if _, _, ok := parseSetting(string(bytes.TrimSpace(line))); ok {
			n++
		}
	}
	if n == 0 {
		return wrong("%s: not a kernel's configuration: no line of it is CONFIG_NAME=value", file)
	}
	// Of one file there is one build directory, whichever way it is named.
	name, err := filepath.Abs(file)
	if err != nil {
		return wrong("%w", err)
	}
	return Fragment{Name: name, Text: string(data)}, nil
}

func readLimited(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // read only
	return io.ReadAll(io.LimitReader(f, maxConfigFile))
}

// Options reads a .config. The function that it returns gives the value of an
// option as the file has it, "n" if it is not set.
func Options(text string) func(name string) string { return parseConfig(text).get }

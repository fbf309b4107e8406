package patch

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// packed names the compressed forms that are not read, by their first bytes.
var packed = []struct{ magic, name, command string }{
	{"\xfd7zXZ\x00", "xz", "xz -d"},
	{"\x28\xb5\x2f\xfd", "zstd", "zstd -d"},
	{"BZh", "bzip2", "bzip2 -d"},
	{"PK\x03\x04", "zip", "unzip"},
}

// openText returns the text of a patch file: unpacked if it is compressed with
// gzip, as the t.mbox.gz of an archive is, and without a byte order mark.
func openText(name string, data []byte) (string, error) {
	fail := func(line int, err error) (string, error) {
		return "", &Error{Name: name, Line: line, Err: err}
	}
	if len(data) > MaxPatch {
		return fail(0, fmt.Errorf("%w: %d bytes, the limit is %d", ErrTooBig, len(data), MaxPatch))
	}
	if bytes.HasPrefix(data, []byte("\x1f\x8b")) {
		var err error
		if data, err = gunzip(data); err != nil {
			return fail(0, err)
		}
	}
	for _, p := range packed {
		if bytes.HasPrefix(data, []byte(p.magic)) {
			return fail(0, fmt.Errorf("%w: it is compressed with %s, and uetest reads gzip; unpack it with %s", ErrMalformed, p.name, p.command))
		}
	}
	if bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")) {
		return fail(0, fmt.Errorf("%w: it is in UTF-16; save it as UTF-8, or with git format-patch -o DIR instead of >", ErrMalformed))
	}
	text := string(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")))
	if strings.TrimSpace(text) == "" {
		return fail(0, ErrEmpty)
	}
	if i := slices.Index([]byte(text), 0); i >= 0 {
		return fail(1+strings.Count(text[:i], "\n"), fmt.Errorf("%w: it holds a NUL byte", ErrMalformed))
	}
	return text, nil
}

func gunzip(data []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("%w: gzip: %v", ErrMalformed, err)
	}
	plain, err := io.ReadAll(io.LimitReader(r, MaxPatch+1))
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return nil, fmt.Errorf("%w: in its compressed text; fetch it again", ErrTruncated)
	case err != nil:
		return nil, fmt.Errorf("%w: gzip: %v", ErrMalformed, err)
	case len(plain) > MaxPatch:
		return nil, fmt.Errorf("%w: unpacked, the limit is %d bytes", ErrTooBig, MaxPatch)
	}
	return plain, nil
}

package cache

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// hashWhole is the SHA-256 of a file's content, as sha256sum(1) prints it.
func hashWhole(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// blockSize is the unit of hashBlocks: a multiple of any file system's block.
const blockSize = 64 << 10

// hashBlocks is a SHA-256 over the blocks of a file that are not all zeros, each
// with its offset before it, and the size. Holes are not read, and a copy that
// has zeros in their place has the same hash. Of a guest's memory four fifths
// are holes.
func hashBlocks(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	h := sha256.New()
	block := make([]byte, blockSize)
	for at := int64(0); at < info.Size(); {
		data, err := unix.Seek(int(f.Fd()), at, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) {
			break // a hole up to the end
		}
		if err != nil {
			return "", err
		}
		at = data / blockSize * blockSize
		end, err := unix.Seek(int(f.Fd()), data, unix.SEEK_HOLE)
		if err != nil {
			return "", err
		}
		for ; at < end; at += blockSize {
			n, err := f.ReadAt(block, at)
			if err != nil && err != io.EOF {
				return "", err
			}
			addBlock(h, at, block[:n])
		}
	}
	number(h, info.Size())
	return hex.EncodeToString(h.Sum(nil)), nil
}

var zeros [blockSize]byte

func addBlock(h hash.Hash, at int64, block []byte) {
	if bytes.Equal(block, zeros[:len(block)]) {
		return
	}
	number(h, at)
	h.Write(block)
}

func number(h hash.Hash, n int64) {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(n))
	h.Write(b[:])
}

// isSparse tells whether a quarter of a file or more is holes.
func isSparse(info fs.FileInfo) bool {
	st, ok := info.Sys().(*unixStat)
	return ok && info.Size() >= 16*blockSize && st.Blocks*512 < info.Size()/4*3
}

// describe returns what the manifest says of a file.
func (c *Cache) describe(name, final string) (File, error) {
	info, err := os.Stat(name)
	if err != nil {
		return File{}, err
	}
	f := File{Size: info.Size()}
	if isSparse(info) {
		f.Blocks, err = c.hashed(blocksQuestion, final, name, hashBlocks)
	} else {
		f.SHA256, err = c.hashed(wholeQuestion, final, name, hashWhole)
	}
	return f, err
}

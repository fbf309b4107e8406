package patch

import (
	"crypto/sha1"
	"encoding/hex"
	"hash"
	"strconv"
	"strings"
)

// BlobID returns the git blob id of data: 40 hexadecimal digits, the SHA-1 of
// "blob SIZE\x00" and the content (git's gitformat-loose(5)). It is what
// "git hash-object --no-filters" prints.
func BlobID(data []byte) string { return HashBlob(sha1.New(), data) }

// HashBlob is BlobID with the hash of the repository, which may be SHA-256.
func HashBlob(h hash.Hash, data []byte) string {
	h.Write(blobHeader(len(data)))
	h.Write(data)
	return hex.EncodeToString(h.Sum(nil))
}

func blobHeader(size int) []byte {
	return append(strconv.AppendInt([]byte("blob "), int64(size), 10), 0)
}

// SameBlob says whether two blob ids, either of which may be abbreviated, can
// be the same blob. An empty id is the same as none.
func SameBlob(a, b string) bool {
	if a == "" || b == "" {
		return false
	}
	if len(a) > len(b) {
		a, b = b, a
	}
	return strings.EqualFold(a, b[:len(a)])
}

// noBlob says whether id stands for a file that does not exist: git writes
// zeros for the missing side of a creation or a deletion.
func noBlob(id string) bool {
	return id != "" && strings.Trim(id, "0") == ""
}

package cache

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// memoFolder has what was found out about files: a note a question and path.
const memoFolder = "memo"

// separator stands between what a note is about and the answer.
const separator = "\n--\n"

// The questions that this package asks of a file.
const (
	wholeQuestion  = "sha256"
	blocksQuestion = "blocks"
	sizeQuestion   = "size"
)

type unixStat = syscall.Stat_t

// bootID tells boots apart: what was in memory when the machine crashed may
// never have come to the disk.
var bootID = sync.OnceValue(func() string {
	data, _ := os.ReadFile("/proc/sys/kernel/random/boot_id") // proc_sys_kernel(5); without proc, boots look alike
	return strings.TrimSpace(string(data))
})

// identity is everything of a file's status that changes when its content does.
func identity(info fs.FileInfo) string {
	st, ok := info.Sys().(*unixStat)
	if !ok {
		return ""
	}
	return fmt.Sprintf("%d:%d %d %d %d", st.Dev, st.Ino, st.Size, st.Mtim.Nano(), st.Ctim.Nano())
}

// The clock that stamps files ticks 100 times a second or more; that of some
// file systems, whose stamps are whole seconds, less than once.
const (
	fineClock   = 50 * time.Millisecond
	coarseClock = 3 * time.Second
)

// settled tells whether a change from now on would show in the file's status.
func settled(info fs.FileInfo, now time.Time) bool {
	st, ok := info.Sys().(*unixStat)
	if !ok {
		return false
	}
	changed := time.Unix(st.Ctim.Sec, st.Ctim.Nsec)
	limit := fineClock
	if changed.Nanosecond() == 0 {
		limit = coarseClock
	}
	return now.Sub(changed) > limit
}

// Memo returns what compute says of a file, and keeps it in the cache for as
// long as the file's status stays the same and the machine is not booted anew.
// what names the question.
func (c *Cache) Memo(what, file string, compute func() (string, error)) (string, error) {
	return c.memo(what, file, file, compute)
}

// FileHash is the SHA-256 of a file, hexadecimal, read only if the file is not
// the one it was.
func (c *Cache) FileHash(file string) (string, error) {
	return c.hashed(wholeQuestion, file, file, hashWhole)
}

// hashed is a hash of the file that is called now and will be called final.
func (c *Cache) hashed(what, final, now string, hash func(string) (string, error)) (string, error) {
	return c.memo(what, final, now, func() (string, error) { return hash(now) })
}

func (c *Cache) memo(what, final, now string, compute func() (string, error)) (string, error) {
	before := time.Now()
	info, err := os.Stat(now)
	if err != nil {
		return "", err
	}
	if final, err = filepath.Abs(final); err != nil {
		return "", err
	}
	id := identity(info)
	if answer, ok := c.recall(what, final, id); ok {
		return answer, nil
	}
	answer, err := compute()
	if err == nil && id != "" && settled(info, before) {
		c.remember(what, final, id, answer)
	}
	return answer, err
}

// note is the file with the answer to a question about a path.
func (c *Cache) note(what, path string) string {
	sum := sha256.Sum256([]byte(what + "\n" + path))
	return c.path(memoFolder, hex.EncodeToString(sum[:16]))
}

func about(what, path, id string) string {
	return what + "\n" + path + "\n" + bootID() + " " + id + separator
}

func (c *Cache) recall(what, path, id string) (string, bool) {
	data, err := os.ReadFile(c.note(what, path))
	if err != nil {
		return "", false
	}
	return strings.CutPrefix(string(data), about(what, path, id))
}

// remember writes a note. One that cannot be written costs time alone.
func (c *Cache) remember(what, path, id, answer string) {
	if c.readOnly {
		return
	}
	note := c.note(what, path)
	err := WriteFile(note, []byte(about(what, path, id)+answer))
	if errors.Is(err, fs.ErrNotExist) && os.MkdirAll(filepath.Dir(note), 0o777) == nil {
		_ = WriteFile(note, []byte(about(what, path, id)+answer))
	}
}

func (c *Cache) forget(what, path string) {
	if !c.readOnly {
		_ = os.Remove(c.note(what, path))
	}
}

// forgetGone removes the notes on files that are not there any more, and those
// that cannot be read as notes.
func (c *Cache) forgetGone() {
	names, err := os.ReadDir(c.path(memoFolder))
	if err != nil {
		return
	}
	for _, e := range names {
		note := c.path(memoFolder, e.Name())
		data, err := os.ReadFile(note)
		if err != nil || strings.HasPrefix(e.Name(), ".") {
			continue // another process is writing it
		}
		lines := strings.SplitN(string(data), "\n", 3)
		if len(lines) == 3 {
			if _, err := os.Lstat(lines[1]); !errors.Is(err, fs.ErrNotExist) {
				continue
			}
		}
		_ = os.Remove(note)
	}
}

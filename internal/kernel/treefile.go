package kernel

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"
)

// putFile writes a file of a tree in the cache under a temporary name and
// renames it: hard links to what was there keep their content, and the time of
// modification is now, so that make sees the change.
func putFile(root *os.Root, p string, data []byte, mode fs.FileMode) error {
	return put(root, p, func(tmp string) error {
		perm := fs.FileMode(0o644)
		if mode&0o100 != 0 {
			perm = 0o755
		}
		return root.WriteFile(tmp, data, perm)
	})
}

func putLink(root *os.Root, p, target string) error {
	return put(root, p, func(tmp string) error { return root.Symlink(target, tmp) })
}

func put(root *os.Root, p string, write func(tmp string) error) error {
	dir := path.Dir(p)
	if err := root.MkdirAll(dir, 0o777); err != nil {
		if !errors.Is(err, syscall.ENOTDIR) && !errors.Is(err, fs.ErrExist) {
			return err
		}
		// A file became a folder.
		if err := removeFileAbove(root, dir); err != nil {
			return err
		}
		if err := root.MkdirAll(dir, 0o777); err != nil {
			return err
		}
	}
	tmp := path.Join(dir, ".uetest-"+path.Base(p))
	if err := root.Remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := write(tmp); err != nil {
		_ = root.Remove(tmp)
		return err
	}
	if info, err := root.Lstat(p); err == nil && info.IsDir() { // a folder became a file
		if err := root.RemoveAll(p); err != nil {
			return err
		}
	}
	return root.Rename(tmp, p)
}

// removeFileAbove removes what stands where the folder dir has to be.
func removeFileAbove(root *os.Root, dir string) error {
	parts := strings.Split(dir, "/")
	for i := range parts {
		p := strings.Join(parts[:i+1], "/")
		if info, err := root.Lstat(p); err == nil && !info.IsDir() {
			return root.Remove(p)
		}
	}
	return nil
}

// removePath removes a file and the folders that are empty without it.
func removePath(root *os.Root, p string) error {
	if info, err := root.Lstat(p); err == nil && info.IsDir() { // it became a folder
		return nil
	}
	if err := root.Remove(p); err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) {
		return err
	}
	for dir := path.Dir(p); dir != "."; dir = path.Dir(dir) {
		if info, err := root.Lstat(dir); err == nil && !info.IsDir() { // it became a file
			break
		}
		if root.Remove(dir) != nil { // not empty
			break
		}
	}
	return nil
}

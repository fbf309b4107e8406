package initramfs

import (
	"bufio"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/u-root/mkuimage/cpio"
)

// skeleton is what every image has besides programs. The kernel opens
// /dev/console for init before anything is mounted (init/main.c,
// console_on_rootfs), and the Go runtime wants /dev/null.
var skeleton = []cpio.Record{
	cpio.Directory("bbin", 0o755),
	cpio.Directory("bin", 0o755),
	cpio.Directory("dev", 0o755),
	cpio.Directory("etc", 0o755),
	cpio.Directory("proc", 0o755),
	cpio.Directory("root", 0o700),
	cpio.Directory("run", 0o755),
	cpio.Directory("selftests", 0o755),
	cpio.Directory("sys", 0o755),
	cpio.Directory("tmp", 0o1777),
	cpio.CharDev("dev/console", 0o600, 5, 1),
	cpio.CharDev("dev/null", 0o666, 1, 3),
	cpio.Symlink("bin/sh", "../bbin/sh"),
	cpio.StaticFile("etc/group", "root:x:0:\nuser:x:1000:\n", 0o644),
	cpio.StaticFile("etc/hosts", "127.0.0.1 localhost uetest\n", 0o644),
	cpio.StaticFile("etc/passwd", "root:x:0:0::/root:/bin/sh\nuser:x:1000:1000::/tmp:/bin/sh\n", 0o644),
}

// zygoteFile is the program as which a guest waits for its first test
// (agent.Zygote), among those that it becomes: a test looks for others beside it.
const zygoteFile = "selftests/zygote"

// guestInode is the inode number that the names of the guest program share.
const guestInode = 1

// layout lists the records of the image, sorted, parents first. guest, twin and
// bb are the programs in it; twin only if in has one.
func layout(o Options, in inputs, guest, twin, bb string) ([]cpio.Record, error) {
	records := map[string]cpio.Record{}
	add := func(r cpio.Record) error {
		if _, ok := records[r.Name]; ok {
			return fmt.Errorf("/%s is in the image twice", r.Name)
		}
		records[r.Name] = r
		return nil
	}
	for _, r := range skeleton {
		if err := add(r); err != nil {
			return nil, err
		}
	}

	// One program, many names. Hard links and not symbolic ones: a test that
	// starts itself again through /proc/self/exe or os.Executable keeps its name.
	// The data comes with the first name in the archive; the kernel links the
	// others to it by inode number (maybe_link, init/initramfs.c).
	program, err := os.ReadFile(guest)
	if err != nil {
		return nil, err
	}
	names := []string{"init", zygoteFile}
	for _, a := range in.areas {
		names = append(names, "selftests/"+a.name)
	}
	slices.Sort(names)
	for i, name := range names {
		info := cpio.Info{Name: name, Mode: cpio.S_IFREG | 0o755, Ino: guestInode, NLink: uint64(len(names))}
		var data []byte
		if i == 0 {
			data = program
		}
		if err := add(cpio.StaticRecord(data, info)); err != nil {
			return nil, err
		}
	}

	if in.twin != "" {
		data, err := os.ReadFile(twin)
		if err != nil {
			return nil, err
		}
		dir := "selftests/" + twinDir
		if err := add(cpio.Directory(dir, 0o755)); err != nil {
			return nil, err
		}
		if err := add(cpio.StaticRecord(data, cpio.Info{Name: dir + "/" + in.twin, Mode: cpio.S_IFREG | 0o755})); err != nil {
			return nil, err
		}
	}

	shell, err := os.ReadFile(bb)
	if err != nil {
		return nil, err
	}
	if err := add(cpio.StaticRecord(shell, cpio.Info{Name: "bbin/bb", Mode: cpio.S_IFREG | 0o755})); err != nil {
		return nil, err
	}
	for _, c := range commands {
		if err := add(cpio.Symlink("bbin/"+path.Base(c), "bb")); err != nil {
			return nil, err
		}
	}

	for _, f := range o.Files {
		for dir := path.Dir(f.Path); dir != "."; dir = path.Dir(dir) {
			if _, ok := records[dir]; !ok {
				records[dir] = cpio.Directory(dir, 0o755)
			}
		}
		if err := add(cpio.StaticRecord(f.Data, cpio.Info{Name: f.Path, Mode: cpio.S_IFREG | uint64(f.Mode.Perm())})); err != nil {
			return nil, err
		}
	}

	sorted := make([]cpio.Record, 0, len(records))
	for _, r := range records {
		sorted = append(sorted, r)
	}
	slices.SortFunc(sorted, func(a, b cpio.Record) int { return strings.Compare(a.Name, b.Name) })
	// cpio.Record has times, owners and numbers of the file system it came from:
	// all are zero here, none came from one.
	return sorted, nil
}

// writeArchive writes the records to path in the format that the kernel reads
// (Documentation/driver-api/early-userspace/buffer-format.rst). It is not
// compressed: QEMU copies it in a few milliseconds, while the guest would
// decompress it for hundreds.
func writeArchive(path string, records []cpio.Record) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	defer func() {
		if e := f.Close(); err == nil {
			err = e
		}
	}()
	buf := bufio.NewWriterSize(f, 1<<20)
	w := cpio.Newc.Writer(buf)
	for _, r := range records {
		if err := w.WriteRecord(r); err != nil {
			return err
		}
	}
	if err := cpio.WriteTrailer(w); err != nil {
		return err
	}
	return buf.Flush()
}

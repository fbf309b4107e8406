package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize"
	"golang.org/x/sys/unix"

	"uetest/internal/cache"
	"uetest/internal/kernel"
	"uetest/internal/needs"
)

const (
	// guestMemory is what a guest has if nobody asks for more, in bytes
	// (docs/measured.md).
	guestMemory = 512 << 20
	// firstRun is what a first run puts on the disk: the kernel's source, a build,
	// Go's own caches; anotherBuild is a build directory with its image.
	firstRun, anotherBuild = 5e9, 0.5e9
)

// sources looks for what the kernels of the series are built of: the packages,
// or what was unpacked of them.
func (e *examiner) sources() {
	kernels := map[string][]string{}
	var order []string
	for _, k := range e.Series.Kernels {
		src := k.Source
		if src == "" {
			src = e.Series.Source
		}
		if kernels[src] == nil {
			order = append(order, src)
		}
		kernels[src] = append(kernels[src], k.Name)
	}
	for _, src := range order {
		f := Finding{Name: src, Level: Levels[needs.Main], State: OK}
		if src != e.Series.Source {
			f.Level, f.For = Levels[needs.Some], "--on "+strings.Join(kernels[src], ",")
		}
		unpacked := e.unpacked(src)
		if s, err := kernel.Package(src); err == nil {
			f.Found = s.Tarball
			if unpacked {
				f.Found += ", unpacked in the cache"
			}
		} else {
			f.State = Lacks
			f.Without = fmt.Sprintf("%s cannot be built; -C DIR takes a tree of your own", strings.Join(kernels[src], ", "))
			f.Get = []string{e.install(src)}
		}
		e.add(f)
	}
}

// unpacked tells whether the cache has a source of that name.
func (e *examiner) unpacked(src string) bool {
	dirs, err := filepath.Glob(filepath.Join(e.Cache, cache.Sources, src+"-*", "tree"))
	return err == nil && len(dirs) > 0
}

// root tells where the tests are.
func (e *examiner) root() {
	f := Finding{Name: "uetest's source", Level: Levels[needs.Main], State: OK, Found: e.Root}
	if e.RootErr != nil {
		f.State, f.Found = Lacks, firstLine(e.RootErr.Error())
		f.Without = "the guest's image, which holds the tests, cannot be made"
		f.Get = []string{"run scripts/uetest, or set UETEST_ROOT to the clone"}
	}
	e.add(f)
}

// machine is processors and memory.
func (e *examiner) machine() {
	f := Finding{Name: "processors", Level: HostLevel, State: OK, Found: strconv.Itoa(runtime.NumCPU())}
	if load, err := os.ReadFile("/proc/loadavg"); err == nil {
		one, _, _ := strings.Cut(string(load), " ")
		f.Found += ", load " + one
	}
	e.add(f)

	f = Finding{Name: "memory", Level: HostLevel, State: OK}
	total, free, err := readMemory("/proc/meminfo")
	switch {
	case err != nil:
		f.State, f.Found = Note, firstLine(err.Error())
	case free < guestMemory:
		f.Level, f.State = Levels[needs.Main], Lacks
		f.Found = fmt.Sprintf("%s, %s free", size(total), size(free))
		f.Without = "a guest has " + size(guestMemory)
		f.Get = []string{"end something that has memory"}
	default:
		f.Found = fmt.Sprintf("%s, %s free: room for %d guests of %s (-j)", size(total), size(free), free/guestMemory, size(guestMemory))
	}
	e.add(f)
}

var memoryLine = regexp.MustCompile(`(?m)^(MemTotal|MemAvailable): +(\d+) kB$`)

// readMemory reads meminfo, see proc(5).
func readMemory(file string) (total, free uint64, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, 0, err
	}
	for _, m := range memoryLine.FindAllStringSubmatch(string(text), -1) {
		kB, err := strconv.ParseUint(m[2], 10, 50)
		if err != nil {
			return 0, 0, fmt.Errorf("%s: %w", file, err)
		}
		if m[1] == "MemTotal" {
			total = kB << 10
		} else {
			free = kB << 10
		}
	}
	if total == 0 || free == 0 {
		return 0, 0, fmt.Errorf("%s: expected MemTotal and MemAvailable", file)
	}
	return total, free, nil
}

// disk compares what there is with what a run takes and the cache may take.
func (e *examiner) disk() {
	f := Finding{Name: "disk", Level: HostLevel, State: OK}
	dir, err := existing(e.Cache)
	var st unix.Statfs_t
	if err == nil {
		err = unix.Statfs(dir, &st)
	}
	if err == nil {
		err = unix.Access(dir, unix.W_OK)
	}
	if err != nil {
		f.Level, f.State, f.Found = Levels[needs.Main], Lacks, fmt.Sprintf("%s: %v", e.Cache, err)
		f.Without, f.Get = "there is no place for sources, kernels and runs", []string{"set UETEST_CACHE to a directory that you may write to"}
		e.add(f)
		return
	}
	free := st.Bavail * uint64(st.Bsize)
	f.Found = fmt.Sprintf("%s free at %s", size(free), e.Cache)
	need := uint64(firstRun)
	if e.unpacked(e.Series.Source) {
		need = anotherBuild
	}
	if free < need {
		f.Level, f.State = Levels[needs.Main], Lacks
		f.Without = fmt.Sprintf("a run takes some %s", size(need))
		f.Get = []string{"uetest clean --all, or set UETEST_CACHE to a directory with room"}
	}
	e.add(f)
	e.cache(free)
}

// cache says how full it is.
func (e *examiner) cache(free uint64) {
	f := Finding{Name: "cache", Level: HostLevel, State: OK, Found: "empty"}
	if _, err := os.Stat(e.Cache); errors.Is(err, fs.ErrNotExist) {
		e.add(f)
		return
	}
	items, err := e.list()
	if err != nil {
		f.State, f.Found = Note, firstLine(err.Error())
		e.add(f)
		return
	}
	var used, dead uint64
	var broken int
	for _, item := range items {
		used += uint64(item.Size)
		if item.State == cache.Leftover || item.State == cache.Damaged {
			broken++
			dead += uint64(item.Size)
		}
	}
	switch f.Found = size(used) + ", no limit"; {
	case e.Limit > 0 && uint64(e.Limit) > used+free:
		f.State = Note
		f.Found = fmt.Sprintf("%s of %s, more than the disk has room for", size(used), size(uint64(e.Limit)))
		f.Get = []string{"UETEST_CACHE_LIMIT=" + strings.ReplaceAll(size((used+free)/2), " ", "")}
	case e.Limit > 0:
		f.Found = fmt.Sprintf("%s of %s", size(used), size(uint64(e.Limit)))
	}
	e.add(f)
	if broken > 0 {
		e.add(Finding{Name: "cache's remains", Level: HostLevel, State: Note, Get: []string{"uetest clean"},
			Found: fmt.Sprintf("%d entries, %s, that killed runs have left or that are damaged", broken, size(dead))})
	}
}

func (e *examiner) list() ([]cache.Item, error) {
	c, err := cache.Open(e.Cache)
	if err != nil {
		return nil, err
	}
	return c.List()
}

// existing is the directory, or the first above that is there.
func existing(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) || dir == filepath.Dir(dir) {
			return dir, nil
		}
		dir = filepath.Dir(dir)
	}
}

func (e *examiner) terminal() {
	f := Finding{Name: "terminal", Level: HostLevel, State: OK, Found: e.Terminal}
	if e.Terminal == "" {
		f.Found = "none: progress is plain lines, and there is no colour"
	}
	e.add(f)
}

// describeHost is the distribution, the kernel and the architecture.
func describeHost() string {
	name := "an unknown distribution"
	if text, err := os.ReadFile("/etc/os-release"); err == nil { // os-release(5)
		if m := regexp.MustCompile(`(?m)^PRETTY_NAME="?(.*?)"?$`).FindSubmatch(text); m != nil {
			name = string(m[1])
		}
	}
	var u unix.Utsname
	if err := unix.Uname(&u); err == nil {
		name += ", Linux " + unix.ByteSliceToString(u.Release[:]) + ", " + unix.ByteSliceToString(u.Machine[:])
	}
	return name
}

func size(n uint64) string { return humanize.IBytes(n) }

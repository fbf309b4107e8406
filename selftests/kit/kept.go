package kit

import (
	"bufio"
	"os"
	"slices"
	"strconv"
	"strings"
)

// Counters reads a file of lines "name value" such as /proc/vmstat.
// Those of /proc/vmstat are brought up to date first, see refresh.
func (t *T) Counters(path string) map[string]int {
	if path == vmstat {
		refresh()
	}
	return parseCounters(t.readProc(path))
}

const vmstat = "/proc/vmstat"

// refresh has each processor add what it has counted for itself to /proc/vmstat,
// which it else does once a second or after some dozens of pages: without it a
// page that is left pinned would not be seen (Documentation/admin-guide/sysctl/
// vm.rst, stat_refresh). A kernel without it shows what it shows.
func refresh() { _, _ = os.ReadFile("/proc/sys/vm/stat_refresh") }

// readProc returns a file outside of tracefs.
func (t *T) readProc(path string) string {
	b, err := os.ReadFile(path)
	t.Check(err)
	return string(b)
}

func parseCounters(text string) map[string]int {
	counters := map[string]int{}
	for line := range strings.Lines(text) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), " ")
		if n, err := strconv.Atoi(strings.TrimSpace(value)); ok && err == nil {
			counters[name] = n
		}
	}
	return counters
}

// Slab returns how many objects of a cache are in use (slabinfo(5)). On the
// kernels that uetest builds caches are not merged and keep no per-CPU partial
// slabs, but the objects of a processor's own slab count as in use; shrinking
// the cache gives those slabs back first, after which the count is exact
// (Documentation/ABI/testing/sysfs-kernel-slab).
func (t *T) Slab(cache string) int {
	n, ok := t.Slabs(cache)[cache]
	if !ok {
		t.Fatalf("/proc/slabinfo has no %s", cache)
	}
	return n
}

// Slabs is Slab for several caches, looked at together.
func (t *T) Slabs(caches ...string) map[string]int {
	counts, _ := t.slabs(caches)
	return counts
}

// SlabBytes is how much the objects of several caches take together.
func (t *T) SlabBytes(caches ...string) int {
	counts, sizes := t.slabs(caches)
	sum := 0
	for c, n := range counts {
		sum += n * sizes[c]
	}
	return sum
}

// slabs returns how many objects of each cache are in use, and how many bytes one
// takes.
func (t *T) slabs(caches []string) (counts, sizes map[string]int) {
	const dir = "/sys/kernel/slab/"
	there := func(cache string) bool {
		_, err := os.Stat(dir + cache)
		return err == nil
	}
	real := make([]string, len(caches))
	for i, c := range caches {
		real[i] = servedBy(c, there)
		t.Check(os.WriteFile(dir+real[i]+"/shrink", []byte("1"), 0))
	}
	text := t.readProc("/proc/slabinfo")
	counts, sizes = map[string]int{}, map[string]int{}
	for i, c := range caches {
		n, size, ok := parseSlab(text, real[i])
		if slices.Contains(real[:i], real[i]) {
			n = 0 // counted already: the sum is what there is
		}
		if ok {
			counts[c], sizes[c] = n, size
		}
	}
	return counts, sizes
}

// servedBy is the cache that kmalloc takes in place of one that is not there: the
// next larger one. The least is of 128 bytes on arm64 up to 6.4
// (ARCH_KMALLOC_MINALIGN).
func servedBy(cache string, there func(string) bool) string {
	text, ok := strings.CutPrefix(cache, "kmalloc-")
	size, err := strconv.Atoi(text)
	if !ok || err != nil {
		return cache
	}
	for power := 8; power <= 512; power *= 2 {
		if name := "kmalloc-" + strconv.Itoa(power); power >= size && there(name) && !there(cache) {
			return name
		}
	}
	return cache
}

// Share shows what part n is of all, in tens of per cent. Counts of mm_struct
// need it: a processor that is idle keeps the one that it used last.
func Share(n, all int) string {
	return strconv.Itoa((20*n+all)/(2*all)*10) + "%"
}

// parseSlab reads slabinfo(5): name, active_objs, num_objs, objsize.
func parseSlab(text, cache string) (active, size int, ok bool) {
	sc := bufio.NewScanner(strings.NewReader(text))
	for sc.Scan() {
		if f := strings.Fields(sc.Text()); len(f) > 3 && f[0] == cache {
			n, err := strconv.Atoi(f[1])
			size, err2 := strconv.Atoi(f[3])
			return n, size, err == nil && err2 == nil
		}
	}
	return 0, 0, false
}

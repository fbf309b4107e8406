package kit

import (
	"bufio"
	"os"
	"strconv"
	"strings"
	"time"

	"uetest/internal/wire"
)

// Counters reads a file of lines "name value" such as /proc/vmstat.
func (t *T) Counters(path string) map[string]int {
	return parseCounters(t.ReadFile(path))
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

// Slab returns how many objects of a cache are in use, the active_objs of
// /proc/slabinfo (slabinfo(5)). On the kernels that uetest builds caches are
// not merged and keep no per-CPU partial slabs, but a processor's own slab
// counts as full: differences under some dozens of objects mean nothing.
func (t *T) Slab(cache string) int {
	n, ok := parseSlab(t.ReadFile("/proc/slabinfo"), cache)
	if !ok {
		t.Fatalf("/proc/slabinfo has no %s", cache)
	}
	return n
}

func parseSlab(text, cache string) (active int, ok bool) {
	sc := bufio.NewScanner(strings.NewReader(text))
	for sc.Scan() {
		if f := strings.Fields(sc.Text()); len(f) > 1 && f[0] == cache {
			n, err := strconv.Atoi(f[1])
			return n, err == nil
		}
	}
	return 0, false
}

// pinned returns how many pages are pinned by pin_user_pages, as /proc/vmstat
// counts them (mm/vmstat.c, nr_foll_pin_acquired and nr_foll_pin_released). No
// one but user_events pins pages in the guest.
func pinned() int {
	text, err := os.ReadFile("/proc/vmstat")
	if err != nil {
		return 0
	}
	c := parseCounters(string(text))
	return c["nr_foll_pin_acquired"] - c["nr_foll_pin_released"]
}

// settleLimit is how long the kernel may take to let go of a page.
const settleLimit = 200 * time.Millisecond

// leftPins reports pages that were pinned during the test and are pinned at its
// end. That is an observation that no test of the catalogue expects.
func (t *T) leftPins(before int) {
	if t.status != wire.Done {
		return
	}
	left := pinned() - before
	for deadline := time.Now().Add(settleLimit); left != 0 && time.Now().Before(deadline); left = pinned() - before {
		time.Sleep(time.Millisecond)
	}
	if left == 0 {
		return
	}
	if err := t.to.send(wire.Message{Kind: wire.Saw, ID: t.id, Key: "pages-left-pinned", Value: strconv.Itoa(left)}); err != nil {
		t.status, t.text = wire.Failed, "can't report pages left pinned: "+err.Error()
	}
}

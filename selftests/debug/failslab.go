package main

import (
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"uetest/selftests/kit"
)

// failslab fails allocations of slab objects, and failNth has the nth of the
// thread that asks fail (Documentation/fault-injection/fault-injection.rst).
const (
	failslab = "/sys/kernel/debug/failslab/"
	failNth  = "/proc/thread-self/fail-nth"
)

// failing has the nth allocation of f fail, and reports whether f made as many.
// Nothing but f may allocate between the two calls: the file is open before.
func failing(t *kit.T, nth int, f func()) bool {
	fd, err := unix.Open(failNth, unix.O_RDWR|unix.O_CLOEXEC, 0)
	t.Check(err)
	defer func() { _ = unix.Close(fd) }()
	ask, off := []byte(strconv.Itoa(nth)), []byte("0")
	var left [16]byte
	if _, err := unix.Pwrite(fd, ask, 0); err != nil {
		t.Fatalf("%s: %v", failNth, err)
	}
	f()
	n, err := unix.Pread(fd, left[:], 0)
	if _, err := unix.Pwrite(fd, off, 0); err != nil {
		t.Fatalf("%s: %v", failNth, err)
	}
	return err == nil && strings.TrimSpace(string(left[:n])) == "0"
}

// enablerAllocationFails registers an event that another descriptor holds, with
// each of REG's allocations failing in turn, until none is left to fail. After
// each failure nobody but the other descriptor may hold the event: once that is
// closed it can be deleted.
func enablerAllocationFails(t *kit.T) {
	for file, value := range map[string]string{
		"ignore-gfp-wait": "N", // those that may sleep as well
		"verbose":         "0",
	} {
		t.Check(os.WriteFile(failslab+file, []byte(value), 0))
	}
	failed, held, afterClose := 0, 0, 0
	errs := map[string]bool{}
	for nth := 1; ; nth++ {
		ev, d, other := t.Event("u32 count"), t.Open(), t.Open()
		other.Register(ev, t.Word().Bit(1))
		at := t.Word().Bit(0)
		var err error
		if !failing(t, nth, func() { _, err = d.TryRegister(ev, at) }) {
			t.Check(err)
			break
		}
		if err == nil {
			t.Logf("REG did without its allocation %d", nth)
			continue
		}
		failed++
		shown, verr := kit.Value(err)
		t.Check(verr)
		errs[shown] = true
		other.Close()
		if d.Delete(ev.Name) == unix.EBUSY {
			held++
			d.Close()
			if t.Open().Delete(ev.Name) == unix.EBUSY {
				afterClose++
			}
		}
	}
	t.Logf("%d allocations failed; the event was held after %d of them, and after the close of %d", failed, held, afterClose)
	t.Saw("errors", strings.Join(slices.Sorted(maps.Keys(errs)), ","))
	t.Saw("held-after-failure", held > 0)
	t.Saw("held-after-close", afterClose > 0)
}

package main

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"uetest/selftests/kit"
)

// failslab is what fails allocations, and failNth has the nth of this thread
// fail (Documentation/fault-injection/fault-injection.rst).
const (
	failslab = "/sys/kernel/debug/failslab/"
	failNth  = "/proc/thread-self/fail-nth"
)

func set(t *kit.T, file, value string) { t.Check(os.WriteFile(file, []byte(value), 0)) }

// enablerAllocationFails registers an event that another descriptor holds, with
// each of REG's allocations failing in turn, until none is left to fail. After
// each failure nobody but the other descriptor may hold the event: once that is
// closed it can be deleted.
func enablerAllocationFails(t *kit.T) {
	set(t, failslab+"ignore-gfp-wait", "N") // those that may sleep as well
	set(t, failslab+"verbose", "0")
	failed, held, afterClose := 0, 0, 0
	var errs []string
	for nth := 1; ; nth++ {
		ev, d, other := t.Event("u32 count"), t.Open(), t.Open()
		at := t.Word().Bit(0)
		other.Register(ev, t.Word().Bit(1))
		set(t, failNth, strconv.Itoa(nth))
		_, err := d.TryRegister(ev, at)
		left, rerr := os.ReadFile(failNth)
		t.Check(rerr)
		set(t, failNth, "0")
		if strings.TrimSpace(string(left)) != "0" {
			if err != nil {
				t.Fatalf("register with no allocation failing: %v", err)
			}
			break
		}
		if err == nil {
			t.Logf("allocation %d failed and REG did not", nth)
			continue
		}
		failed++
		if shown, verr := kit.Value(err); verr == nil && (len(errs) == 0 || errs[len(errs)-1] != shown) {
			errs = append(errs, shown)
		}
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
	t.Saw("errors", strings.Join(errs, ","))
	t.Saw("held-after-failure", held > 0)
	t.Saw("held-after-close", afterClose > 0)
}

package initramfs

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"uetest/internal/vm"
	"uetest/internal/wire"
)

// TestKernelThatHangsWithALockIsToldFromATestThatHangs has a test fault in the
// kernel so that neither it nor whatever touches user_events afterwards can be
// killed.
func TestKernelThatHangsWithALockIsToldFromATestThatHangs(t *testing.T) {
	wedge, err := os.ReadFile("testdata/wedge/main.go")
	if err != nil {
		t.Fatal(err)
	}
	img := misbehaving(t, map[string]string{"selftests/wedge/main.go": string(wedge)})
	// A hole in physical memory every four megabytes: the page before each of
	// them faults. Without holes there is one such page or two, and who gets
	// them is luck.
	appended := []string{"transparent_hugepage=never"}
	for at := 40; at < 240; at += 4 {
		appended = append(appended, fmt.Sprintf("memmap=4K$%dM", at))
	}
	g := boot(t, vm.Config{Initrd: img.Path, CPUs: 1, Memory: 256, Append: appended})
	if g.hello.Guest.Generation != "g1" {
		t.Skipf("needs the RFC's kernel (g1) in UETEST_TEST_KERNEL, this is %q", g.hello.Guest.Generation)
	}
	r := g.run(wire.Message{ID: "wedge/first", Program: "wedge", Timeout: patience / 2})
	t.Logf("first: %s %s, after %v\n%s", r.end.Status, r.end.Text, r.end.At, strings.Join(append(r.log, r.kernel...), "\n"))
	if !contains(r.kernel, "user_event_enabler_write") || !contains(r.kernel, "BUG: ") {
		t.Fatal("no fault of the kernel within the test")
	}
	if r.end.Status != wire.Crashed || !strings.Contains(r.end.Text, "the kernel faulted") {
		t.Errorf("end %s %q, want crashed because the kernel faulted", r.end.Status, r.end.Text)
	}

	// Whoever comes next hangs on the lock, and cannot be killed.
	r = g.run(wire.Message{ID: "wedge/second", Program: "wedge", Timeout: 2 * time.Second})
	t.Logf("second: %s %s, after %v\n%s", r.end.Status, r.end.Text, r.end.At, strings.Join(r.log, "\n"))
	if r.end.Status != wire.Timeout || !strings.Contains(r.end.Text, "cannot be killed: ") || !strings.Contains(r.end.Text, "in state D") {
		t.Errorf("end %s %q, want a timeout with the process that cannot be killed", r.end.Status, r.end.Text)
	}
	if !contains(r.log, "SIGKILL does not end: ") || !contains(r.log, "in state D at ") {
		t.Errorf("log %q, want where the process hangs", r.log)
	}
	if most := 2*time.Second + wire.EndLimit; r.end.At > most {
		t.Errorf("the end came after %v, want at most %v", r.end.At, most)
	}

	// The agent itself is well, and does not wait again for what is stuck.
	begin := time.Now()
	g.sound("a fault of the kernel")
	t.Logf("a good test then took %v", time.Since(begin))
	g.send(wire.Message{Kind: wire.Stop})
	m := g.next()
	left := false // the page that was pinned for the write that never ended
	for ; m.Kind == wire.Kmsg || m.Kind == wire.Log; m = g.next() {
		left = left || strings.Contains(m.Text, "left pinned")
	}
	if !left {
		t.Error("the agent does not say that a page is left pinned")
	}
	if m.Kind != wire.Bye {
		t.Errorf("answer to stop %+v, want a bye", m)
	}
	select {
	case <-g.vm.Done():
	case <-time.After(patience):
		t.Error("the machine runs on")
	}
}

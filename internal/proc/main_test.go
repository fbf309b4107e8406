package proc

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// helperEnv makes the test binary play uetest: a process that starts others and
// is then interrupted or killed.
const helperEnv = "UETEST_PROC_HELPER"

func TestMain(m *testing.M) {
	if mode := os.Getenv(helperEnv); mode != "" {
		os.Unsetenv(helperEnv)
		if err := helper(mode); err != nil {
			fmt.Println("helper:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// terminalEnv has a helper guard a terminal: "DEVICE SETTINGS".
const terminalEnv = "UETEST_TEST_TERMINAL"

// helper starts a shell with a child and a grandchild, and makes a directory
// with a file in it; it says "PGID DIR" and waits.
func helper(mode string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	dir, remove, err := TempDir("helper-*")
	if err != nil {
		return err
	}
	defer remove()
	if err := os.WriteFile(dir+"/file", nil, 0o600); err != nil {
		return err
	}
	if device, settings, ok := strings.Cut(os.Getenv(terminalEnv), " "); ok {
		forget, err := GuardTerminal(device, settings)
		if err != nil {
			return err
		}
		if strings.Contains(mode, "forget") {
			forget()
		}
	}
	script := "sleep 300 & (sleep 300; true) & wait"
	if strings.Contains(mode, "stubborn") { // the shells' ignored signals are inherited
		script = "trap '' TERM; " + script
	}
	p, err := Start(ctx, Cmd{Path: "sh", Args: []string{"-c", script}, Grace: 200 * time.Millisecond})
	if err != nil {
		return err
	}
	for end := time.Now().Add(10 * time.Second); len(Members(p.Pid())) < 4; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			return fmt.Errorf("only %d processes in the group", len(Members(p.Pid())))
		}
	}
	fmt.Println(p.Pid(), dir)
	if strings.Contains(mode, "panic") {
		panic("on purpose")
	}
	if strings.Contains(mode, "exit") {
		os.Exit(0)
	}
	_ = p.Wait()
	return nil
}

// startHelper starts this binary as a helper outside of proc and returns its
// process, the group that it started and its directory.
func startHelper(t *testing.T, mode string) (*os.Process, int, string) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	null, err := os.OpenFile("/dev/null", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	stderr := os.Stderr
	if strings.Contains(mode, "panic") || strings.Contains(mode, "quit") { // traces of all goroutines
		stderr = null
	}
	h, err := os.StartProcess("/proc/self/exe", []string{"helper"}, &os.ProcAttr{
		Env:   append(os.Environ(), helperEnv+"="+mode, "TMPDIR="+t.TempDir()),
		Files: []*os.File{null, w, stderr},
	})
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = h.Kill()
		_, _ = h.Wait()
	})
	if err := r.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 4096)
	n, err := r.Read(buf)
	f := strings.Fields(string(buf[:n]))
	if err != nil || len(f) != 2 {
		t.Fatalf("helper said %q, %v; want PGID DIR", buf[:n], err)
	}
	pgid, err := strconv.Atoi(f[0])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // whatever the test found, nothing stays
		for _, pid := range Members(pgid) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	})
	return h, pgid, f[1]
}

// eventually fails the test if cond does not hold within d.
func eventually(t *testing.T, d time.Duration, what string, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(d); !cond(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("after %v not yet: %s", d, what)
		}
	}
}

func gone(path string) bool {
	_, err := os.Lstat(path)
	return os.IsNotExist(err)
}

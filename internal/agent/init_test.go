package agent

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"uetest/internal/wire"
)

func TestPortIsFoundByItsName(t *testing.T) {
	class := filepath.Join(t.TempDir(), "virtio-ports") // not there yet
	add := func(port, name string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Join(class, port), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(class, port, "name"), []byte(name+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if path, err := findPort(class, "org.uetest.results", 10*time.Millisecond); err == nil {
		t.Fatalf("findPort found %s where there is no port", path)
	}
	add("vport0p1", "org.qemu.guest_agent.0")
	_, err := findPort(class, "org.uetest.results", 10*time.Millisecond)
	if err == nil || !strings.Contains(err.Error(), "vport0p1=org.qemu.guest_agent.0") {
		t.Errorf("findPort: %v, want an error that names the ports there are", err)
	}
	go func() {
		time.Sleep(50 * time.Millisecond) // the port comes later than the question
		_ = os.MkdirAll(filepath.Join(class, "vport0p2"), 0o755)
		_ = os.WriteFile(filepath.Join(class, "vport0p2", "name"), []byte("org.uetest.results\n"), 0o644)
	}()
	path, err := findPort(class, "org.uetest.results", patience)
	if err != nil || path != "/dev/vport0p2" {
		t.Errorf("findPort = %q, %v; want /dev/vport0p2", path, err)
	}
}

func TestOptionIsAWholeWordOfTheCommandLine(t *testing.T) {
	for cmdline, want := range map[string]bool{
		"":                                  false,
		"console=ttyS0 uetest.shell\n":      true,
		"uetest.shell":                      true,
		"uetest.shell=0 quiet":              false,
		"xuetest.shell":                     false,
		"a b  uetest.shell\tpanic=-1 c=d\n": true,
	} {
		if got := hasOption(cmdline, wire.ShellOption); got != want {
			t.Errorf("hasOption(%q) = %v, want %v", cmdline, got, want)
		}
	}
}

func TestSysctlIsWrittenOnlyWhereItDiffers(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "knob")
	if err := setSysctl(path, "1"); err != nil {
		t.Errorf("a file that is not there: %v", err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("setSysctl made the file")
	}
	for _, tt := range []struct{ is, want string }{{"0\n", "1\n"}, {"1 ", "1 "}} {
		if err := os.WriteFile(path, []byte(tt.is), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := setSysctl(path, "1"); err != nil {
			t.Fatal(err)
		}
		if got, _ := os.ReadFile(path); string(got) != tt.want {
			t.Errorf("%q became %q, want %q", tt.is, got, tt.want)
		}
	}
}

func TestStatOfAProcessWithAnyNameIsRead(t *testing.T) {
	for _, tt := range []struct {
		stat string
		want thread
		ok   bool
	}{
		{"1 (init) S 0 1 1 0 -1\n", thread{1, 0, "init", 'S'}, true},
		{"57 (a) D (b) x) D 1 57 57", thread{57, 1, "a) D (b) x", 'D'}, true},
		{"58 () Z 2 0", thread{58, 2, "", 'Z'}, true},
		{"", thread{}, false},
		{"x (y) S 1", thread{}, false},
		{"1 (y) S", thread{}, false},
		{"1 (y) S z", thread{}, false},
		{"1 y S 1", thread{}, false},
	} {
		got, ok := parseStat(tt.stat)
		if ok != tt.ok || ok && got != tt.want {
			t.Errorf("parseStat(%q) = %+v, %v; want %+v, %v", tt.stat, got, ok, tt.want, tt.ok)
		}
	}
}

func TestEndComesWithinTheLimitThatTheHostReliesOn(t *testing.T) {
	if endLimit > wire.EndLimit {
		t.Errorf("the end may come %v after the watchdog; wire.EndLimit is %v", endLimit, wire.EndLimit)
	}
}

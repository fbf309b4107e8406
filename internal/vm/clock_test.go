package vm

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A guest that sleeps 30 s by its own clock takes less than half of that from a
// host that has much else to do.
func TestSleepTakesNoTimeInVirtualTime(t *testing.T) {
	t.Parallel()
	const limit = 15 * time.Second
	cfg := linux(t)
	cfg.Clock.Mode = VirtualTime
	start := time.Now()
	g := boot(t, cfg)
	booted := time.Since(start)
	start = time.Now()
	g.say(t, "sleep 30s")
	var slept float64
	if _, err := fmt.Sscanf(g.read(t), "slept %f", &slept); err != nil {
		t.Fatal(err)
	}
	took := time.Since(start)
	t.Logf("%v after a boot of %v; the guest's clock says it slept %.3f s", took, booted, slept)
	if slept < 30 || slept > 31 {
		t.Errorf("the guest slept %.3f s by its own clock, want 30", slept)
	}
	if took > limit {
		t.Errorf("the sleep took %v of the host's time, want less than %v", took, limit)
	}
}

func TestReplayIsTheRecordingToTheByte(t *testing.T) {
	t.Parallel()
	cfg := linux(t)
	dir := t.TempDir()
	cfg.Clock = Clock{Mode: Recording, Log: filepath.Join(dir, "log")}
	cfg.Console = filepath.Join(dir, "console")
	// Random numbers and the time of day, which is in /proc/stat, are different in
	// each boot.
	questions := []string{"cat /proc/sys/kernel/random/uuid", "cat /proc/sys/kernel/random/boot_id", "cat /proc/stat", "cat /proc/uptime"}
	recorded := "hello\n"
	g := boot(t, cfg)
	for _, q := range questions {
		g.say(t, q)
		recorded += g.read(t) + "\n"
	}
	g.say(t, "reset")
	if err := g.Finish(t.Context(), bootLimit); err != nil {
		t.Fatal(err)
	}
	if g.End() != Restarted {
		t.Errorf("the recorded guest is %s", g.End())
	}
	console := readFile(t, cfg.Console)
	if strings.Count(recorded, `\n" <nil>`) != len(questions) {
		t.Fatalf("the guest answered %q", recorded)
	}
	for n := range 2 {
		cfg.Clock.Mode = Replaying
		cfg.Console = filepath.Join(dir, fmt.Sprintf("console-%d", n))
		v := start(t, cfg)
		if err := v.Channel().SetReadDeadline(time.Now().Add(bootLimit)); err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(v.Channel())
		if err != nil {
			t.Fatal(err)
		}
		ends(t, v, bootLimit)
		if string(got) != recorded {
			t.Errorf("replay %d: the port has %q, the recording %q", n, got, recorded)
		}
		if got := readFile(t, cfg.Console); got != console {
			t.Errorf("replay %d: the console has %d bytes, the recording %d, or others", n, len(got), len(console))
		}
		if v.End() != Restarted || v.Err() != nil {
			t.Errorf("replay %d: the guest is %s: %v", n, v.End(), v.Err())
		}
	}
}

// A guest that would never end leaves a recording that has an end.
func TestRecordingOfAGuestThatHangsCanBeReplayed(t *testing.T) {
	t.Parallel()
	cfg := linux(t)
	cfg.Clock = Clock{Mode: Recording, Log: filepath.Join(t.TempDir(), "log")}
	g := boot(t, cfg)
	g.say(t, "echo going to hang")
	g.read(t)
	g.say(t, "hang")
	if _, err := g.ConsoleInput(t.Context()); err == nil {
		t.Error("a recorded guest has input that is not in the log")
	}
	if err := g.Finish(t.Context(), 10*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if g.End() != Closed || g.Err() != nil {
		t.Errorf("the recorded guest is %s: %v", g.End(), g.Err())
	}
	cfg.Clock.Mode = Replaying
	v := start(t, cfg)
	ends(t, v, bootLimit)
	if v.End() != Closed || v.Err() != nil {
		t.Errorf("the replayed guest is %s: %v", v.End(), v.Err())
	}
}

func TestFinishEndsWithItsContext(t *testing.T) {
	needQEMU(t)
	v := start(t, Config{Kernel: kernel(t, "", codeHalt)})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := v.Finish(ctx, time.Hour); err == nil || v.End() != Running {
		t.Errorf("%v, and the guest is %s", err, v.End())
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

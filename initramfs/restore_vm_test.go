package initramfs

import (
	"crypto/rand"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"uetest/internal/vm"
	"uetest/internal/wire"
)

// restored is a guest that the agent was told to go on in.
func restored(t *testing.T, cfg vm.Config, dir string, wake bool) *guest {
	t.Helper()
	cfg.Console = filepath.Join(t.TempDir(), "console")
	v, err := vm.Restore(t.Context(), cfg, dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := v.Close(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("console:\n%s", strings.Join(v.ConsoleTail(40), "\n"))
		}
	})
	g := &guest{t: t, vm: v, dec: wire.NewDecoder(v.Channel()), enc: wire.NewEncoder(v.Channel())}
	if wake {
		random := make([]byte, wire.WakeBytes)
		_, _ = rand.Read(random)
		g.send(wire.Message{Kind: wire.Wake, Now: time.Now(), Random: random})
		if g.hello = g.next(); g.hello.Kind != wire.Hello {
			t.Fatalf("a woken guest says %+v, want hello first", g.hello)
		}
	}
	return g
}

func TestRestoredGuestsAreFreshAndDiffer(t *testing.T) {
	cfg := vm.Config{Initrd: misbehaving(t, nil).Path, Port: wire.PortName, SaveTo: filepath.Join(t.TempDir(), "snapshot")}
	g := boot(t, cfg)
	g.send(wire.Message{Kind: wire.Settle})
	booted := 0
	m := g.next()
	for ; m.Kind == wire.Kmsg; m = g.next() {
		booted++
	}
	if m.Kind != wire.Settled || booted < 20 {
		t.Fatalf("%+v after %d records of the kernel log, want settled after the whole boot", m, booted)
	}
	settled := m.At
	if err := g.vm.Save(t.Context()); err != nil {
		t.Fatal(err)
	}
	dir := cfg.SaveTo
	cfg.SaveTo = ""

	seen := map[string]string{}
	for range 3 {
		g := restored(t, cfg, dir, true)
		if g.hello.Version != wire.Version || g.hello.Guest.Release == "" || g.hello.At < settled || g.hello.At > settled+20*time.Second {
			t.Errorf("a guest that settled %v after its boot says %+v", settled, g.hello)
		}
		r := g.run(wire.Message{ID: "clone"})
		at := time.Now()
		if r.end.Status != wire.Done {
			t.Fatalf("ended %s %q", r.end.Status, r.end.Text)
		}
		if contains(r.kmsg, "Linux version") {
			t.Errorf("the kernel log of the boot is sent again: %q", r.kmsg)
		}
		for _, s := range r.saw {
			key, value, _ := strings.Cut(s, "=")
			switch n, _ := strconv.ParseInt(value, 10, 64); key {
			case "now":
				if off := at.Sub(time.Unix(0, n)); off < -time.Second || off > 20*time.Second {
					t.Errorf("the guest's time of day is %v behind", off)
				}
			case "slept":
				if d := time.Duration(n); d < 100*time.Millisecond || d > 10*time.Second {
					t.Errorf("a sleep of 100ms took %v of the guest's time", d)
				}
			default:
				if strings.Contains(value, ",") && !strings.HasSuffix(value, ",<nil>") {
					t.Errorf("%s", s)
				}
				if seen[s] != "" {
					t.Errorf("two guests have the same %s", s)
				}
				seen[s] = key
			}
		}
		g.sound("a restore")
		g.send(wire.Message{Kind: wire.Stop})
		for m := g.next(); m.Kind != wire.Bye; m = g.next() {
			if m.Kind == wire.Log {
				t.Errorf("the guest says %q", m.Text)
			}
		}
	}
	if len(seen) != 9 {
		t.Errorf("saw %v, want three things of each guest", seen)
	}

	// One that was not told has the time of the snapshot: that is what Wake is
	// for.
	asleep := restored(t, cfg, dir, false)
	r := asleep.run(wire.Message{ID: "done"})
	if r.end.Status != wire.Done {
		t.Errorf("a guest that was not woken: %+v", r.end)
	}
	// And nonsense is told and no end.
	for _, m := range []wire.Message{{Kind: wire.Wake}, {Kind: wire.Wake, Now: time.Now(), Random: []byte("short")}} {
		asleep.send(m)
		if got := asleep.next(); got.Kind != wire.Hello {
			t.Errorf("%+v, want hello", got)
		}
		if got := asleep.next(); got.Kind != wire.Log || !strings.Contains(got.Text, "restored guest: ") {
			t.Errorf("%+v, want a line that says what is missing", got)
		}
	}
	asleep.sound("a Wake without words")
}

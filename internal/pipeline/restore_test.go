package pipeline

import (
	"regexp"
	"strings"
	"testing"

	"uetest/internal/wire"
	"uetest/kernel-patches"
)

// A kernel that warned while it booted has done so in each run, also in one
// whose guests were restored from a snapshot.
func TestWarningAtBootIsToldOfRestoredGuests(t *testing.T) {
	t.Parallel()
	cache := sharedCache(t)
	text := "A warning.\n---\n--- a/" + edited + "\n+++ b/" + edited + `
@@ -1902,5 +1902,6 @@
 static int __init trace_events_user_init(void)
 {
 	int ret;
 
+	WARN(1, "uetest: a warning at boot");
 	init_group = user_event_group_create(&init_user_ns);
`
	cfg := Config{
		Root: root(t), Cache: cache, Series: seriesWith(t, "warns", []byte(text)), Kernels: []string{"warns"},
		Select: regexp.MustCompile("^enable/event-file$"), Accel: "tcg",
	}
	for range 2 {
		runs, err := Run(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		run := runs[0]
		if len(run.Splats) != 1 || !strings.Contains(run.Splats[0].Title, "WARNING") || run.Exit() != 1 {
			t.Errorf("%d booted, %d restored: exit code %d, splats %+v", run.Boots, run.Restored, run.Exit(), run.Splats)
		}
		if run.Restored != 1 || len(run.Retries) != 0 {
			t.Errorf("%d booted, %d restored: %q %q", run.Boots, run.Restored, run.Retries, run.NoSnapshot)
		}
	}
}

// A timer of the kernel's may be due when a guest is restored, before anybody
// has spoken to it.
func TestKernelMayLogBeforeHello(t *testing.T) {
	msgs := make(chan wire.Message, 3)
	msgs <- wire.Message{Kind: wire.Kmsg, Text: "clocksource: timekeeping watchdog"}
	msgs <- wire.Message{Kind: wire.Log, Text: "a note"}
	msgs <- wire.Message{Kind: wire.Hello, Version: wire.Version, Guest: wire.Guest{Release: "6.1"}}
	s := &session{d: &driver{cfg: &Config{}, guest: &guest{}}, msgs: msgs}
	if err := s.greet(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(s.early) != 2 || s.hello.Release != "6.1" {
		t.Errorf("early %+v, hello %+v", s.early, s.hello)
	}
}

// Each test gets a kernel that nobody used, and a second run boots nothing.
func TestEachTestInAKernelOfItsOwn(t *testing.T) {
	t.Parallel()
	series, err := kernelpatches.Load("rfc")
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{
		Root: root(t), Cache: sharedCache(t), Series: series, Kernels: []string{"rfc"}, Accel: "tcg",
		Select: regexp.MustCompile("^align/(plus|kernel|user)-.*$"), Isolation: IsolateTest, Jobs: 2,
	}
	for round := range 2 {
		runs, err := Run(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		run := runs[0]
		if code := run.Exit(); code != 0 {
			t.Errorf("exit code %d: %q", code, run.Problems)
		}
		guests := map[int]bool{}
		for i, test := range run.Tests {
			guests[test.Boot] = true
			if i > 0 && run.Tests[i-1].ID >= test.ID && len(run.Retries) == 0 {
				t.Errorf("%s comes after %s: not in the order of the catalogue", test.ID, run.Tests[i-1].ID)
			}
		}
		if len(guests) != len(run.Tests) || run.Restored < len(run.Tests) {
			t.Errorf("%d tests in %d guests, of which %d were restored; %q", len(run.Tests), len(guests), run.Restored, run.NoSnapshot)
		}
		if round == 1 && run.Boots != 0 && len(run.Retries) == 0 {
			t.Errorf("%d boots, although there is a snapshot", run.Boots)
		}
	}
}

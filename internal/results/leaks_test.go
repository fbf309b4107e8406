package results

import (
	"strings"
	"testing"

	"uetest/internal/wire"
	"uetest/selftests/catalog"
)

// leakOf is an object as kmemleak shows it (print_unreferenced, mm/kmemleak.c).
func leakOf(pid, function string) wire.Message {
	return wire.Message{Kind: wire.Leak, Text: "unreferenced object 0xffff888000c1aa30 (size 96):\n" +
		"  comm \"enable\", pid " + pid + ", jiffies 4294893803\n" +
		"  hex dump (first 32 bytes):\n    6b 6b 6b 6b 6b 6b 6b 6b 6b 6b 6b 6b 6b 6b 6b 6b  kkkkkkkkkkkkkkkk\n" +
		"  backtrace (crc 12345678):\n    kmalloc_trace+0x25/0xb0\n    " + function + "+0x1e/0x60\n    ksys_write+0x70/0xf0\n"}
}

func TestLeakBelongsToTheTestWhoseProcessAllocatedIt(t *testing.T) {
	plan := []catalog.Test{
		{ID: "a/one", Expect: map[catalog.Generation]catalog.Expect{catalog.G1: {Saw: "x=1"}}},
		{ID: "a/two", Expect: map[catalog.Generation]catalog.Expect{catalog.G1: {Saw: "x=1"}}},
	}
	j := NewJudge(catalog.G1, plan, nil)
	g := j.Guest(1)
	for _, m := range []wire.Message{
		{Kind: wire.Start, ID: "a/one", PID: 100}, {Kind: wire.Saw, ID: "a/one", Key: "x", Value: "1"}, {Kind: wire.End, ID: "a/one", Status: wire.Done},
		{Kind: wire.Start, ID: "a/two", PID: 120}, {Kind: wire.Saw, ID: "a/two", Key: "x", Value: "1"}, {Kind: wire.End, ID: "a/two", Status: wire.Done},
		leakOf("105", "user_event_parse"), leakOf("119", "user_event_parse"), leakOf("7", "boot_leak"),
	} {
		if _, err := g.Add(m); err != nil {
			t.Fatal(err)
		}
	}
	tests, outer := j.Finish("")
	if one := tests[0]; one.Verdict != UnknownFault || len(one.Splats) != 1 || one.Splats[0].Title != "memory leak in user_event_parse" {
		t.Errorf("the test that leaks: %s %s, %d reports", one.Verdict, one.Detail, len(one.Splats))
	} else if !strings.Contains(one.Detail, "memory leak in user_event_parse") || len(one.Splats[0].Frames) != 3 {
		t.Errorf("its report: %s, %v", one.Detail, one.Splats[0].Frames)
	}
	if two := tests[1]; two.Verdict != AsExpected || len(two.Splats) != 0 {
		t.Errorf("the test that ran last has the leak of another: %s %s", two.Verdict, two.Detail)
	}
	if len(outer) != 1 || outer[0].Title != "memory leak in boot_leak" {
		t.Errorf("outside of tests: %v, want what leaked before them", outer)
	}
}

package main

import (
	"fmt"
	"strings"

	"uetest/selftests/kit"
)

// lastOfThree has ftrace, a perf event and an instance on, and switches them
// off in each order.
func lastOfThree(t *kit.T) {
	ev, _, r := registered(t)
	file := t.Instance().Path(ev.Path("enable"))
	var p *kit.PerfEvent
	off := map[string]func(){
		"ftrace":   ev.Off,
		"instance": func() { t.WriteFile(file, "0") },
		"perf":     func() { p.Close() },
	}
	for _, order := range [][3]string{
		{"ftrace", "instance", "perf"},
		{"ftrace", "perf", "instance"},
		{"instance", "ftrace", "perf"},
		{"instance", "perf", "ftrace"},
		{"perf", "ftrace", "instance"},
		{"perf", "instance", "ftrace"},
	} {
		ev.On()
		t.WriteFile(file, "1")
		p = t.PerfOpen(ev)
		var told []string
		for _, source := range order {
			off[source]()
			told = append(told, fmt.Sprint(r.Enabled()))
		}
		t.Saw(strings.Join(order[:], "-"), strings.Join(told, ","))
	}
}

func twoInstances(t *kit.T) {
	ev, _, r := registered(t)
	one, two := t.Instance(), t.Instance()
	t.WriteFile(one.Path(ev.Path("enable")), "1")
	t.WriteFile(two.Path(ev.Path("enable")), "1")
	t.Saw("both", r.Enabled())
	one.Remove()
	t.Saw("one-removed", r.Enabled())
	t.WriteFile(two.Path("events/enable"), "0")
	t.Saw("none", r.Enabled())
}

// instanceTrigger sets a trigger in an instance alone and removes the instance
// with it.
func instanceTrigger(t *kit.T) {
	ev, _, r := registered(t)
	in := t.Instance()
	t.WriteFile(in.Path(ev.Path("trigger")), "traceon")
	t.Saw("on", r.Enabled())
	t.Saw("top", t.ReadFile(ev.Path("enable")))
	t.Saw("instance", t.ReadFile(in.Path(ev.Path("enable"))))
	in.Remove()
	t.Saw("off", r.Enabled())
}

// instanceInStatus shows who uses the event, and how many events are in use,
// while its users come and go.
func instanceInStatus(t *kit.T) {
	ev, _, _ := registered(t)
	busy := t.Status().Busy
	saw := func(state string) {
		s := t.Status()
		users := s.Events[ev.Name].UsedBy
		if users == "" {
			users = "none"
		}
		t.Saw(state, fmt.Sprintf("%s/%d", strings.ReplaceAll(users, " ", "+"), s.Busy-busy))
	}
	in := t.Instance()
	t.WriteFile(in.Path(ev.Path("enable")), "1")
	saw("instance")
	p := t.PerfOpen(ev)
	saw("and-perf")
	in.Remove()
	saw("perf")
	t.WriteFile(ev.Path("trigger"), "traceon")
	saw("and-trigger")
	p.Close()
	saw("trigger")
	t.WriteFile(ev.Path("trigger"), "!traceon")
	saw("none")
}

// setEventPatterns switches the event on by what set_event might take for a
// name, and off again by the same with an exclamation mark. A star stands for a
// whole part, nothing else is a pattern (__ftrace_set_clr_event_nolock).
func setEventPatterns(t *kit.T) {
	ev, _, r := registered(t)
	for _, p := range []struct{ name, pattern string }{
		{"name", ev.Name},
		{"system-and-colon", "user_events:"},
		{"system-and-star", "user_events:*"},
		{"star-and-name", "*:" + ev.Name},
		{"prefix", "user_events:" + ev.Name[:len(ev.Name)-1] + "*"},
	} {
		if err := kit.TryAppendFile("set_event", p.pattern); err != nil {
			t.Saw(p.name, err)
			continue
		}
		on := r.Enabled()
		t.AppendFile("set_event", "!"+p.pattern)
		t.Saw(p.name, fmt.Sprintf("%d,%d", on, r.Enabled()))
	}
	t.Saw("left", r.Enabled())
}

func setEventOfInstance(t *kit.T) {
	ev, _, r := registered(t)
	in := t.Instance()
	t.AppendFile(in.Path("set_event"), "user_events:"+ev.Name)
	t.Saw("on", r.Enabled())
	t.TruncateFile("set_event") // the top level's
	t.Saw("top-emptied", r.Enabled())
	t.TruncateFile(in.Path("set_event"))
	t.Saw("emptied", r.Enabled())
}

// enablerDies has a child switch the event on and die. ftrace's switch stays,
// a perf event goes with its last descriptor.
func enablerDies(t *kit.T) {
	ev, _, r := registered(t)
	attr := t.PerfAttr(ev)
	c := t.Fork()
	t.Check(c.WriteFile(ev.Path("enable"), "1"))
	c.Exit()
	t.Saw("ftrace", r.Enabled())
	ev.Off()
	c = t.Fork()
	_, err := c.PerfOpen(attr)
	t.Check(err)
	t.Saw("perf-open", r.Enabled())
	c.Exit()
	t.Saw("perf", r.Enabled())
}

// A filter decides what is recorded, and not whether the program is told.
func filter(t *kit.T) {
	ev, d, r := registered(t)
	t.ClearTrace()
	t.WriteFile(ev.Path("filter"), "count == 7")
	t.Saw("filter-alone", r.Enabled())
	ev.On()
	t.Saw("on", r.Enabled())
	write(t, d, r, 5)
	write(t, d, r, 7)
	t.Saw("trace", kit.Payloads(t.Trace("trace", ev)))
	t.WriteFile(ev.Path("filter"), "0")
	t.Saw("removed", r.Enabled())
	ev.Off()
	t.Saw("off", r.Enabled())
}

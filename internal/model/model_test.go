package model

import (
	"slices"
	"strings"
	"testing"
)

// last returns what the last operation of a program shows.
func last(t *testing.T, g Generation, text string, promise ...Promise) Observation {
	t.Helper()
	p, err := ParseProgram(text)
	if err != nil {
		t.Fatal(err)
	}
	seen, err := Predict(g, p, promise...)
	if err != nil {
		t.Fatal(err)
	}
	return seen[len(seen)-1]
}

const (
	register = "open p0 f0\nmap p0 page0 private\nstore p0 page0.0 0\nregister p0 f0 ev0 page0.0 bit0\n"
	forked   = register + "fork p0 p1\n"
)

// What a private page gets after a fork, row by row.
func TestForkOfAPrivatePage(t *testing.T) {
	for _, tt := range []struct {
		name, program string
		g1, g3        string
	}{
		{"nobody wrote", forked + "enable file ev0",
			"ok,1,ev0:ftrace,p0.page0:00000000.00000000,p1.page0:00000000.00000000",
			"ok,0,ev0:ftrace,p0.page0:00000001.00000000,p1.page0:00000001.00000000"},
		{"the parent wrote", forked + "store p0 page0.1 1\nenable file ev0",
			"ok,0,ev0:ftrace,p0.page0:00000001.00000001,p1.page0:00000000.00000000",
			"ok,0,ev0:ftrace,p0.page0:00000001.00000001,p1.page0:00000001.00000000"},
		{"the child wrote first", forked + "store p1 page0.1 1\nenable file ev0",
			"ok,1,ev0:ftrace,p0.page0:00000000.00000000,p1.page0:00000000.00000001",
			"ok,0,ev0:ftrace,p0.page0:00000001.00000000,p1.page0:00000001.00000001"},
		{"the child is gone", forked + "exit p1\nenable file ev0",
			"ok,1,ev0:ftrace,p0.page0:00000000.00000000",
			"ok,0,ev0:ftrace,p0.page0:00000001.00000000"},
		{"forked while on, then off", register + "enable file ev0\nfork p0 p1\ndisable file ev0",
			"ok,1,p0.page0:00000001.00000000,p1.page0:00000001.00000000",
			"ok,0,p0.page0:00000000.00000000,p1.page0:00000000.00000000"},
		{"the child registers again", forked + "store p1 page0.0 0\nregister p1 f0 ev0 page0.0 bit1\nstore p0 page0.0 0\nenable file ev0",
			"ok,0,ev0:ftrace,p0.page0:00000001.00000000,p1.page0:00000002.00000000",
			"ok,0,ev0:ftrace,p0.page0:00000001.00000000,p1.page0:00000003.00000000"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for g, want := range map[Generation]string{G1: tt.g1, G3: tt.g3} {
				if got := last(t, g, tt.program); got.String() != want {
					t.Errorf("%s:\n got %s\nwant %s", g, got, want)
				}
			}
		})
	}
}

// What g1 can write to and what not, before and after a touch.
func TestPagesThatG1CanWrite(t *testing.T) {
	for _, tt := range []struct{ touch, told string }{
		{"map p0 page0 private", ""},
		{"map p0 page0 shared", ""},
		{"map p0 page0 memfd", ""},
		{"map p0 page0 memfd-private", ""},
		{"map p0 page0 private\nload p0 page0.0", ""},
		{"map p0 page0 memfd-private\nload p0 page0.0", ""},
		{"map p0 page0 shared\nload p0 page0.0", "set"},
		{"map p0 page0 memfd\nload p0 page0.0", "set"},
		{"map p0 page0 private\nstore p0 page0.0 0", "set"},
		{"map p0 page0 memfd-private\nstore p0 page0.0 0", "set"},
		{"map p0 page0 private\nstore p0 page0.0 0\ndiscard p0 page0", ""},
		{"map p0 page0 private\nstore p0 page0.0 0\nprotect p0 page0 read", ""},
		{"map p0 page0 private\nstore p0 page0.0 0\nprotect p0 page0 read\nprotect p0 page0 write", "set"},
		{"map p0 page0 private\nstore p0 page0.0 0\nunmap p0 page0", ""},
		{"map p0 page0 memfd\nmap p0 page1 memfd\nstore p0 page1.0 0", ""},
	} {
		got := last(t, G1, "enable file ev0\nopen p0 f0\n"+tt.touch+"\nregister p0 f0 ev0 page0.0 bit0")
		set := slices.Contains(got.State, "p0.page0:00000001.00000000")
		if set != (tt.told == "set") || (got.Lines == 0) != set {
			t.Errorf("%s:\n%s", tt.touch, got)
		}
	}
}

func TestSourcesAreSwitchesOfTheirOwn(t *testing.T) {
	for _, tt := range []struct{ program, want string }{
		{"enable file ev0\ndisable set_event ev0", "p0.page0:00000000.00000000"},
		{"enable set_event ev0\ndisable system ev1", "p0.page0:00000000.00000000"},
		{"enable file ev0\ndisable instance ev0", "ev0:ftrace p0.page0:00000001.00000000"},
		{"enable file ev0\nenable perf ev0\ndisable file ev0", "ev0:perf p0.page0:00000001.00000000"},
		{"enable trigger ev0\nenable file ev0\ndisable file ev0", "ev0:ftrace p0.page0:00000001.00000000"},
		{"enable trigger ev0\nenable perf ev0", "ev0:ftrace+perf p0.page0:00000001.00000000"},
		{"enable instance ev0\ndisable instance ev0", "p0.page0:00000000.00000000"},
	} {
		if got := last(t, G1, register+tt.program); strings.Join(got.State, " ") != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", tt.program, got.State, tt.want)
		}
	}
}

func TestEnablersOfG1LiveAsLongAsTheirFile(t *testing.T) {
	keep := strings.Replace(register, "f0", "f0 keep", 1)
	for _, tt := range []struct {
		name, program string
		lines         int
	}{
		{"closed", register + "close p0 f0\nenable file ev0", 0},
		{"passed on, registrar gone", register + "fork p0 p1\nclose p1 f0\npass p0 f0 p1\nexit p0\nenable file ev0", 1},
		{"and closed there", register + "fork p0 p1\nexit p0\nclose p1 f0\nenable file ev0", 0},
		{"exec closes it", register + "exec p0\nenable file ev0", 0},
		{"exec keeps it", keep + "exec p0\nenable file ev0", 1},
		{"exec keeps it, exit closes it", keep + "exec p0\nexit p0\nenable file ev0", 0},
	} {
		if got := last(t, G1, tt.program); got.Lines != tt.lines {
			t.Errorf("%s: %d lines, want %d", tt.name, got.Lines, tt.lines)
		}
		if got := last(t, G3, tt.program); got.Lines != 0 {
			t.Errorf("%s: %d lines on g3, where the address space has the enablers", tt.name, got.Lines)
		}
	}
}

func TestResultsOfEachGeneration(t *testing.T) {
	twice := register + "register p0 f0 ev1 page0.0 bit0"
	empty := "open p0 f0\nmap p0 page0 private\nstore p0 page0.0 0\nregister p0 f0 ev2 page0.0 bit0\n"
	for _, tt := range []struct {
		program          string
		g0, stable       string
		g1, g3, promised string
	}{
		{register, "0", "0", "0", "0", "0"},
		{twice, "1", "1", "1", "EADDRINUSE", "1"},
		{register + "write p0 f0 ev0", "8", "EBADF", "8", "EBADF", "8"},
		{register + "write p0 f0 ev1", "ENOENT", "ENOENT", "ENOENT", "ENOENT", "ENOENT"},
		{register + "enable perf ev0\nwrite p0 f0 ev0", "8", "8", "8", "8", "8"},
		{empty + "enable file ev2\nwrite p0 f0 ev2", "EFAULT", "EFAULT", "EFAULT", "4", "4"},
		{empty + "enable trigger ev2\nwrite p0 f0 ev2", "4", "4", "4", "4", "4"},
		{"open p0 f0\nmap p0 page0 private\nregister p0 f0 ev0 page0.0 bit0 readonly", "unstored", "unstored", "unstored", "unstored", "EFAULT"},
		{"open p0 f0\nregister p0 f0 ev0 page0.0 bit0", "0", "0", "0", "ENOMEM", "0"},
		{"open p0 f0\nregister p0 f0 ev0 null bit0", "", "", "0", "ENOMEM", "EFAULT"},
		{"open p0 f0\nregister p0 f0 ev0 page0.0 bit0 reserved", "", "", "0", "EINVAL", "EINVAL"},
		{register + "unregister p0 f0 page0.0 bit0", "", "", "", "ok", ""},
		{register + "unregister p0 f0 page0.0 bit1", "", "", "", "ENOENT", ""},
		{register + "unmap p0 page0\nunregister p0 f0 page0.0 bit0", "", "", "", "EFAULT", ""},
	} {
		for g, want := range map[Generation]string{G0: tt.g0, G0Stable: tt.stable, G1: tt.g1, G3: tt.g3} {
			if want == "" {
				continue
			}
			if got := last(t, g, tt.program); got.Result != want {
				t.Errorf("%s on %s: %s, want %s", tt.program, g, got.Result, want)
			}
		}
		if tt.promised != "" {
			if got := last(t, G1, tt.program, Promises(G1)...); got.Result != tt.promised {
				t.Errorf("%s, all promises kept: %s, want %s", tt.program, got.Result, tt.promised)
			}
		}
	}
}

// Two events that share a bit are told in the order in which a system's file
// switches them, the newest first.
func TestASystemsEventsAreSwitchedFromTheNewestOn(t *testing.T) {
	got := last(t, G1, register+"register p0 f0 ev1 page0.0 bit0\nenable system ev0\nenable instance ev0\ndisable system ev0")
	if !slices.Contains(got.State, "p0.page0:00000001.00000000") {
		t.Errorf("ev0, still on, was told last: %s", got)
	}
}

func TestWhatCannotBeDoneIsLeftOut(t *testing.T) {
	p, err := ParseProgram(forked + "exit p0\nstore p0 page0.0 1\nfork p1 p0\nclose p1 f0\nwrite p1 f0 ev0\nexit p1")
	if err != nil {
		t.Fatal(err)
	}
	want, _ := ParseProgram(forked + "exit p0\nclose p1 f0\nexit p1")
	if got := Possible(G1, p); !slices.Equal(got, want) {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if _, err := Predict(G1, p); err == nil || !strings.Contains(err.Error(), "operation 7, store p0 page0.0 0x1,") {
		t.Errorf("%v, want an error that names the operation", err)
	}
}

func TestGenerateIsMadeBySeedAndNumberAlone(t *testing.T) {
	a, b := Generate(G1, 3, 4, 40), Generate(G1, 3, 4, 40)
	if !slices.Equal(a, b) {
		t.Error("two programs of one seed and number")
	}
	if slices.Equal(a, Generate(G1, 3, 5, 40)) || slices.Equal(a, Generate(G1, 4, 4, 40)) {
		t.Error("one program of two numbers or seeds")
	}
}

// Random programs use every operation, source and kind, and get to every
// result; what they never reach nobody tests.
func TestGenerateReachesEverything(t *testing.T) {
	for _, g := range Generations {
		st := Stats{Ops: map[string]int{}, Results: map[string]int{}}
		for n := range uint64(500) {
			p := Generate(g, 1, n, 30)
			if len(p) == 0 || len(p) > 30 {
				t.Fatalf("%d operations", len(p))
			}
			seen, err := Predict(g, p)
			if err != nil {
				t.Fatal(err)
			}
			st.count(p, Trace{Seen: seen})
		}
		for verb := range forms {
			names := []string{string(verb)}
			switch verb {
			case Enable, Disable:
				names = nil
				for _, s := range Sources {
					names = append(names, string(verb)+" "+string(s))
				}
			case Map:
				names = nil
				for _, k := range Kinds {
					names = append(names, "map "+string(k))
				}
			case Unregister:
				if g != G3 {
					continue
				}
			}
			for _, name := range names {
				if st.Ops[name] == 0 {
					t.Errorf("%s: no %s in 500 programs", g, name)
				}
			}
		}
		results := map[Generation][]string{
			G0:       {"ok", "EFAULT", "ENOENT", "unstored"},
			G0Stable: {"ok", "EFAULT", "ENOENT", "unstored", "EBADF"},
			G1:       {"ok", "EFAULT", "ENOENT", "unstored"},
			G3:       {"ok", "EFAULT", "ENOENT", "unstored", "EBADF", "EADDRINUSE", "EINVAL", "ENOMEM"},
		}
		for _, r := range results[g] {
			if st.Results[r] == 0 {
				t.Errorf("%s: no result %s in 500 programs; %v", g, r, st.Results)
			}
		}
	}
}

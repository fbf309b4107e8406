package model

import (
	"slices"
	"strings"
	"testing"
)

func TestProgramsAreWhatTheyPrint(t *testing.T) {
	for n := range uint64(300) {
		p := Generate(G3, 9, n, 60)
		q, err := ParseProgram(p.String())
		if err != nil {
			t.Fatalf("%v\n%s", err, p)
		}
		if !slices.Equal(p, q) {
			t.Fatalf("printed and parsed:\n%s\n%s", p, q)
		}
	}
}

func TestBadProgramsSayWhereAndWhatIsWanted(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"\n# comment\nopen p0 f0\nfly p0", `line 4: no operation "fly"`},
		{"open p4 f0", `line 1: open: "p4", want p0 to p3`},
		{"open p0 f01", `"f01", want f0 to f3`},
		{"register p0 f0 ev0 page0.0", "something is missing"},
		{"register p0 f0 ev0 page0.2 bit0", `"page0.2", want page0.0 to page3.1`},
		{"register p0 f0 ev0 page0.0 bit32", `"bit32", want bit0 to bit31`},
		{"enable luck ev0", `"luck", want one of [file set_event system instance perf trigger]`},
		{"store p0 page0.0 0x100000000", "want a number of 32 bits"},
		{"exit p0 now", `exit: "now" is too much`},
		{"register p0 f0 ev0 null bit0 readonly reserved", `"reserved" is too much`},
	} {
		if _, err := ParseProgram(tt.text); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: %v, want %q", tt.text, err, tt.want)
		}
	}
}

func FuzzParseProgram(f *testing.F) {
	f.Add("open p0 f0 keep\nregister p0 f0 ev0 null bit31 reserved readonly\n")
	f.Add("store p3 page3.1 4294967295 # all\n\nenable set_event ev2\nmap p1 page1 memfd-private")
	f.Add("pass p0 f0 p1\nprotect p0 page0 none\nfork p0 p1")
	f.Add("open p0")
	for n := range uint64(4) {
		f.Add(Generate(G1, 1, n, 20).String())
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParseProgram(text)
		if err != nil {
			return
		}
		again, err := ParseProgram(p.String())
		if err != nil || !slices.Equal(p, again) {
			t.Errorf("%q gives\n%s\nwhich gives\n%s%v", text, p, again, err)
		}
		// Whatever was parsed can be predicted, as far as it can be done.
		for _, g := range Generations {
			q := Possible(g, p)
			for _, promise := range [][]Promise{nil, Promises(g)} {
				if _, err := Predict(g, q, promise...); err != nil {
					t.Errorf("%s: %v", g, err)
				}
			}
		}
	})
}

func TestTasksAreWhatTheyPrint(t *testing.T) {
	var tasks []Task
	var text strings.Builder
	for n := range uint64(20) {
		task, err := Plan(G1, Generate(G1, 2, n, 30))
		if err != nil {
			t.Fatal(err)
		}
		tasks = append(tasks, task)
		text.WriteString(task.String())
	}
	got, err := ParseTasks(text.String())
	if err != nil || len(got) != len(tasks) {
		t.Fatalf("%d tasks, %v", len(got), err)
	}
	for i := range got {
		if !slices.Equal(got[i].Program, tasks[i].Program) || !slices.EqualFunc(got[i].Expect, tasks[i].Expect, Observation.Equal) {
			t.Errorf("task %d:\n%s\n%s", i, got[i], tasks[i])
		}
	}
	for _, bad := range []string{"open p0 f0 = ok,0\n", "program\nopen p0 f0\n", "program\nopen p0 f0 = ok\n", "program\nopen = ok,0\n"} {
		if _, err := ParseTasks(bad); err == nil || !strings.HasPrefix(err.Error(), "line ") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func FuzzParseObservation(f *testing.F) {
	f.Add("ok,0")
	f.Add("EFAULT,2,ev0:ftrace+perf,p0.page0:00000001.00000000")
	f.Add("ok,-1")
	f.Fuzz(func(t *testing.T, text string) {
		o, err := ParseObservation(text)
		if err != nil {
			return
		}
		again, err := ParseObservation(o.String())
		if err != nil || !again.Equal(o) {
			t.Errorf("%q gives %+v, which gives %+v, %v", text, o, again, err)
		}
		if d := Difference(o, again); len(d) > 0 {
			t.Errorf("no difference, but %q", d)
		}
	})
}

func TestDifferenceNamesWhatDiffers(t *testing.T) {
	want := Observation{Result: "ok", State: []string{"ev0:ftrace", "p0.page0:00000001.00000000"}}
	got := Observation{Result: "EFAULT", Lines: 1, State: []string{"p0.page0:00000000.00000000", "p1.page0:00000000.00000000"}}
	d := strings.Join(Difference(want, got), "\n")
	for _, line := range []string{
		"result: expected ok, saw EFAULT", "log lines: expected 0, saw 1", "ev0: expected ftrace, saw nothing",
		"p0.page0: expected 00000001.00000000, saw 00000000.00000000", "p1.page0: expected nothing, saw 00000000.00000000",
	} {
		if !strings.Contains(d, line) {
			t.Errorf("no %q in\n%s", line, d)
		}
	}
}

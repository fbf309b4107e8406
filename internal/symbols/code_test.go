package symbols

import (
	"slices"
	"testing"
)

func TestCodeOfAFile(t *testing.T) {
	eachForm(t, func(t *testing.T, _ string, m *Image) {
		code, functions := m.Code([]string{"init/main.c"})
		lines := map[int]bool{}
		for i, c := range code {
			if i > 0 && code[i-1].Addr > c.Addr {
				t.Fatalf("%#x comes before %#x", code[i-1].Addr, c.Addr)
			}
			for _, l := range c.Lines {
				if l.File != "init/main.c" {
					t.Errorf("%#x is of %s", c.Addr, l.File)
				}
				lines[l.Line] = true
			}
			if !slices.ContainsFunc(functions, func(r Range) bool { return r.Start <= c.Addr && c.Addr < r.End }) {
				t.Errorf("%#x, line %v, is in none of the functions", c.Addr, c.Lines)
			}
		}
		for _, mark := range []string{"in main's twice", "in shrunk", "in split's cold part"} {
			if line := marked(t, "init/main.c", mark); !lines[line] {
				t.Errorf("line %d, %s, has no code", line, mark)
			}
		}
	})
}

func TestCodeOfAFileThatIsNotThere(t *testing.T) {
	eachForm(t, func(t *testing.T, _ string, m *Image) {
		if code, functions := m.Code([]string{"init/other.c"}); len(code)+len(functions) > 0 {
			t.Errorf("%d places, %d functions", len(code), len(functions))
		}
	})
}

func TestObjectsByTheirNames(t *testing.T) {
	eachForm(t, func(t *testing.T, file string, _ *Image) {
		all, err := Objects(file, "wor")
		if err != nil || len(all) != 1 || all[0].Name != "word" || all[0].Size != 4 || all[0].Addr == 0 || all[0].File != "" {
			t.Errorf("%+v, %v; want the variable word", all, err)
		}
	})
}

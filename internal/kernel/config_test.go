package kernel

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"uetest/internal/blame"
)

func TestFragmentLines(t *testing.T) {
	const text = `# a comment
   # indented

CONFIG_A=y
CONFIG_B=m
CONFIG_C=n
# CONFIG_D is not set
CONFIG_NR_CPUS=8
CONFIG_HEX=0xdead000000000000
CONFIG_NEGATIVE=-1
CONFIG_S="a # \"quoted\" \\ text"
  CONFIG_A=y
`
	got, err := parseFragment(Fragment{"f.config", text})
	if err != nil {
		t.Fatal(err)
	}
	want := []option{
		{"A", "y", "f.config", 4}, {"B", "m", "f.config", 5}, {"C", "n", "f.config", 6}, {"D", "n", "f.config", 7},
		{"NR_CPUS", "8", "f.config", 8}, {"HEX", "0xdead000000000000", "f.config", 9}, {"NEGATIVE", "-1", "f.config", 10},
		{"S", `"a # \"quoted\" \\ text"`, "f.config", 11}, {"A", "y", "f.config", 12},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func TestFragmentMistakesNameTheirLine(t *testing.T) {
	for text, want := range map[string]string{
		"\nPVH=y":                           `f.config:2: expected "CONFIG_NAME=value"`,
		"CONFIG_PVH":                        "f.config:1:",
		"CONFIG_PVH=":                       "f.config:1:",
		"CONFIG_PVH=yes":                    "f.config:1:",
		"CONFIG_PVH = y":                    "f.config:1:",
		"CONFIG_=y":                         "f.config:1:",
		`CONFIG_S="open`:                    "f.config:1:",
		`CONFIG_S="a"b"`:                    "f.config:1:",
		`CONFIG_S="a\"`:                     "f.config:1:",
		"# CONFIG_PVH is not  set":          "f.config:1:",
		"# CONFIG_PVH=y":                    "f.config:1:",
		"CONFIG_A=y\n# CONFIG_A is not set": "f.config:2: # CONFIG_A is not set contradicts line 1: CONFIG_A=y",
		"CONFIG_N=1_0":                      "f.config:1:",
	} {
		_, err := parseFragment(Fragment{"f.config", text})
		if err == nil || !strings.Contains(err.Error(), want) || blame.Of(err) != blame.Usage {
			t.Errorf("%q: %v, want a usage error with %q", text, err, want)
		}
	}
}

func TestLaterFragmentWins(t *testing.T) {
	got, err := mergeFragments([]Fragment{
		{"a", "CONFIG_A=y\nCONFIG_B=y\nCONFIG_C=y\n"},
		{"b", "# CONFIG_A is not set\nCONFIG_D=y\n"},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []option{{"A", "n", "b", 1}, {"B", "y", "a", 2}, {"C", "y", "a", 3}, {"D", "y", "b", 2}}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestMergeTakesTheBasesOwnLinesOut(t *testing.T) {
	base := "# comment\nCONFIG_A=y\n# CONFIG_B is not set\nCONFIG_C=3\n"
	got := mergeInto(base, []option{{name: "A", value: "n"}, {name: "B", value: "y"}, {name: "D", value: `"x"`}})
	want := "# comment\nCONFIG_C=3\n# CONFIG_A is not set\nCONFIG_B=y\nCONFIG_D=\"x\"\n"
	if got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestCheckComparesValues(t *testing.T) {
	got := parseConfig("CONFIG_Y=y\nCONFIG_M=m\n# CONFIG_N is not set\nCONFIG_NUM=16\nCONFIG_HEX=0x10\nCONFIG_S=\"a\"\n")
	for _, c := range []struct {
		name, value string
		met         bool
	}{
		{"Y", "y", true}, {"Y", "m", false}, {"Y", "n", false},
		{"M", "y", false}, {"M", "m", true},
		{"N", "n", true}, {"N", "y", false},
		{"ABSENT", "n", true}, {"ABSENT", "y", false}, {"ABSENT", "1", false},
		{"NUM", "0x10", true}, {"HEX", "16", true}, {"NUM", "17", false},
		{"S", `"a"`, true}, {"S", `"b"`, false}, {"S", "n", false},
	} {
		o := option{c.name, c.value, "f.config", 7}
		err := check([]option{o}, got, func(option, config) []string { return []string{"because"} })
		if (err == nil) != c.met {
			t.Errorf("%s: check = %v, want met %v", o, err, c.met)
		}
		if err == nil {
			continue
		}
		var e *ConfigError
		want := OptionError{File: "f.config", Line: 7, Asked: o.String(), Got: setting(c.name, got.get(c.name)), Why: []string{"because"}}
		if !errors.As(err, &e) || len(e.Options) != 1 || e.Options[0].String() != want.String() {
			t.Errorf("%s: %v, want %v", o, err, want)
		}
	}
}

// The fragments that are shipped parse, name no option twice, and say why each
// of their paragraphs is there.
func TestShippedFragmentsGiveTheirReasons(t *testing.T) {
	files, err := filepath.Glob("../../kernel-patches/*/config/*.config")
	if err != nil || len(files) == 0 {
		t.Fatalf("no fragments: %v", err)
	}
	where := map[string]string{}
	for _, f := range rfcFragments(t) {
		options, err := parseFragment(f)
		if err != nil {
			t.Error(err)
		}
		if !strings.HasPrefix(f.Text, "# ") || len(options) == 0 {
			t.Errorf("%s: does not begin with what it is for, or asks for nothing", f.Name)
		}
		for _, o := range options {
			if other, twice := where[o.name]; twice {
				t.Errorf("%s is in %s and in %s", o, other, f.Name)
			}
			where[o.name] = f.Name
		}
	}
}

func FuzzParseFragment(f *testing.F) {
	f.Add("CONFIG_A=y\n# CONFIG_B is not set\n")
	f.Add("# comment\n\nCONFIG_S=\"a\\\"b\"\nCONFIG_N=0x10\n")
	f.Add("CONFIG_A=y\nCONFIG_A=n\n")
	f.Add("CONFIG_=\x00\n")
	f.Fuzz(func(t *testing.T, text string) {
		options, err := parseFragment(Fragment{"f", text})
		if err != nil {
			return
		}
		// What was accepted is written as a .config and read as the same.
		merged, err := mergeFragments([]Fragment{{"f", text}})
		if err != nil {
			t.Fatal(err)
		}
		got := parseConfig(mergeInto("", merged))
		for _, o := range options {
			if !got.has(o) {
				t.Errorf("%s is %q after a round trip", o, got.get(o.name))
			}
			if again, err := parseFragment(Fragment{"f", o.String()}); err != nil || again[0].value != o.value {
				t.Errorf("%q is read as %v, %v", o.String(), again, err)
			}
		}
	})
}

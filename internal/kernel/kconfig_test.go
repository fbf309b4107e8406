package kernel

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

func TestExpressionsEvaluateAsKconfigDoes(t *testing.T) {
	c := config{"Y": "y", "M": "m", "NUM": "8", "HEX": "0x10", "S": `"text"`}
	for text, want := range map[string]truth{
		"Y": yes, "M": module, "N": no, "y": yes, "m": module, "n": no,
		"!Y": no, "!N": yes, "!M": module, "!!Y": yes,
		"Y && M": module, "Y && N": no, "M || N": module, "Y || N": yes,
		"N || Y && M": module, "(N || Y) && N": no, "N && Y || Y": yes,
		"NUM = 8": yes, "NUM != 8": no, "NUM > 4": yes, "NUM <= 7": no, "HEX = 16": yes,
		`S = "text"`: yes, `S = ""`: no, "M = m": yes, "N = n": yes, "Y!=n": yes,
		"$(cc-option,-fsanitize=(a,b))": unknown, "Y && $(success,true)": unknown, "N && $(success,true)": no, "Y || $(success,true)": yes,
		"Y # BROKEN": yes,
	} {
		e, err := parseExpr(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := e.eval(c); got != want {
			t.Errorf("%s = %d, want %d", text, got, want)
		}
		if unmet := e.unmet(c); (unmet == "") != (want == yes) {
			t.Errorf("%s: unmet is %q", text, unmet)
		}
	}
}

func TestUnmetNamesWhatIsMissing(t *testing.T) {
	c := config{"ON": "y", "MOD": "m", "NUM": "8"}
	for text, want := range map[string]string{
		"ON && OFF":                "OFF=n",
		"OFF && AWAY":              "OFF=n, AWAY=n",
		"OFF || AWAY":              "OFF=n and AWAY=n",
		"!ON":                      "ON=y",
		"!(ON || OFF)":             "not (ON || OFF)",
		"MOD":                      "MOD=m",
		"NUM>8 && ON":              "NUM is 8, not >8",
		"ON && $(cc-option,-mfoo)": "perhaps $(cc-option,-mfoo)",
	} {
		e, err := parseExpr(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := e.unmet(c); got != want {
			t.Errorf("%s: unmet %q, want %q", text, got, want)
		}
	}
}

func TestBadExpressionsAreErrors(t *testing.T) {
	for _, text := range []string{"", "&&", "A &&", "A B", "(A", "A)", "!", "A = ", "= A", "A & B", strings.Repeat("(", 10000), strings.Repeat("!", 10000)} {
		if e, err := parseExpr(text); err == nil {
			t.Errorf("%.20q is read as %v", text, e)
		}
	}
}

// kconfigTree has each form of the language that the kernel's files use.
var kconfigTree = fstest.MapFS{
	"Kconfig": {Data: []byte(`mainmenu "Linux/$(ARCH) Kernel"
source "arch/$(SRCARCH)/Kconfig"
source "missing/Kconfig"

menu "Tracing"
	depends on TRACING_SUPPORT
	visible if EXPERT

config USER_EVENTS
	bool "User trace events"
	depends on BROKEN || \
		COMPILE_TEST # API
	select TRACING
	help
	  config NOT_A_SYMBOL
	  depends on NOTHING

	  still help
config TRACING
	bool

if TRACING
menuconfig DEEP
	tristate "Deep" if EXPERT
	default y if PRINTK
endif # TRACING
endmenu

choice
	prompt "Kernel compression mode"
	depends on HAVE_COMPRESSION
config KERNEL_GZIP
	bool "Gzip"
config KERNEL_XZ
	bool "XZ"
endchoice

config BASE_SMALL
	int
	default 0 if BASE_FULL
	default 1 if !BASE_FULL

comment "nothing"
	depends on PRINTK

config TWICE
	bool "Twice"
	depends on A
config TWICE
	bool "Twice"
	depends on B
`)},
	"arch/x86/Kconfig":     {Data: []byte("rsource \"sub/Kconfig\"\nconfig NR_CPUS\n\tint \"CPUs\" if SMP\n\trange 2 512\n")},
	"arch/x86/sub/Kconfig": {Data: []byte("config SECRETMEM\n\tdef_bool HAS_MAP && !EMBEDDED\nsource \"Kconfig\"\n")},
}

func TestExplanations(t *testing.T) {
	k := readKconfig(kconfigTree, kconfigVars("x86"))
	on := func(names ...string) config {
		c := config{"NR_CPUS": "8"}
		for _, n := range names {
			c[n] = "y"
		}
		return c
	}
	for name, c := range map[string]struct {
		option option
		got    config
		want   []string
	}{
		"unmet dependency, with that of its menu": {
			option{name: "USER_EVENTS", value: "y"}, on("EXPERT"),
			[]string{
				"Kconfig:6: depends on TRACING_SUPPORT: TRACING_SUPPORT=n",
				"Kconfig:11: depends on BROKEN || COMPILE_TEST: BROKEN=n and COMPILE_TEST=n",
			},
		},
		"menu that is not visible": {
			option{name: "USER_EVENTS", value: "y"}, on("TRACING_SUPPORT", "BROKEN"),
			[]string{"Kconfig:7: can be set only if EXPERT: EXPERT=n"},
		},
		"enclosing if": {
			option{name: "DEEP", value: "m"}, on("TRACING_SUPPORT"),
			[]string{"Kconfig:22: if TRACING: TRACING=n"},
		},
		"selected": {
			option{name: "TRACING", value: "n"}, on("TRACING", "USER_EVENTS"),
			[]string{"selected by USER_EVENTS=y (Kconfig:13)"},
		},
		"no prompt": {
			option{name: "SECRETMEM", value: "y"}, on("HAS_MAP", "EMBEDDED"),
			[]string{
				"arch/x86/sub/Kconfig:1: SECRETMEM has no prompt, its defaults and what selects it decide",
				"arch/x86/sub/Kconfig:2: default HAS_MAP && !EMBEDDED: EMBEDDED=y",
			},
		},
		"another member of the choice": {
			option{name: "KERNEL_GZIP", value: "y"}, on("HAVE_COMPRESSION", "KERNEL_XZ"),
			[]string{"Kconfig:32: one of a choice, of which KERNEL_XZ is set"},
		},
		"out of range": {
			option{name: "NR_CPUS", value: "1024"}, on("SMP"),
			[]string{"arch/x86/Kconfig:4: range 2 512"},
		},
		"no such option": {
			option{name: "NOT_A_SYMBOL", value: "y"}, on(),
			[]string{"this kernel has no option of that name"},
		},
		"either of two definitions would do": {
			option{name: "TWICE", value: "y"}, on(),
			[]string{"Kconfig:48: depends on A: A=n", "Kconfig:51: depends on B: B=n"},
		},
	} {
		got := k.explain(c.option, c.got)
		// The file sources itself once more, so each definition is there again.
		if got = firstOf(got, len(c.want)); !slices.Equal(got, c.want) {
			t.Errorf("%s:\ngot  %q\nwant %q", name, got, c.want)
		}
	}
}

// firstOf drops what the circular source of the test tree repeats.
func firstOf(lines []string, n int) []string {
	var first []string
	for _, l := range lines {
		if !slices.Contains(first, l) {
			first = append(first, l)
		}
	}
	return first[:min(n, len(first))]
}

func FuzzParseExpr(f *testing.F) {
	for _, s := range []string{"A && !B || (C = y)", "$(cc-option,-m(x)) || A", `A = "quoted \" text"`, "A>=5&&B!=n", "!", "((", "A # c"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := parseExpr(text)
		if err != nil {
			return
		}
		c := config{"A": "y", "B": "m", "C": "5"}
		value := e.eval(c)
		if (e.unmet(c) == "") != (value == yes) {
			t.Errorf("%q: value %d, unmet %q", text, value, e.unmet(c))
		}
		// What it prints as is read as the same.
		again, err := parseExpr(e.String())
		if err != nil || again.eval(c) != value || again.String() != e.String() {
			t.Errorf("%q prints as %q, which is read as %v, %v", text, e, again, err)
		}
	})
}

func FuzzReadKconfig(f *testing.F) {
	for _, file := range kconfigTree {
		f.Add(file.Data)
	}
	f.Add([]byte("if A\nif B\nendif\nendif\nendif\nconfig\nselect X\nhelp\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		k := readKconfig(fstest.MapFS{"Kconfig": {Data: data}, "a": {Data: []byte("config A\n\tbool\n")}}, kconfigVars("x86"))
		for name := range k.symbols {
			for _, value := range []string{"y", "n", "7"} {
				k.explain(option{name: name, value: value}, config{})
			}
		}
	})
}

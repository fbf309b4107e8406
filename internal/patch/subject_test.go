package patch

import (
	"fmt"
	"strings"
	"testing"
)

func TestSubjectsAreReadAsPeopleWriteThem(t *testing.T) {
	for s, want := range map[string]string{
		"[PATCH] a: b":                            "v1 0/0 a: b",
		"[PATCH 2/3] a: b":                        "v1 2/3 a: b",
		"[RFC PATCH v2 01/11] a: b":               "v2 1/11 a: b",
		"[PATCHv3 1/2] a: b":                      "v3 1/2 a: b",
		"[PATCH V4 1/2] a: b":                     "v4 1/2 a: b",
		"[PATCH v2.1 1/2] a: b":                   "v2 1/2 a: b",
		"[PATCH 5.10 03/11] a: b":                 "v1 3/11 a: b",
		"[PATCH 6.1.y v2, 3/4] a: b":              "v2 3/4 a: b",
		"[linux-next][PATCH RESEND net 1/2] a: b": "v1 1/2 a: b",
		"[LTP] [PATCH v3 0/2] a: b":               "v3 0/2 a: b",
		"[RFC][PATCH -v2 1/2] a: b":               "v2 1/2 a: b",
		"Re: [PATCH 1/2] a: b":                    "answer v1 1/2 a: b",
		"AW: Re: [LKML] [PATCH v9] a: b":          "answer v9 0/0 a: b",
		"RE:  [PATCH 1/2] a: b":                   "answer v1 1/2 a: b",
		"Re[2]: [PATCH] a: b":                     "answer v1 0/0 a: b",
		"a: b [1/2]":                              "v1 0/0 a: b [1/2]",
		"[PATCH 9/2] a: b":                        "v1 0/0 a: b",
		"[PATCH 1/2] [media] a: b":                "v1 1/2 a: b",
		"[":                                       "v1 0/0 [",
		"":                                        "v1 0/0 ",
		"regulator: fix v2":                       "v1 0/0 regulator: fix v2",
	} {
		m := parseSubject(s)
		got := fmt.Sprintf("v%d %d/%d %s", m.version, m.number, m.of, m.title)
		if m.reply {
			got = "answer " + got
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", s, got, want)
		}
	}
}

func FuzzSubject(f *testing.F) {
	for _, s := range []string{"[PATCH v2 1/2] a: b", "Re: [RFC PATCH 0/3] x", "[[PATCH", "Re:Re:[][]", "[1/2][3/4] x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		m := parseSubject(s)
		if m.number < 0 || m.number > m.of || m.version < 0 {
			t.Errorf("%q: %+v", s, m)
		}
		if !strings.HasSuffix(strings.TrimSpace(s), m.title) {
			t.Errorf("%q: the title %q is not its end", s, m.title)
		}
	})
}

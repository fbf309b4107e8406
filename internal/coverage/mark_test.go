package coverage

import (
	"strings"
	"testing"
)

func TestJumpsGetSomethingToBeCounted(t *testing.T) {
	const mark = `{ __asm__ __volatile__(""); `
	for _, tt := range []struct{ line, want string }{
		{"\t\treturn -EINVAL;\n", "\t\t" + mark + "return -EINVAL; }\n"},
		{"\treturn NULL;", "\t" + mark + "return NULL; }"},
		{"\treturn;\n", "\t" + mark + "return; }\n"},
		{"\treturn -1; /* why */\n", "\t" + mark + "return -1; } /* why */\n"},
		{"    continue;\r\n", "    " + mark + "continue; }\r\n"},
		{"break;\n", mark + "break; }\n"},
		{"\tgoto put_user;\n", "\t" + mark + "goto put_user; }\n"},
		// What is code already, what is not all of a statement, what is no statement.
		{"\treturn f(x);\n", ""},
		{"\treturn x ? 1 :\n", ""},
		{"\treturn 0; \\\n", ""},
		{"\treturn 0; } while (0);\n", ""},
		{"\tif (x) return 0;\n", ""},
		{"out:\treturn 0;\n", ""},
		{"\treturned = 0;\n", ""},
		{"\tint continue_at;\n", ""},
		{" * return 0;\n", ""},
		{"\treturn ';';\n", ""},
		{"", ""},
	} {
		if tt.want == "" {
			tt.want = tt.line
		}
		if got := string(Mark([]byte(tt.line), func(int) bool { return true })); got != tt.want {
			t.Errorf("%q became %q, want %q", tt.line, got, tt.want)
		}
	}
}

func TestOnlyWantedLinesAreMarked(t *testing.T) {
	text := "a;\n\treturn 0;\n\treturn 0;\n"
	got := string(Mark([]byte(text), func(line int) bool { return line == 3 }))
	if want := "a;\n\treturn 0;\n"; !strings.HasPrefix(got, want) || got == text || strings.Count(got, "\n") != 3 {
		t.Errorf("got %q", got)
	}
}

package mutant

import (
	"io/fs"
	"reflect"
	"slices"
	"strings"
	"testing"

	"uetest/internal/patch"
)

// added makes a file of which a patch added the lines that end in "//+", and took
// nothing away. The marks are no part of it.
func added(text string) File {
	var h patch.ChangedHunk
	lines := strings.SplitAfter(text, "\n")
	if lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	var whole strings.Builder
	for i, l := range lines {
		bare := strings.TrimSuffix(l, "\n")
		one := patch.ChangedLine{Op: patch.Context, Number: i + 1}
		if cut, is := strings.CutSuffix(bare, "//+"); is {
			bare, one.Op = strings.TrimRight(cut, " "), patch.Added
		}
		one.Text = bare
		whole.WriteString(bare)
		if strings.HasSuffix(l, "\n") {
			whole.WriteByte('\n')
		}
		h.Lines = append(h.Lines, one)
	}
	return File{patch.ChangedFile{Path: "dir/x.c", Hunks: []patch.ChangedHunk{h}}, []byte(whole.String())}
}

// made is what becomes of a text: a line a mutant, its operator and what it changes.
// The whole hunk put back is left out.
func made(text string) []string {
	var list []string
	for _, m := range Generate([]File{added(text)}) {
		if m.Operator != RevertHunk {
			list = append(list, m.Operator+" "+strings.Join(m.Change(), " "))
		}
	}
	return list
}

func TestOperators(t *testing.T) {
	for _, tt := range []struct {
		name, body string
		want       []string
	}{
		{"a call is left out", "a(1); //+", []string{
			"drop-statement -a(1); +;", "change-constant -a(1); +a(2);", "change-constant -a(1); +a(0);"}},
		{"what the patch did not add stays", "a(1);", nil},
		{"a statement of several lines", "a(b, //+\n  c); //+", []string{"drop-statement -a(b, -c); +;"}},
		{"a declaration stays", "int a = b(); //+\nstruct s *p; //+\nfoo_t *q = 0; //+\nu32 c; //+", []string{
			"change-constant -foo_t *q = 0; +foo_t *q = 1;"}},
		{"an assignment", "a = b; //+", []string{"drop-statement -a = b; +;"}},
		{"the value of a function stays", "return a; //+", nil},
		{"an early way out", "if (a) //+\n\treturn -EFAULT; //+\nreturn 0;", []string{
			"negate-condition -if (a) +if (!a)", "drop-statement -return -EFAULT; +;",
			"change-constant -return -EFAULT; +return 0;", "change-constant -return -EFAULT; +return -EINVAL;"}},
		{"a condition that is negated already", "if (!a->b(c)) //+\n\td(); ", []string{"negate-condition -if (!a->b(c)) +if (a->b(c))"}},
		{"an or", "if (a || b & c) //+\n\td(); ", []string{
			"negate-condition -if (a || b & c) +if (!(a || b & c))", "drop-operand -if (a || b & c) +if (b & c)", "drop-operand -if (a || b & c) +if (a)"}},
		{"an and of three", "while (a && !b && c) //+\n\td(); ", []string{
			"negate-condition -while (a && !b && c) +while (!(a && !b && c))",
			"drop-operand -while (a && !b && c) +while (!b && c)", "drop-operand -while (a && !b && c) +while (a && c)", "drop-operand -while (a && !b && c) +while (a && !b)"}},
		{"a bound", "if (a <= 0) //+\n\td(); ", []string{
			"negate-condition -if (a <= 0) +if (!(a <= 0))", "change-comparison -if (a <= 0) +if (a < 0)", "change-constant -if (a <= 0) +if (a <= 1)"}},
		{"an equality alone is negated and no more", "if (a != b) //+\n\tcontinue; ", []string{"negate-condition -if (a != b) +if (!(a != b))"}},
		{"the condition of a for", "for (i = 0; i < n; i++) //+\n\td(); ", []string{
			"negate-condition -for (i = 0; i < n; i++) +for (i = 0; !(i < n); i++)",
			"change-constant -for (i = 0; i < n; i++) +for (i = 1; i < n; i++)",
			"change-comparison -for (i = 0; i < n; i++) +for (i = 0; i <= n; i++)",
			"swap -for (i = 0; i < n; i++) +for (i = 0; i < n; i--)"}},
		{"a walk has no condition", "list_for_each_entry(a, b, c) //+\n\td(a); //+", []string{"drop-statement -d(a); +;"}},
		{"the end of a do", "do {\n\ta();\n} while (b); //+", []string{"negate-condition -} while (b); +} while (!b);"}},
		{"set and clear", "if (a)\n\tset_bit(b, c); //+\nelse\n\tclear_bit(b, c); //+", []string{
			"drop-statement -set_bit(b, c); +;", "swap -set_bit(b, c); +clear_bit(b, c);",
			"drop-statement -clear_bit(b, c); +;", "swap -clear_bit(b, c); +set_bit(b, c);"}},
		{"bits", "a |= b; //+\na &= ~b; //+", []string{
			"drop-statement -a |= b; +;", "swap -a |= b; +a &= ~(b);",
			"drop-statement -a &= ~b; +;", "change-constant -a &= ~b; +a &= b;", "swap -a &= ~b; +a |= b;"}},
		{"a lock", "mutex_lock(&m); //+\na();\nmutex_unlock(&m); //+", []string{
			"drop-lock -mutex_lock(&m); +;", "drop-lock -mutex_lock(&m); +; -mutex_unlock(&m); +;", "drop-lock -mutex_unlock(&m); +;"}},
		{"two locks", "down_read(a); //+\nspin_lock(b);\nup_read(a); //+", []string{
			"drop-lock -down_read(a); +;", "drop-lock -down_read(a); +; -up_read(a); +;", "drop-lock -up_read(a); +;"}},
		{"references", "mmgrab(a); //+\nunpin_user_pages_dirty_lock(&p, n, true); //+\nset_page_dirty_lock(p); //+", []string{
			"drop-reference -mmgrab(a); +;",
			"drop-reference -unpin_user_pages_dirty_lock(&p, n, true); +;", "change-constant -unpin_user_pages_dirty_lock(&p, n, true); +unpin_user_pages_dirty_lock(&p, n, false);",
			"drop-lock -set_page_dirty_lock(p); +;"}},
		{"flags", "a(b, FOLL_WRITE | FOLL_NOFAULT); //+", []string{
			"drop-statement -a(b, FOLL_WRITE | FOLL_NOFAULT); +;",
			"change-constant -a(b, FOLL_WRITE | FOLL_NOFAULT); +a(b, FOLL_NOFAULT);", "change-constant -a(b, FOLL_WRITE | FOLL_NOFAULT); +a(b, FOLL_WRITE);"}},
		{"a difference is no error", "a = n -EINVAL; //+", []string{"drop-statement -a = n -EINVAL; +;"}},
		{"hexadecimal", "a = 0x10UL; //+", []string{"drop-statement -a = 0x10UL; +;", "change-constant -a = 0x10UL; +a = 0x11UL;", "change-constant -a = 0x10UL; +a = 0xfUL;"}},
		{"words", `pr_warn("no; \"such\" }\n"); //+`, []string{
			`drop-statement -pr_warn("no; \"such\" }\n"); +;`, `change-constant -pr_warn("no; \"such\" }\n"); +pr_warn("_no; \"such\" }\n");`}},
		{"labels and cases", "switch (a) {\ncase 1: //+\n\tb(); //+\n\tbreak; //+\ndefault: //+\n\tgoto out; //+\n}\nout: //+\nreturn 0;", []string{
			"change-constant -case 1: +case 2:", "change-constant -case 1: +case 0:",
			"drop-statement -b(); +;", "drop-statement -break; +;", "drop-statement -goto out; +;"}},
		{"comments are no code", "/* a(1); //+\n * b(2); //+\n */ //+\n// c(3); //+", nil},
		{"a comment in a statement", "a(b /* ; */, //+\n  c); //+", []string{"drop-statement -a(b /* ; */, -c); +;"}},
		{"a preprocessor line is no statement", "#ifdef X //+\na(); //+\n#endif //+", []string{"drop-statement -a(); +;"}},
		{"no statement at all", "; //+", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := made("static int f(int a)\n{\n" + tt.body + "\n}\n")
			slices.Sort(got)
			slices.Sort(tt.want)
			if !slices.Equal(got, tt.want) {
				t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(tt.want, "\n  "))
			}
		})
	}
}

func TestOutsideOfFunctions(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       []string
	}{
		{"a bit field", "struct a {\n\tint b : 5, //+\n\t    c : 27;\n};\n", []string{"change-constant -int b : 5, +int b : 6,", "change-constant -int b : 5, +int b : 4,"}},
		{"a macro", "#define A(x) ((x) + 1) //+\n", []string{"change-constant -#define A(x) ((x) + 1) +#define A(x) ((x) + 2)", "change-constant -#define A(x) ((x) + 1) +#define A(x) ((x) + 0)"}},
		{"a macro of several lines", "#define A \\\n\t7 //+\n", []string{"change-constant -7 +8", "change-constant -7 +6"}},
		{"a condition of the preprocessor", "#if A > 1 //+\n#endif //+\n#include <a.h> //+\n", nil},
		{"a void function may do without its return", "void f(void)\n{\n\tif (a)\n\t\treturn; //+\n\tb();\n}\n", []string{"drop-statement -return; +;"}},
		{"a table", "static int a[] = { 1 }; //+\n", []string{"change-constant -static int a[] = { 1 }; +static int a[] = { 2 };", "change-constant -static int a[] = { 1 }; +static int a[] = { 0 };"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := made(tt.text); !slices.Equal(got, tt.want) {
				t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(tt.want, "\n  "))
			}
		})
	}
}

func TestFunctionsAreFound(t *testing.T) {
	s := newSource(`#include <x.h>
struct a { int (*f)(void); };
static struct a b = { .f = g };
static struct user_event_enabler
*create(struct file *file)
{ return 0; }
static __printf(1, 2) void warn(const char *f, ...) { }
struct a *find(struct a { int b; } *c) { }
int x(void) __acquires(lock) { if (a) { } }
SYSCALL_DEFINE1(close, int, fd) { }
void *alloc(void) { }
enum e { A, B };
`)
	type found struct {
		Name string
		Void bool
	}
	var got []found
	for _, f := range s.functions() {
		got = append(got, found{f.name, f.void})
	}
	want := []found{{"create", false}, {"warn", true}, {"find", false}, {"x", false}, {"SYSCALL_DEFINE1", false}, {"alloc", false}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestTokens(t *testing.T) {
	for src, want := range map[string][]string{
		"a->b<<=0x1e+2;":              {"a", "->", "b", "<<=", "0x1e", "+", "2", ";"},
		"1.5e-3 + .5f":                {"1.5e-3", "+", ".5f"},
		`"a\"b" 'c' '\''`:             {`"a\"b"`, "'c'", `'\''`},
		"a /* b */ c // d\ne":         {"a", "c", "e"},
		"#define a \\\n b\nc":         {"#define a \\\n b", "c"},
		"#if a /* \n */ b\nc":         {"#if a /* \n */ b", "c"},
		"a # b":                       {"a", "#", "b"},
		"\"no end\nb":                 {`"no end`, "b"},
		"/* no end":                   nil,
		"a \\\nb":                     {"a", "b"},
		"x\\\r\ny":                    {"x", "y"},
		"// goes on \\\n here\nthere": {"there"},
	} {
		s := newSource(src)
		var got []string
		for i := range s.tokens {
			got = append(got, s.at(i))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", src, got, want)
		}
	}
}

func TestLocksAreKnown(t *testing.T) {
	for name, want := range map[string]string{
		"mutex_lock": "mutex_unlock", "spin_lock_irqsave": "spin_unlock_irqrestore", "down_write": "up_write",
		"rcu_read_lock": "rcu_read_unlock", "preempt_disable": "preempt_enable", "mmap_read_lock": "mmap_read_unlock",
		"unpin_user_pages_dirty_lock": "", "event_disable": "", "block": "", "mutex_unlock": "",
	} {
		if got := lockOf(name); got != want {
			t.Errorf("%s is given back by %q, want %q", name, got, want)
		}
	}
}

// Ids stay when a patch changes elsewhere, and two are never equal.
func TestIDsAreStable(t *testing.T) {
	const body = "int f(void)\n{\n\ta(); //+\n\ta(); //+\n\tif (b) //+\n\t\tc = 1; //+\n\treturn 0; //+\n}\n"
	ids := func(text string) []string {
		var list []string
		for _, m := range Generate([]File{added(text)}) {
			if m.Operator != RevertHunk { // the one hunk is all of the text
				list = append(list, m.ID)
			}
		}
		return list
	}
	want := ids(body)
	if want[0] != "x.c:f:drop-statement:a" || !slices.Contains(want, "x.c:f:drop-statement:a:2") {
		t.Errorf("got %q", want)
	}
	got := slices.DeleteFunc(ids("int x; //+\nint g(void)\n{\n\td(); //+\n}\n"+body), func(id string) bool { return strings.Contains(id, ":g:") })
	if !slices.Equal(got, want) {
		t.Errorf("with a function before it: %q, want %q", got, want)
	}
	slices.Sort(got)
	if len(slices.Compact(got)) != len(want) {
		t.Errorf("two ids are equal: %q", got)
	}
	two := added(body)
	two.Path = "other/x.c"
	if all := Generate([]File{added(body), two}); !strings.HasPrefix(all[0].ID, "dir/x.c:") || !strings.HasPrefix(all[len(all)-1].ID, "other/x.c:") {
		t.Errorf("of two files of one name: %q", all[0].ID)
	}
}

// tree is one file.
type tree map[string][]byte

func (t tree) ReadFile(name string) ([]byte, fs.FileMode, error) {
	if data, ok := t[name]; ok {
		return data, 0o644, nil
	}
	return nil, 0, fs.ErrNotExist
}

// A hunk is put back as it was, and not where it changed comments alone.
func TestHunksArePutBack(t *testing.T) {
	before := "int a;\nint f(void)\n{\n\told();\n\treturn 0;\n}\n" + strings.Repeat("int g;\n", 9) + "/* x */\n" + strings.Repeat("int h;\n", 9) + "#include <a.h>\n"
	diff := "--- a/dir/x.c\n+++ b/dir/x.c\n@@ -3,3 +3,4 @@ int f(void)\n {\n-\told();\n+\tnew();\n+\tmore();\n \treturn 0;\n" +
		"@@ -15,3 +16,3 @@\n int g;\n-/* x */\n+/* y */\n int h;\n@@ -26,1 +27,2 @@\n #include <a.h>\n+#include <b.h>\n"
	p, err := patch.Read("p", []byte(diff))
	if err != nil {
		t.Fatal(err)
	}
	base := tree{"dir/x.c": []byte(before)}
	files, err := patch.Changed(base, 0, p)
	if err != nil {
		t.Fatal(err)
	}
	over, err := patch.Apply(base, p)
	if err != nil {
		t.Fatal(err)
	}
	after := over["dir/x.c"].Data
	var reverts []Mutant
	for _, m := range Generate([]File{{files[0], after}}) {
		if m.Operator == RevertHunk {
			reverts = append(reverts, m)
		}
	}
	if len(reverts) == 1 && !slices.Equal(reverts[0].Change(), []string{"-new();", "-more();", "+old();"}) {
		t.Errorf("got %q", reverts[0].Change())
	}
	if len(reverts) != 1 || reverts[0].ID != "x.c:f:revert-hunk" || reverts[0].Line != 4 {
		t.Fatalf("got %+v", reverts)
	}
	got := applied(t, "dir/x.c", after, reverts[0])
	if want := strings.NewReplacer("/* x */", "/* y */", "<a.h>\n", "<a.h>\n#include <b.h>\n").Replace(before); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// applied is a file with a mutant.
func applied(t *testing.T, name string, text []byte, m Mutant) string {
	t.Helper()
	p, err := patch.Read(m.ID, m.Text())
	if err != nil {
		t.Fatalf("%s: %v\n%s", m.ID, err, m.Text())
	}
	over, err := patch.Apply(tree{name: text}, p)
	if err != nil {
		t.Fatalf("%s: %v\n%s", m.ID, err, m.Text())
	}
	return string(over[name].Data)
}

func TestSampleIsRepeated(t *testing.T) {
	all := Generate([]File{added("void f(void)\n{\n" + strings.Repeat("\ta(1, 2, 3); //+\n", 9) + "}\n")})
	a, b, c := Sample(all, 5, 1), Sample(all, 5, 1), Sample(all, 5, 2)
	if len(a) != 5 || !reflect.DeepEqual(a, b) || reflect.DeepEqual(a, c) {
		t.Errorf("got %v, %v, %v", a, b, c)
	}
	if got := Sample(all, len(all)+1, 1); len(got) != len(all) {
		t.Errorf("more than there are: %d of %d", len(got), len(all))
	}
}

// Whatever the text is, the tokens are in order with nothing but blanks between, and
// each mutant applies, changes it and keeps the lines.
func FuzzGenerate(f *testing.F) {
	f.Add("int f(int a)\n{\n\tif (!a || b > 1)\n\t\treturn -EINVAL;\n\tset_bit(1, \"x\");\n\treturn 0;\n}\n")
	f.Add("#define A \\\n 1\nvoid f(void) { do { a |= ~b; } while (c && d); }")
	f.Add("f(){for(;;){x:case 1:}else if(")
	f.Add("f(){\"\n\\\n'/*")
	f.Add("f(){if(a||)b;}")
	f.Fuzz(func(t *testing.T, src string) {
		at := 0
		for _, tok := range lex(src) {
			if tok.start < at || tok.end <= tok.start || strings.Trim(src[at:tok.start], " \t\r\n\f\v\\") != "" {
				t.Fatalf("token %+v behind %d of %q", tok, at, src)
			}
			at = tok.end
		}
		if strings.ContainsAny(src, "\r\x00") {
			return // a patch has no such lines
		}
		// What is not indented at all passes for text that has lost its whitespace.
		src = "\t" + strings.ReplaceAll(src, "\n", "\n\t")
		file := added(strings.ReplaceAll(src, "\n", "//+\n"))
		if string(file.Text) != src {
			return // it has marks, or blanks before the end of a line
		}
		for _, m := range Generate([]File{file}) {
			got := applied(t, file.Path, file.Text, m)
			switch {
			case got == src:
				t.Errorf("%s changes nothing", m.ID)
			case m.Operator != RevertHunk && strings.Count(got, "\n") != strings.Count(src, "\n"):
				t.Errorf("%s changes the number of lines:\n%s", m.ID, m.Diff)
			}
		}
	})
}

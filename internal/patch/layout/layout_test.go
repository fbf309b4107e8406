package layout

import (
	"strings"
	"testing"
)

// lines cuts a text that starts with a line end into lines.
func lines(text string) []string {
	return strings.Split(strings.TrimSuffix(strings.TrimPrefix(text, "\n"), "\n"), "\n")
}

// filledIn lays out a file of which some lines, marked with "+" in front, are
// squeezed first. It returns the file.
func filledIn(t *testing.T, file string) (got, want string) {
	t.Helper()
	var base []string
	var hunk []Line
	for _, l := range lines(file) {
		if text, ok := strings.CutPrefix(l, "+"); ok {
			hunk = append(hunk, Line{Kind: New, Text: Squeeze(text)})
			want += text + "\n"
			continue
		}
		base = append(base, l)
		hunk = append(hunk, Line{Kind: Keep, Text: l})
		want += l + "\n"
	}
	doc := Open(base, []int{0}, [][]Line{hunk})
	added := doc.Hunks()[0].Best().Lines
	for _, l := range hunk {
		if l.Kind == New {
			l.Text, added = added[0], added[1:]
		}
		got += l.Text + "\n"
	}
	return got, want
}

func TestAddedLinesAreLaidOutAsTheKernelDoes(t *testing.T) {
	tests := []struct{ name, file string }{
		{"a block", `
int f(void)
{
+	if (a) {
+		b();
+	} else if (c) {
+		d();
+	} else {
+		e();
+	}
	return 0;
}
`}, {"bodies without braces", `
int f(void)
{
+	if (a)
+		for (i = 0; i < n; i++)
+			if (b)
+				c();
+			else
+				d();
+	else
+		e();
	return 0;
}
`}, {"a loop macro", `
int f(void)
{
+	list_for_each_entry(a, b, c)
+		if (a->x)
+			return 1;
+
+	hash_for_each_possible(t, a, node, key) {
+		d(a);
+	}
	return 0;
}
`}, {"do and while", `
int f(void)
{
+	do {
+		a();
+	} while (b);
+	while (c)
+		d();
+	do
+		e();
+	while (g);
	return 0;
}
`}, {"a switch in a switch", `
int f(int a)
{
	switch (a) {
	case 1:
		return 1;
+	case 2: {
+		int b;
+
+		switch (b) {
+		case 3:
+			c();
+			fallthrough;
+		default:
+			d();
+		}
+		break;
+	}
+	case 4 ... 9:
+		/* enough */
+		break;
	}
	return 0;
}
`}, {"labels", `
int f(void)
{
+	if (a)
+		goto out;
+	return 0;
+
+out:
+	b();
	return 1;
}
`}, {"alignment to a bracket", `
static int f(int a, int b)
{
+	g(a, h(b,
+	       c),
+	  d);
+	if (a ||
+	    (b &&
+	     c))
+		d();
	return 0;
}
+
+static struct some_long_name *another_function(struct argument *one,
+					       struct argument *two)
+{
+	return NULL;
+}
`}, {"arguments behind an open bracket", `
int f(void)
{
+	some_function(
+		a,
+		b);
	return 0;
}
`}, {"a type on its own line", `
+static struct foo
+*foo_create(int a,
+	    int b)
+{
+	return NULL;
+}
+
+static __always_inline __must_check
+bool foo_is(void)
+{
+	return true;
+}
`}, {"comments", `
int f(void)
{
+	/*
+	 * A comment of
+	 * two lines.
+	 */
+	a(); /* short */
+	if (b) {
+		/* inside */
+		c();
+	}
	return 0;
}
+
+/**
+ * g() - do it
+ */
+void g(void);
`}, {"a condition of the preprocessor", `
int f(void)
{
+#ifdef A
+	if (a)
+		return 1;
+#else
+	if (b)
+		return 2;
+#endif
	return 0;
}
`}, {"both branches open the same block", `
int f(void)
{
#ifdef A
	if (a) {
#else
	if (b) {
#endif
+		c();
	}
	return 0;
}
`}, {"initialisers", `
+static const struct ops ops = {
+	.open = f_open,
+	.sub = {
+		.a = 1,
+	},
+};
+
+static const int table[] = {
+	[1] = 2,
+	[3] = 4,
+};
`}, {"columns of neighbours", `
#define A_ONE		1
#define A_TWO		2
+#define A_HUNDRED	100

struct a {
	int		one;
	unsigned long	two;
+	char		*three;
};

static const struct ops ops = {
	.open		= f_open,
+	.release	= f_release,
	.ioctl		= f_ioctl,
};
`}, {"a macro of several lines", `
#define SWAP(a, b)		\
	do {			\
		typeof(a) t = a;\
+		a = b;		\
+		if (c)		\
+			d();	\
		b = t;		\
	} while (0)
`}, {"a struct and an enum", `
+struct a {
+	struct list_head link;
+	union {
+		int b;
+		long c;
+	};
+	unsigned int d : 5,
+		     e : 27;
+};
+
+enum {
+	ONE,
+	TWO = 2,
+};
`}, {"expressions that go on", `
int f(void)
{
+	int a = b +
+		c;
+	a = b ? c
+	      : d;
+	x = "one "
+	    "two";
	return 0;
}
`}, {"a tracepoint", `
TRACE_EVENT(one,

	TP_PROTO(int a),

	TP_ARGS(a),
+
+	TP_STRUCT__entry(
+		__field(int, a)
+	),
+
+	TP_fast_assign(
+		__entry->a = a;
+	),

	TP_printk("%d", __entry->a)
);
`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got, want := filledIn(t, tt.file); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func TestTheFilesOwnHabitWins(t *testing.T) {
	// Continuations by two tabs, labels behind a blank, members not in columns.
	habit := `
int a(int b,
		int c)
{
	d(e,
		f);
	g(h,
		i);
	j(k,
		l);
	goto out;
 out:
	return 0;
}

int b(int b,
		int c)
{
	d(e,
		f);
	goto err;
 err:
	return 0;
}

`
	got, want := filledIn(t, habit+`
+int c(int b,
+		int c)
+{
+	d(e,
+		f);
+	goto fail;
+ fail:
+	return 0;
+}
`)
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestKnownFrontsAndColumnsBind(t *testing.T) {
	base := lines("\nint f(void)\n{\n\treturn 0;\n}\n")
	for _, tt := range []struct {
		line Line
		want string
	}{
		{Line{Kind: New, Text: "a();"}, "\ta();"},
		{Line{Kind: New, Text: "a();", Front: Some}, "\ta();"},
		{Line{Kind: New, Text: "a();", Front: Bare}, "a();"},
		{Line{Kind: New, Text: "a();", Column: 9}, "\ta();"},
		{Line{Kind: New, Text: "a();", Column: 13}, "\t    a();"},
		{Line{Kind: New, Text: "out:", Front: Some}, " out:"},
		{Line{Kind: New, Text: "out:"}, "out:"},
	} {
		hunk := []Line{{Kind: Keep, Text: base[0]}, {Kind: Keep, Text: base[1]}, tt.line, {Kind: Keep, Text: base[2]}, {Kind: Keep, Text: base[3]}}
		if got := Open(base, []int{0}, [][]Line{hunk}).Hunks()[0].Best().Lines[0]; got != tt.want {
			t.Errorf("%+v: got %q, want %q", tt.line, got, tt.want)
		}
	}
}

func TestVariantsComeOnceAndTheLikeliestFirst(t *testing.T) {
	base := lines("\nint f(void)\n{\n\treturn 0;\n}\n")
	hunk := []Line{{Kind: Keep, Text: base[0]}, {Kind: Keep, Text: base[1]},
		{Kind: New, Text: "g(a,"}, {Kind: New, Text: "b);"}, {Kind: New, Text: "out:"},
		{Kind: Keep, Text: base[2]}, {Kind: Keep, Text: base[3]}}
	h := Open(base, []int{0}, [][]Line{hunk}).Hunks()[0]
	v := h.Variants()
	first, ok := v.At(0)
	if !ok || strings.Join(first.Lines, "\n") != strings.Join(h.Best().Lines, "\n") {
		t.Errorf("the first variant is %q, the best layout %q", first.Lines, h.Best().Lines)
	}
	seen := map[string]bool{}
	last := first.Cost
	n := 0
	for ; ; n++ {
		l, ok := v.At(n)
		if !ok {
			break
		}
		key := strings.Join(l.Lines, "\n")
		if seen[key] {
			t.Fatalf("variant %d, %q, comes twice", n, l.Lines)
		}
		seen[key] = true
		if l.Cost < last-1e-9 {
			t.Errorf("variant %d costs %f, the one before it %f", n, l.Cost, last)
		}
		last = l.Cost
	}
	for _, want := range []string{"\tg(a,\n\t  b);\nout:", "\tg(a,\n\t\tb);\nout:", "\tg(a,\n\t  b);\n out:"} {
		if !seen[want] {
			t.Errorf("%q is not among the %d variants", want, n)
		}
	}
}

func TestAHabitChangesAllItsPlaces(t *testing.T) {
	base := []string{"int x;"}
	hunk := []Line{{Kind: Keep, Text: "int x;"}}
	for _, l := range lines("\nint function_number(int a,\nint b);\nlong function_number(int a,\nint b);\n") {
		hunk = append(hunk, Line{Kind: New, Text: l})
	}
	doc := Open(base, []int{0}, [][]Line{hunk})
	for _, h := range doc.Habits() {
		if got := doc.With(h).Hunks()[0].Best().Lines; got[1] == "\t\tint b);" && got[3] == "\t\tint b);" {
			return
		}
	}
	t.Errorf("no habit of %+v indents both continuations by two tabs", doc.Habits())
}

func TestPriorsAreShares(t *testing.T) {
	if len(priors()) < 300 {
		t.Errorf("%d classes, want some hundreds", len(priors()))
	}
	for class, h := range priors() {
		sum := 0.0
		for _, share := range h.shares {
			sum += share
		}
		if h.weight <= 0 || sum > 1.01 {
			t.Errorf("%s: weight %g, shares of %g in all", class, h.weight, sum)
		}
	}
}

func TestTabsEndAtColumnsOfEight(t *testing.T) {
	for text, want := range map[string]int{"": 0, "\t": 8, "  \t": 8, "\t  ": 10, "12345678\t": 16, "ä\t": 8} {
		if got := column(0, text); got != want {
			t.Errorf("column(0, %q) = %d, want %d", text, got, want)
		}
	}
	for _, tt := range []struct {
		from, to int
		like     string
		want     string
	}{{3, 8, "\t", "\t"}, {3, 17, "\t", "\t\t "}, {3, 6, "\t", "   "}, {3, 8, " ", "     "}, {8, 8, "\t", ""}, {9, 8, "\t", ""}} {
		if got := fillTo(tt.from, tt.to, tt.like); got != tt.want {
			t.Errorf("fillTo(%d, %d, %q) = %q, want %q", tt.from, tt.to, tt.like, got, tt.want)
		}
	}
}

func FuzzLayoutChangesWhitespaceAlone(f *testing.F) {
	f.Add("int f(void)\n{\n\treturn 0;\n}", "if (a) {\nb();\n} else\nc();", uint8(2))
	f.Add("#define A(x) \\\n\tdo { \\\n\t} while (0)", "case 1: /* x\n* y */\n\"str\\", uint8(1))
	f.Add("struct a {\n\tint\tb;\n};", "#else\n}}}\n)))\n[[[\n'", uint8(0))
	f.Fuzz(func(t *testing.T, file, added string, where uint8) {
		base := strings.Split(file, "\n")
		at := int(where) % (len(base) + 1)
		var hunk []Line
		for i, l := range strings.Split(added, "\n") {
			hunk = append(hunk, Line{Kind: New, Text: l, Front: Front(i % 3)})
		}
		h := Open(base, []int{at}, [][]Line{hunk}).Hunks()[0]
		v := h.Variants()
		for n := range 10 {
			layout, ok := v.At(n)
			if !ok {
				break
			}
			if len(layout.Lines) != len(hunk) {
				t.Fatalf("%d lines of %d", len(layout.Lines), len(hunk))
			}
			for i, l := range layout.Lines {
				if Squeeze(l) != Squeeze(hunk[i].Text) {
					t.Errorf("%q became %q", hunk[i].Text, l)
				}
			}
		}
		h.Doubts()
	})
}

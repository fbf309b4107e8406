package catalog

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"uetest/internal/feature"
)

// programs returns, for each area with a program in selftests/, the ids of
// its table: the keys of the kit.Tests literal that main passes to kit.Main.
func programs(t *testing.T) map[string][]string {
	t.Helper()
	mains, err := filepath.Glob("../*/main.go")
	if err != nil || len(mains) == 0 {
		t.Fatalf("no area programs: %v", err)
	}
	ids := map[string][]string{}
	for _, file := range mains {
		area := filepath.Base(filepath.Dir(file))
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		if f.Name.Name != "main" {
			t.Errorf("%s is package %s", file, f.Name.Name)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			lit, ok := n.(*ast.CompositeLit)
			if !ok {
				return true
			}
			if sel, ok := lit.Type.(*ast.SelectorExpr); !ok || sel.Sel.Name != "Tests" {
				return true
			}
			for _, e := range lit.Elts {
				key, ok := e.(*ast.KeyValueExpr).Key.(*ast.BasicLit)
				if !ok {
					t.Errorf("%s: a test whose id is no literal", file)
					continue
				}
				id, err := strconv.Unquote(key.Value)
				if err != nil {
					t.Fatal(err)
				}
				ids[area] = append(ids[area], id)
			}
			return false
		})
	}
	return ids
}

func TestProgramsAndCatalogueHaveTheSameTests(t *testing.T) {
	inPrograms := map[string]bool{}
	for area, ids := range programs(t) {
		if len(ids) == 0 {
			t.Errorf("selftests/%s has no tests", area)
		}
		for _, id := range ids {
			if !strings.HasPrefix(id, area+"/") {
				t.Errorf("selftests/%s has %s, which belongs to another area", area, id)
			}
			if inPrograms[id] {
				t.Errorf("%s twice", id)
			}
			inPrograms[id] = true
			if area == witnessArea {
				continue // its programs are not in the catalogue, see witness_test.go
			}
			if _, ok := ByID(id); !ok {
				t.Errorf("selftests/%s has %s, the catalogue does not: add it to selftests/catalog/%s.go", area, id, area)
			}
		}
	}
	for _, test := range All() {
		if !inPrograms[test.ID] && test.Source == "" {
			t.Errorf("the catalogue has %s, selftests/%s has not", test.ID, test.Area())
		}
	}
}

var (
	idForm  = regexp.MustCompile(`^[a-z]+/[a-z0-9]+(-[a-z0-9]+)*$`)
	sawForm = regexp.MustCompile(`^[^ =]+=[^ =]+( [^ =]+=[^ =]+)*$`)
)

// keys returns the keys of an observation, in their order.
func keys(saw string) []string {
	var keys []string
	for _, f := range strings.Fields(saw) {
		key, _, _ := strings.Cut(f, "=")
		keys = append(keys, key)
	}
	return keys
}

func TestEntriesAreWhole(t *testing.T) {
	seen, purposes := map[string]bool{}, map[string]string{}
	var last string
	for _, test := range All() {
		switch {
		case !idForm.MatchString(test.ID):
			t.Errorf("%q is not of the form area/what-holds", test.ID)
		case seen[test.ID]:
			t.Errorf("%s twice", test.ID)
		case test.ID < last:
			t.Errorf("%s behind %s", test.ID, last)
		}
		seen[test.ID], last = true, test.ID
		if test.Purpose == "" || strings.Contains(test.Purpose, "\n") {
			t.Errorf("%s: purpose %q is not one line", test.ID, test.Purpose)
		}
		if other, ok := purposes[test.Purpose]; ok {
			t.Errorf("%s and %s have the same purpose", test.ID, other)
		}
		purposes[test.Purpose] = test.ID
		for _, c := range test.Claims {
			if c < 1 || c >= len(claims) {
				t.Errorf("%s: no claim %d", test.ID, c)
			}
		}
		for _, q := range test.Questions {
			if !slices.ContainsFunc(questions, func(have Question) bool { return have.ID == q }) {
				t.Errorf("%s: no question %s", test.ID, q)
			}
		}
		if !test.Machine.Usual() && test.Isolation != Fresh {
			t.Errorf("%s: a machine of its own, and isolation is not Fresh", test.ID)
		}
		for _, n := range test.Needs {
			if !slices.Contains(feature.All(), n) {
				t.Errorf("%s: %s is not among the features", test.ID, n)
			}
		}
		if len(test.Expect) == 0 {
			t.Errorf("%s expects nothing", test.ID)
		}
		var order []string
		for _, g := range slices.Sorted(maps.Keys(test.Expect)) {
			e := test.Expect[g]
			if !sawForm.MatchString(e.Saw) && (e.Saw != "" || e.Splat == "") {
				t.Errorf("%s on %s: %q is not key=value key=value", test.ID, g, e.Saw)
			}
			whole := e.Saw
			if e.Splat != "" {
				whole = e.Promise
			}
			if order == nil {
				order = keys(whole)
			}
			if !slices.Equal(order, keys(whole)) {
				t.Errorf("%s on %s: keys %q, on another generation %q", test.ID, g, keys(whole), order)
			}
			checkFault(t, test, g, e)
		}
		for arch, d := range test.Arch {
			if arch != "arm64" && arch != "riscv64" {
				t.Errorf("%s: what differs on %q", test.ID, arch)
			}
			if d.Why == "" || d.Absent != (len(d.Expect) == 0) {
				t.Errorf("%s on %s: no reason, or neither absent nor expected otherwise", test.ID, arch)
			}
			there, _ := test.For(arch)
			for g, e := range d.Expect {
				was, ok := test.Expect[g]
				if !ok || e == was {
					t.Errorf("%s on %s, %s: does not differ", test.ID, arch, g)
				}
				whole := e.Saw
				if e.Splat != "" {
					whole = e.Promise
				}
				if !slices.Equal(order, keys(whole)) {
					t.Errorf("%s on %s, %s: keys %q, elsewhere %q", test.ID, arch, g, keys(whole), order)
				}
				checkFault(t, there, g, e)
			}
		}
	}
}

func TestTestsDifferWhereTheCatalogueSaysSo(t *testing.T) {
	plain := Test{ID: "a/b", Expect: map[Generation]Expect{G1: {Saw: "x=1"}, G3: {Saw: "x=2"}}}
	differs := plain
	differs.Arch = map[string]Differs{
		"arm64":   {Why: "w", Isolation: Fresh, Expect: map[Generation]Expect{G1: {Saw: "x=3"}}},
		"riscv64": {Why: "w", Absent: true},
	}
	for _, tt := range []struct {
		test      Test
		arch      string
		says      bool
		g1, g3    string
		isolation Isolation
	}{
		{plain, "arm64", true, "x=1", "x=2", Shared},
		{differs, "x86_64", true, "x=1", "x=2", Shared},
		{differs, "", true, "x=1", "x=2", Shared},
		{differs, "arm64", true, "x=3", "x=2", Fresh},
		{differs, "riscv64", false, "x=1", "x=2", Shared},
	} {
		got, says := tt.test.For(tt.arch)
		if says != tt.says || got.Expect[G1].Saw != tt.g1 || got.Expect[G3].Saw != tt.g3 || got.Isolation != tt.isolation {
			t.Errorf("on %q: %v, %+v", tt.arch, says, got)
		}
	}
	if differs.Expect[G1].Saw != "x=1" {
		t.Error("the test itself has changed")
	}
}

func checkFault(t *testing.T, test Test, g Generation, e Expect) {
	t.Helper()
	if e.Fault == "" {
		if e.Promise != "" || e.Splat != "" {
			t.Errorf("%s on %s: a promise or a splat without a fault", test.ID, g)
		}
		return
	}
	if _, ok := FaultByID(e.Fault); !ok {
		t.Errorf("%s on %s: no fault %s", test.ID, g, e.Fault)
	}
	if !sawForm.MatchString(e.Promise) {
		t.Errorf("%s on %s: promise %q is not key=value key=value", test.ID, g, e.Promise)
	}
	if e.Splat != "" {
		// A test that the kernel kills saw the beginning of what it would have.
		if test.Isolation != Fresh {
			t.Errorf("%s on %s: a splat is expected, and isolation is not Fresh", test.ID, g)
		}
		if have, full := keys(e.Saw), keys(e.Promise); len(have) > len(full) || !slices.Equal(have, full[:len(have)]) {
			t.Errorf("%s on %s: %q is not how an observation of %q begins", test.ID, g, e.Saw, e.Promise)
		}
		return
	}
	if e.Promise == e.Saw || !slices.Equal(keys(e.Promise), keys(e.Saw)) {
		t.Errorf("%s on %s: promise %q is no other outcome of %q", test.ID, g, e.Promise, e.Saw)
	}
}

// The generations that uapi can name, or the probe's answer finds no entry.
func TestGenerationsAreKnown(t *testing.T) {
	known := []Generation{G0, G0Stable, G1, G2, G3}
	for _, test := range All() {
		for g := range test.Expect {
			if !slices.Contains(known, g) {
				t.Errorf("%s: generation %q", test.ID, g)
			}
		}
	}
}

func TestEveryFaultClaimAndQuestionHasATest(t *testing.T) {
	shown, decided := map[string]bool{}, map[int]bool{}
	for _, test := range All() {
		for _, e := range test.Expect {
			shown[e.Fault] = true
		}
		for _, d := range test.Arch {
			for _, e := range d.Expect {
				shown[e.Fault] = true
			}
		}
		// A claim is the RFC's: it takes a test that runs on it.
		if _, ok := test.On(G1); ok {
			for _, c := range test.Claims {
				decided[c] = true
			}
		}
	}
	ids := map[string]bool{}
	for _, f := range Faults() {
		var variants []string
		for _, test := range All() {
			if test.Shows(f.ID) && !slices.Contains(variants, test.Variant) {
				variants = append(variants, test.Variant)
			}
		}
		if len(variants) > 1 {
			t.Errorf("fault %s is shown in the variants %q, repro wants one", f.ID, variants)
		}
		if ids[f.ID] {
			t.Errorf("fault %s twice", f.ID)
		}
		ids[f.ID] = true
		if shown[f.ID] == (f.Elsewhere != "") {
			t.Errorf("fault %s: either a test shows it or Elsewhere says what does", f.ID)
		}
		if f.Title == "" || f.Claim < 0 || f.Claim >= len(claims) {
			t.Errorf("fault %+v", f)
		}
	}
	for c := 1; c < len(claims); c++ {
		if claims[c] == "" || !decided[c] {
			t.Errorf("claim %d, %q, has no test", c, claims[c])
		}
	}
	for _, q := range Questions() {
		if q.Ask == "" || q.Message == "" || q.Answer == "" {
			t.Errorf("question %s lacks its text, its mail or its answer", q.ID)
		}
		if !slices.ContainsFunc(All(), func(test Test) bool {
			_, runs := test.On(G1)
			return runs && test.Variant == "" && slices.Contains(test.Questions, q.ID)
		}) {
			t.Errorf("question %s has no test", q.ID)
		}
	}
	if _, ok := FaultByID("no-such-fault"); ok {
		t.Error("a fault that is none was found")
	}
}

// A program is one file set that gobusybox can rewrite: no assembly and no
// linkname in an area.
func TestAreasArePlainGo(t *testing.T) {
	for area := range programs(t) {
		files, err := os.ReadDir(filepath.Join("..", area))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			text, err := os.ReadFile(filepath.Join("..", area, f.Name()))
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasSuffix(f.Name(), ".go") || strings.Contains(string(text), "//go:linkname") || strings.Contains(string(text), "func init()") {
				t.Errorf("selftests/%s/%s: assembly, linkname or init", area, f.Name())
			}
		}
	}
}

func TestStableFallsBackOnG0(t *testing.T) {
	test := Test{ID: "area/x", Expect: map[Generation]Expect{G0: {Saw: "a=1"}}}
	if e, ok := test.On(G0Stable); !ok || e.Saw != "a=1" {
		t.Errorf("g0+stable: %+v, %v", e, ok)
	}
	if _, ok := test.On(G1); ok {
		t.Error("g1 took the expectation of g0")
	}
	own := Test{Expect: map[Generation]Expect{G0Stable: {Saw: "a=2"}}}
	if _, ok := own.On(G0); ok {
		t.Error("g0 took the expectation of g0+stable, which may crash it")
	}
	if own.Area() != "" || test.Area() != "area" {
		t.Errorf("areas %q, %q", own.Area(), test.Area())
	}
}

func TestVariantShowsWhatItsChecksSeeFirst(t *testing.T) {
	test := Test{
		Expect: map[Generation]Expect{G0: {Saw: "a=1"}, G1: {Saw: "a=2"}},
		Under:  map[string]map[Generation]Expect{"kasan": {G1: {Saw: "a=3"}}},
	}
	for _, c := range []struct {
		in   []string
		g    Generation
		want string
	}{{nil, G1, "a=2"}, {[]string{"lockdep"}, G1, "a=2"}, {[]string{"kasan"}, G0, "a=1"}, {[]string{"lockdep", "kasan"}, G1, "a=3"}} {
		if e, ok := test.In(c.in...).On(c.g); !ok || e.Saw != c.want {
			t.Errorf("in %q on %s: %q, %v, want %q", c.in, c.g, e.Saw, ok, c.want)
		}
	}
	if test.Expect[G1].Saw != "a=2" {
		t.Error("the entry itself was changed")
	}
	// What a variant shows of a fault is told like the rest: by an id that there
	// is, with what its absence would show.
	for _, test := range All() {
		for variant, expect := range test.Under {
			for g, e := range expect {
				if _, ok := FaultByID(e.Fault); e.Fault != "" && (!ok || e.Promise == "") {
					t.Errorf("%s in %s on %s: fault %q, promise %q", test.ID, variant, g, e.Fault, e.Promise)
				}
				if _, ok := test.Expect[g]; !ok {
					t.Errorf("%s in %s on %s: without the variant it does not apply", test.ID, variant, g)
				}
			}
		}
	}
}

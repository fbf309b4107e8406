package initramfs

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"testing"

	"uetest/internal/blame"
)

func TestSourceThatDoesNotCompileShowsTheCompilersLines(t *testing.T) {
	for _, tt := range []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"type error", map[string]string{"selftests/demo/run.go": demo["run.go"] + "\nfunc bad() int { return \"x\" }\n"},
			`selftests/demo/run.go:13:25: cannot use "x" (untyped string constant) as int value in return statement`},
		{"undefined", map[string]string{"selftests/demo/run.go": ""}, "selftests/demo/main.go:8:15: undefined: run"},
		{"syntax error", map[string]string{"selftests/demo/main.go": "package main\n\nfunc main() {\n"}, "selftests/demo/main.go:3:15: expected '}'"},
		{"in a library", map[string]string{"internal/wire/bad.go": "package wire\n\nvar _ int = nil\n"}, "internal/wire/bad.go:3:13: cannot use nil as int"},
		{"no main", map[string]string{"selftests/demo/main.go": "package main\n\nvar table, _ = 1, run\n"}, "selftests/demo: 0 functions main"},
		{"init", map[string]string{"selftests/demo/run.go": demo["run.go"] + "\nfunc init() {}\n"}, "selftests/demo/run.go:13:1: func init"},
		{"import of nothing", map[string]string{"selftests/demo/x.go": "package main\n\nimport _ \"uetest/internal/nothing\"\n"}, "internal/nothing"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Build(t.Context(), Options{Root: tree(t, tt.files), Cache: sharedCache})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("Build: %v\nwant %s", err, tt.want)
			}
			if got := blame.Of(err); got != blame.Host {
				t.Errorf("blamed on %v, want the host", got)
			}
		})
	}
}

func TestAreaKeepsItsLinesWhenItIsMadeImportable(t *testing.T) {
	for _, tt := range []struct {
		name, src, want string
		main            bool
	}{
		{"main", "package main\n\nfunc main() {}\n", "package area\n\nfunc Main() {}\n", true},
		{"comments stay", "//go:build linux\n\n// Command x.\npackage main // main\n\n//go:nosplit\nfunc f() {} // func main()\n",
			"//go:build linux\n\n// Command x.\npackage area // main\n\n//go:nosplit\nfunc f() {} // func main()\n", false},
		{"methods stay", "package main\n\ntype t int\n\nfunc (t) main() {}\nfunc (t) init() {}\n", "package area\n\ntype t int\n\nfunc (t) main() {}\nfunc (t) init() {}\n", false},
		{"locals stay", "package main\n\nfunc f() { main := 1; _ = main }\n", "package area\n\nfunc f() { main := 1; _ = main }\n", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, main, err := importable("x.go", []byte(tt.src))
			if err != nil || string(got) != tt.want || main != tt.main {
				t.Errorf("got %q, %v, %v; want %q, %v", got, main, err, tt.want, tt.main)
			}
		})
	}
}

func FuzzImportable(f *testing.F) {
	for _, src := range demo {
		f.Add([]byte(src))
	}
	f.Add([]byte("package main;func main(){};func init(){}"))
	f.Add([]byte("package\tmain\n/*\n*/func\nmain ( ) { }\r\n"))
	f.Fuzz(func(t *testing.T, src []byte) {
		out, hasMain, err := importable("x.go", src)
		if err != nil {
			return
		}
		if a, b := bytes.Count(src, []byte("\n")), bytes.Count(out, []byte("\n")); a != b {
			t.Errorf("%d lines became %d", a, b)
		}
		file, err := parser.ParseFile(token.NewFileSet(), "x.go", out, parser.SkipObjectResolution)
		if err != nil {
			t.Fatalf("%q became %q: %v", src, out, err)
		}
		if file.Name.Name != areaPackage {
			t.Errorf("package %s, want %s", file.Name.Name, areaPackage)
		}
		found := false
		for _, d := range file.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil {
				found = found || fn.Name.Name == areaMain
				if fn.Name.Name == "main" || fn.Name.Name == "init" {
					t.Errorf("%q still has func %s", out, fn.Name.Name)
				}
			}
		}
		if hasMain && !found {
			t.Errorf("func main is gone from %q", out)
		}
	})
}

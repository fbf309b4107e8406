package initramfs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/build"
	"go/format"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// findAreas returns the programs under selftests/, in the order of their names.
func findAreas(ctxt *build.Context, root string) ([]area, error) {
	dir := filepath.Join(root, "selftests")
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var areas []area
	for _, e := range entries {
		if !e.IsDir() || strings.HasPrefix(e.Name(), ".") || strings.HasPrefix(e.Name(), "_") || e.Name() == "testdata" {
			continue
		}
		p, err := ctxt.ImportDir(filepath.Join(dir, e.Name()), 0)
		var none *build.NoGoError
		if errors.As(err, &none) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("selftests/%s: %w", e.Name(), err)
		}
		if p.Name == "main" {
			areas = append(areas, area{
				name: e.Name(), dir: p.Dir, files: p.GoFiles,
				tests: slices.Concat(p.TestGoFiles, p.XTestGoFiles),
			})
		}
	}
	return areas, nil
}

// What replaces "main" in a package clause and as the name of a function. Both
// are as long as it is, so that columns stay too.
const (
	areaPackage = "area"
	areaMain    = "Main"
)

// overlay writes to dir what go build -overlay needs to compile the agent and
// all areas into one program, and returns the path of the overlay's
// description ("go help build").
//
// A package main can't be imported. So each area is compiled under another
// package name, with main renamed.
func overlay(root string, areas []area, dir string) (string, error) {
	replace := map[string]string{}
	var list bytes.Buffer
	list.WriteString("package main\n\nimport (\n")
	for i, a := range areas {
		fmt.Fprintf(&list, "\tarea%d %q\n", i, "uetest/selftests/"+a.name)
	}
	list.WriteString(")\n\nvar areas = map[string]func(){\n")
	for i, a := range areas {
		fmt.Fprintf(&list, "\t%q: area%d.%s,\n", a.name, i, areaMain)
		mains := 0
		for _, name := range a.files {
			path := filepath.Join(a.dir, name)
			src, err := os.ReadFile(path)
			if err != nil {
				return "", err
			}
			short := "selftests/" + a.name + "/" + name
			out, main, err := importable(short, src)
			if err != nil {
				return "", err
			}
			if main {
				mains++
			}
			to := filepath.Join(dir, a.name, name)
			if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
				return "", err
			}
			if err := os.WriteFile(to, out, 0o644); err != nil {
				return "", err
			}
			replace[path] = to
		}
		for _, name := range a.tests {
			replace[filepath.Join(a.dir, name)] = "" // not there: they are of package main still
		}
		if mains != 1 {
			return "", fmt.Errorf("selftests/%s: %d functions main, want one", a.name, mains)
		}
	}
	list.WriteString("}\n")
	src, err := format.Source(list.Bytes())
	if err != nil {
		return "", err
	}
	to := filepath.Join(dir, "areas.go")
	if err := os.WriteFile(to, src, 0o644); err != nil {
		return "", err
	}
	replace[filepath.Join(root, filepath.FromSlash(agentDir), "areas.go")] = to
	description, err := json.MarshalIndent(map[string]any{"Replace": replace}, "", "\t")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "overlay.json")
	return path, os.WriteFile(path, description, 0o644)
}

// importable turns a file of a package main into one of a package that can be
// imported: its package clause and the name of func main are replaced, nothing
// else, and no line is added. It reports whether the file had a func main.
func importable(name string, src []byte) (out []byte, hasMain bool, err error) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, src, parser.SkipObjectResolution)
	if err != nil {
		// The parser's error has the name and the line.
		return nil, false, fmt.Errorf("selftest does not compile: %w", err)
	}
	at := func(id *ast.Ident) int { return fset.Position(id.Pos()).Offset }
	out = append(out, src[:at(file.Name)]...)
	out = append(out, areaPackage...)
	rest := at(file.Name) + len(file.Name.Name)
	for _, decl := range file.Decls {
		f, ok := decl.(*ast.FuncDecl)
		if !ok || f.Recv != nil {
			continue
		}
		switch f.Name.Name {
		case "init":
			return nil, false, fmt.Errorf("%s: func init: all selftests are one program in the guest, so it would run in each of them; call it from main", fset.Position(f.Pos()))
		case "main":
			hasMain = true
			out = append(out, src[rest:at(f.Name)]...)
			out = append(out, areaMain...)
			rest = at(f.Name) + len("main")
		}
	}
	return append(out, src[rest:]...), hasMain, nil
}

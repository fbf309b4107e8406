package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"uetest/internal/bundle"
)

// rebundle makes another bundle of one, whole and with the right digests, in
// which a file has another text: rebundle FROM TO FILE OLD NEW.
func rebundle(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 5 {
		ts.Fatalf("usage: rebundle FROM TO FILE OLD NEW")
	}
	dir, err := os.MkdirTemp(ts.MkAbs("."), "rebundle-*")
	ts.Check(err)
	defer func() { ts.Check(os.RemoveAll(dir)) }()
	f, err := os.Open(ts.MkAbs(args[0]))
	ts.Check(err)
	defer func() { _ = f.Close() }()
	m, err := bundle.Unpack(f, dir)
	ts.Check(err)
	var files []bundle.Source
	for _, file := range m.Files {
		files = append(files, bundle.Source{Name: file.Name, Path: filepath.Join(dir, file.Name)})
	}
	path := filepath.Join(dir, args[2])
	text, err := os.ReadFile(path)
	ts.Check(err)
	if !bytes.Contains(text, []byte(args[3])) {
		ts.Fatalf("%s has no %q", args[2], args[3])
	}
	ts.Check(os.WriteFile(path, bytes.Replace(text, []byte(args[3]), []byte(args[4]), 1), 0o644))
	ts.Check(bundle.Write(ts.MkAbs(args[1]), m, files))
}

// sameTo compares two files up to a text: sameto TEXT FILE FILE.
func sameTo(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: sameto TEXT FILE FILE")
	}
	var heads [2]string
	for i, file := range args[1:] {
		head, _, ok := strings.Cut(ts.ReadFile(file), args[0])
		if !ok || head == "" {
			ts.Fatalf("%s has no %q behind something", file, args[0])
		}
		heads[i] = head
	}
	if heads[0] != heads[1] {
		ts.Fatalf("%s and %s differ:\n%s\n%s", args[1], args[2], heads[0], heads[1])
	}
}

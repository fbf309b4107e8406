package main

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"uetest/internal/cache"
	"uetest/internal/kernel"
	"uetest/internal/patch"
)

const userEvents = "kernel/trace/trace_events_user.c"

// plantedHistory makes a git repository of the kernel's source in which one commit
// of eight is bad: plantedhistory DIR. It has the objects that the commits do not
// share with the source and none of the others: nothing is checked out of it.
//
//	start  the source as it is
//	one    a comment
//	two    a file that no kernel is built of
//	three  does not compile
//	four   compiles again
//	five   the bad one
//	six    a comment
//	seven  a file that no kernel is built of
func plantedHistory(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: plantedhistory DIR")
	}
	dir := ts.MkAbs(args[0])
	src, err := kernel.Package("linux-source-6.1")
	ts.Check(err)
	userCache, err := cacheDir()
	ts.Check(err)
	tree, err := (&kernel.Builder{Cache: userCache}).Pristine(context.Background(), src)
	ts.Check(err)

	git := func(stdin string, args ...string) string {
		cmd := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=Planter", "-c", "user.email=planter@example.org"}, args...)...)
		cmd.Stdin = strings.NewReader(stdin)
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null")
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			ts.Fatalf("git %v: %v\n%s", args, err, stderr.String())
		}
		return strings.TrimSpace(string(out))
	}
	ts.Check(os.Mkdir(dir, 0o755))
	git("", "init", "--quiet", "--initial-branch=main")
	store, err := cache.Open(userCache)
	ts.Check(err)
	list, err := store.Memo("git index", tree.Dir, func() (string, error) { return treeList(ts, tree.Dir), nil })
	ts.Check(err)
	git(list, "update-index", "--index-info")
	read := func(name string) string {
		data, err := os.ReadFile(filepath.Join(tree.Dir, name))
		ts.Check(err)
		return string(data)
	}
	put := func(name, text string) {
		blob := git(text, "hash-object", "-w", "--stdin")
		git("100644 "+blob+"\t"+name+"\n", "update-index", "--index-info")
	}
	head := ""
	commit := func(subject string) {
		args := []string{"commit-tree", git("", "write-tree", "--missing-ok"), "-m", subject}
		if head != "" {
			args = append(args, "-p", head)
		}
		head = git("", args...)
		name, _, _ := strings.Cut(subject, ":")
		git("", "update-ref", "refs/tags/"+name, head)
		git("", "update-ref", "refs/heads/main", head)
	}
	put("Makefile", read("Makefile"))
	text := read(userEvents)
	put(userEvents, text)
	commit("start: the source as it is")
	text += "\n/* the end */\n"
	put(userEvents, text)
	commit("one: a comment")
	put("Documentation/one", "one\n")
	commit("two: documentation")
	put(userEvents, text+"int broken(void) { return nothing; }\n")
	commit("three: does not compile")
	put(userEvents, text)
	commit("four: compiles again")
	bad := strings.Replace(text, "\tif (status)\n\t\tuser_event_register_set(user);", "\tif (!status)\n\t\tuser_event_register_set(user);", 1)
	if bad == text {
		ts.Fatalf("%s has no place to plant the bad commit at", userEvents)
	}
	put(userEvents, bad)
	commit("five: tell the programs the reverse")
	put(userEvents, bad+"/* after the end */\n")
	commit("six: a comment")
	put("Documentation/two", "two\n")
	commit("seven: documentation")
}

// treeList is a source as git update-index --index-info reads it.
func treeList(ts *testscript.TestScript, dir string) string {
	var b strings.Builder
	ts.Check(filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		mode, data := "100644", []byte(nil)
		switch {
		case info.Mode()&fs.ModeSymlink != 0:
			var target string
			mode = "120000"
			target, err = os.Readlink(name)
			data = []byte(target)
		case info.Mode()&0o100 != 0:
			mode = "100755"
			data, err = os.ReadFile(name)
		default:
			data, err = os.ReadFile(name)
		}
		fmt.Fprintf(&b, "%s %s\t%s\n", mode, patch.BlobID(data), strings.TrimPrefix(name, dir+"/"))
		return err
	}))
	return b.String()
}

// fingerprint writes what a directory holds, to the last byte and with the times of
// modification of its files and folders, into a file: fingerprint DIR FILE.
func fingerprint(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: fingerprint DIR FILE")
	}
	dir := ts.MkAbs(args[0])
	var b strings.Builder
	ts.Check(filepath.WalkDir(dir, func(name string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := os.Lstat(name)
		if err != nil {
			return err
		}
		id := ""
		if info.Mode().IsRegular() {
			data, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			id = patch.BlobID(data)
		}
		fmt.Fprintln(&b, info.Mode(), info.ModTime().UnixNano(), id, strings.TrimPrefix(name, dir))
		return nil
	}))
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(b.String()), 0o644))
}

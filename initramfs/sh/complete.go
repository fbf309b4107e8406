package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// separators end the word before them; commandAfter are those behind which a
// command stands.
const (
	separators   = " \t;|&()<>=`\"'"
	commandAfter = ";|&(`"
)

// complete makes Tab finish the word before the cursor: a command at the
// beginning of one, else the name of a file. It shows what there is if it can't
// decide.
func (k *keyboard) complete(line string, pos int, key rune) (string, int, bool) {
	if key != '\t' {
		return "", 0, false
	}
	start := strings.LastIndexAny(line[:pos], separators) + 1
	word := line[start:pos]
	before := strings.TrimRight(line[:start], " \t")
	var found []string
	if isCommand := before == "" || strings.ContainsRune(commandAfter, rune(before[len(before)-1])); isCommand && !strings.Contains(word, "/") {
		found = commandsWith(word)
	} else {
		found = filesWith(word)
	}
	if len(found) == 0 {
		return line, pos, true
	}
	finished := commonPrefix(found)
	if len(found) == 1 && !strings.HasSuffix(finished, "/") {
		finished += " "
	}
	if len(found) > 1 && finished == word {
		names := make([]string, len(found))
		for i, f := range found {
			names[i] = lastName(f)
		}
		_, _ = fmt.Fprintln(k.line, strings.Join(names, "  "))
	}
	return line[:start] + finished + line[pos:], start + len(finished), true
}

// lastName is the last element of a path, with the slash of a directory.
func lastName(path string) string {
	return path[strings.LastIndexByte(strings.TrimSuffix(path, "/"), '/')+1:]
}

// commandsWith are the programs of PATH and the commonest of the shell's own
// commands that begin with prefix.
func commandsWith(prefix string) []string {
	found := []string{}
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue
		}
		for _, e := range entries {
			if info, err := os.Stat(filepath.Join(dir, e.Name())); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
				found = append(found, e.Name())
			}
		}
	}
	found = append(found, "cd", "exit", "export", "read", "set", "test", "trap", "type", "unset", "wait")
	found = slices.DeleteFunc(found, func(s string) bool { return !strings.HasPrefix(s, prefix) })
	slices.Sort(found)
	return slices.Compact(found)
}

// filesWith are the files whose path begins with prefix, directories with a
// slash behind. Those with a leading dot want to be asked for.
func filesWith(prefix string) []string {
	dir, name := prefix[:strings.LastIndexByte(prefix, '/')+1], prefix[strings.LastIndexByte(prefix, '/')+1:]
	from := dir
	if from == "" {
		from = "."
	}
	entries, err := os.ReadDir(from)
	if err != nil {
		return nil
	}
	var found []string
	for _, e := range entries { // sorted
		if !strings.HasPrefix(e.Name(), name) || name == "" && strings.HasPrefix(e.Name(), ".") {
			continue
		}
		path := dir + e.Name()
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			path += "/"
		}
		found = append(found, path)
	}
	return found
}

func commonPrefix(list []string) string {
	common := list[0]
	for _, s := range list[1:] {
		for !strings.HasPrefix(s, common) {
			common = common[:len(common)-1]
		}
	}
	return common
}

package witness

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"uetest/internal/blame"
)

// includeDir is a folder with nothing but the tree's user_events.h: a kernel's
// include/uapi is not for programs as it is (make headers), and whatever else
// the programs include is older than user_events.
const includeDir = "include"

// headers are where kernels have user_events.h, the newest place first: it was
// no header for programs until 6.4.
var headers = []string{"include/uapi/linux/user_events.h", "include/linux/user_events.h"}

// sources are the files that programs are made of.
type sources struct {
	programs []string
	files    map[string][]byte // by their path in the kernel's tree; user_events.h below includeDir
}

// gather reads the sources: the programs that the Makefile names, what they
// include by a path of their own, and user_events.h.
func gather(tree Tree) (sources, error) {
	s := sources{files: map[string][]byte{}}
	makefile, err := read(tree, Dir+"/Makefile")
	if err != nil {
		return s, err
	}
	if s.programs, err = programs(string(makefile)); err != nil {
		return s, blame.On(blame.Patch, fmt.Errorf("%s/Makefile: %w", Dir, err))
	}
	for _, p := range s.programs {
		if err := s.follow(tree, Dir+"/"+p+".c"); err != nil {
			return s, err
		}
	}
	return s, s.header(tree)
}

// header takes the tree's user_events.h.
func (s *sources) header(tree Tree) error {
	for _, h := range headers {
		data, err := read(tree, h)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		s.files[includeDir+"/linux/user_events.h"] = data
		return err
	}
	return blame.On(blame.Patch, fmt.Errorf("the tree has neither %s", strings.Join(headers, " nor ")))
}

// read reads a file of the tree; a missing one is the tree's fault.
func read(tree Tree, name string) ([]byte, error) {
	data, _, err := tree.ReadFile(name)
	if err != nil {
		return nil, blame.On(blame.Patch, fmt.Errorf("read %s of the kernel's source: %w", name, err))
	}
	return data, nil
}

var (
	generated   = regexp.MustCompile(`(?m)^TEST_GEN_PROGS\s*:?=(.*)$`)
	programName = regexp.MustCompile(`^[a-z0-9_]+$`)
	included    = regexp.MustCompile(`(?m)^\s*#\s*include\s*"([^"\n]+)"`)
)

// programs returns the names that a Makefile of the selftests gives to
// TEST_GEN_PROGS, in their order.
func programs(makefile string) ([]string, error) {
	makefile = strings.ReplaceAll(makefile, "\\\n", " ")
	m := generated.FindAllStringSubmatch(makefile, -1)
	if len(m) != 1 {
		return nil, fmt.Errorf("%d lines TEST_GEN_PROGS = …, want one", len(m))
	}
	names := strings.Fields(m[0][1])
	if len(names) == 0 {
		return nil, errors.New("TEST_GEN_PROGS names no program")
	}
	for _, n := range names {
		if !programName.MatchString(n) {
			return nil, fmt.Errorf("TEST_GEN_PROGS: %q is no name of a program", n)
		}
	}
	return names, nil
}

// follow takes a file, and what it includes with quotes. That is looked for
// beside it, as the compiler does.
func (s *sources) follow(tree Tree, name string) error {
	if s.files[name] != nil {
		return nil
	}
	data, err := read(tree, name)
	if err != nil {
		return err
	}
	s.files[name] = data
	for _, m := range included.FindAllSubmatch(data, -1) {
		to := path.Join(path.Dir(name), string(m[1]))
		if !fs.ValidPath(to) {
			return blame.On(blame.Patch, fmt.Errorf("%s includes %q, which is not in the kernel's source", name, m[1]))
		}
		err := s.follow(tree, to)
		// A comment may show how a header is included; if the file is really
		// wanted the compiler says so, with the line.
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// write writes the files below dir.
func (s *sources) write(dir string) error {
	for name, data := range s.files {
		to := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(to, data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// key is the hash of all that the programs depend on.
func (s *sources) key(cc compiler) string {
	h := sha256.New()
	add := func(name string, data []byte) {
		_, _ = fmt.Fprintf(h, "%d %s %d\n", len(name), name, len(data))
		h.Write(data)
	}
	entries, _ := own.ReadDir(".") // embedded: there is nothing to fail
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		data, _ := own.ReadFile(e.Name())
		add("builder/"+e.Name(), data)
	}
	add("compiler", []byte(cc.identity))
	for _, p := range s.programs {
		add("program", []byte(p))
	}
	for _, name := range slices.Sorted(maps.Keys(s.files)) {
		add(name, s.files[name])
	}
	return hex.EncodeToString(h.Sum(nil))[:32]
}

package runs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"uetest/internal/blame"
	"uetest/internal/results"
)

// maxFile is the largest record that is read: what bounds a record keeps it far
// below.
const maxFile = 1 << 30

// Open reads the record of a run: of its directory, of a file of JSON lines that
// somebody passed on, or of a run.json. The error for what is not there wraps
// fs.ErrNotExist.
func Open(path string) (*Record, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, blame.On(blame.Usage, err)
	}
	file := path
	if info.IsDir() {
		file = filepath.Join(path, FileName)
		if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
			file = filepath.Join(path, results.SavedName)
		}
		if info, err = os.Stat(file); err != nil {
			return nil, blame.On(blame.Usage, fmt.Errorf("%s holds no saved run: expected %s in it: %w", path, FileName, fs.ErrNotExist))
		}
	}
	if !info.Mode().IsRegular() || info.Size() > maxFile {
		return nil, blame.On(blame.Usage, fmt.Errorf("%s is no saved run: expected a file of at most %d MiB", file, maxFile>>20))
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, blame.On(blame.Host, err)
	}
	rec, err := Read(data)
	if err != nil {
		return nil, blame.On(blame.Usage, fmt.Errorf("%s: %w", file, err))
	}
	if rec.ID == "" {
		rec.ID = filepath.Base(filepath.Dir(file))
	}
	return rec, nil
}

// Read reads a record, of this form or an older one. What was cut short is read
// up to there, and says so in Cut.
func Read(data []byte) (*Record, error) {
	text := bytes.TrimLeft(data, " \t\r\n")
	switch {
	case len(text) == 0:
		return nil, errors.New("it is empty: expected a saved run")
	case text[0] == '[':
		return readFirst(text)
	}
	first, _, _ := bytes.Cut(text, []byte("\n"))
	var head Event
	if err := json.Unmarshal(first, &head); err != nil || head.Action != Run {
		return readWhole(text)
	}
	if head.Version < 2 || head.Version > Version {
		return nil, written(head.Version)
	}
	return readLines(text)
}

// written is the error for a form that this program does not read.
func written(version int) error {
	return fmt.Errorf("written in form %d, this uetest reads forms 1 to %d", version, Version)
}

func readLines(text []byte) (*Record, error) {
	f := newFolder()
	cut, kept := "", len(text)
	for n, at := 1, 0; at < len(text); n++ {
		line, _, whole := bytes.Cut(text[at:], []byte("\n"))
		if !whole {
			cut, kept = "its last line is not whole", at
			break
		}
		at += len(line) + 1
		var e Event
		err := json.Unmarshal(line, &e)
		if err == nil {
			err = f.add(&e)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		if e.Action == End && at < len(text) {
			return nil, fmt.Errorf("line %d: expected nothing behind %q", n+1, End)
		}
	}
	rec := f.record()
	if rec.End.IsZero() && cut == "" {
		cut = "its last line does not say that the command ended"
	}
	rec.Cut, rec.Lines = cut, text[:kept]
	return rec, nil
}

// readFirst reads the form of the time before there were records: the runs as a
// JSON array, in run.json one alone.
func readFirst(text []byte) (*Record, error) {
	var heads []struct {
		Schema int `json:"schema"`
	}
	if err := json.Unmarshal(text, &heads); err != nil {
		return nil, fmt.Errorf("not a saved run: %w", err)
	}
	for _, h := range heads { // null is an object without fields here
		if h.Schema != results.Schema {
			return nil, written(h.Schema)
		}
	}
	var list []*results.Run
	if err := json.Unmarshal(text, &list); err != nil {
		return nil, fmt.Errorf("not a saved run: %w", err)
	}
	if len(list) == 0 {
		return nil, errors.New("there is no run in it")
	}
	rec := &Record{Version: 1, Runs: list, Start: list[0].Start, End: list[len(list)-1].Start}
	for _, run := range list {
		rec.Asked.Kernels = append(rec.Asked.Kernels, run.Kernel.Name)
		rec.Asked.Select = run.Select
		rec.Exit = max(rec.Exit, run.Exit())
		run.Note()
		for _, s := range run.Stages {
			rec.Stages = append(rec.Stages, Stage{run.Kernel.Name, s})
		}
	}
	rec.Lines = rec.lines()
	return rec, nil
}

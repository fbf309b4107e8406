package results

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"uetest/internal/blame"
)

// SavedName is the file of a run's directory that holds the run.
const SavedName = "run.json"

// Save writes the run into its directory, beside the logs of its boots.
func (r *Run) Save() error {
	data, err := json.MarshalIndent([]*Run{r}, "", " ")
	if err == nil {
		err = os.WriteFile(filepath.Join(r.Dir, SavedName), append(data, '\n'), 0o644)
	}
	return blame.On(blame.Host, err)
}

// Load reads the run that is saved in a directory. The error for a directory
// without a run wraps fs.ErrNotExist.
func Load(dir string) (*Run, error) {
	file := filepath.Join(dir, SavedName)
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, blame.On(blame.Host, err)
	}
	var heads []struct {
		Schema int `json:"schema"`
	}
	if err := json.Unmarshal(data, &heads); err != nil {
		return nil, blame.On(blame.Host, fmt.Errorf("%s: not a saved run: %w", file, err))
	}
	if len(heads) != 1 {
		return nil, blame.On(blame.Host, fmt.Errorf("%s: %d runs, expected one", file, len(heads)))
	}
	if heads[0].Schema != Schema {
		return nil, blame.On(blame.Host, fmt.Errorf("%s: saved in form %d, this uetest reads form %d; run again", file, heads[0].Schema, Schema))
	}
	var runs []*Run
	if err := json.Unmarshal(data, &runs); err != nil {
		return nil, blame.On(blame.Host, fmt.Errorf("%s: %w", file, err))
	}
	return runs[0], nil
}

// whole reports whether the run was of the whole catalogue, and only the kernel
// may have kept it from going through.
func (r *Run) whole() bool {
	return r.Select == "" && (r.Fatal == 0 || r.Fatal == blame.Kernel)
}

// Last returns the newest saved run of a kernel among the directories in
// parent, whose names sort by time, or nil if there is none. A run of the whole
// catalogue comes before one of a part or one that was cut short, and what was
// cut short before it was saved does not count.
func Last(parent, kernel string) (*Run, error) {
	dirs, err := os.ReadDir(parent)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, blame.On(blame.Host, err)
	}
	var part *Run
	for i := len(dirs) - 1; i >= 0; i-- {
		dir := filepath.Join(parent, dirs[i].Name())
		places := []string{dir}
		kernels, _ := os.ReadDir(dir) // of one that is no directory nothing is loaded either
		for _, k := range kernels {
			if k.IsDir() {
				places = append(places, filepath.Join(dir, k.Name()))
			}
		}
		for _, place := range places {
			run, err := Load(place)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return nil, err
			}
			switch {
			case run.Kernel.Name != kernel:
			case run.whole():
				return run, nil
			case part == nil:
				part = run
			}
		}
	}
	return part, nil
}

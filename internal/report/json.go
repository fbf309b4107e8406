package report

import (
	"encoding/json"
	"fmt"
	"io"

	"uetest/internal/results"
)

// JSON writes runs as one JSON array; docs/formats.md describes the fields.
func JSON(w io.Writer, runs []*results.Run) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", " ")
	return enc.Encode(runs)
}

// ReadJSON reads what JSON wrote. A form it does not know is refused by name.
func ReadJSON(r io.Reader) ([]*results.Run, error) {
	var runs []*results.Run
	if err := json.NewDecoder(r).Decode(&runs); err != nil {
		return nil, fmt.Errorf("not a saved run: %w", err)
	}
	for _, run := range runs {
		if run == nil || run.Schema != results.Schema {
			got := 0
			if run != nil {
				got = run.Schema
			}
			return nil, fmt.Errorf("saved run has schema %d, this uetest reads schema %d", got, results.Schema)
		}
	}
	return runs, nil
}

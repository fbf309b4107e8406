package report

import (
	"encoding/json"
	"io"

	"uetest/internal/runs"
)

// JSON writes the whole record as one object; docs/formats.md describes the
// fields, and runs.Read reads it.
func JSON(w io.Writer, rec *runs.Record, _ Options) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", " ")
	return enc.Encode(rec)
}

// JSONLines writes the record as it is on the disk: a line an event, in the order
// in which things happened.
func JSONLines(w io.Writer, rec *runs.Record, _ Options) error {
	_, err := w.Write(rec.Lines)
	return err
}

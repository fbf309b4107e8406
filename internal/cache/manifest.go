package cache

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"time"
)

// manifestFile is written last into an entry, before the entry gets its name.
const manifestFile = "manifest.json"

const manifestVersion = 1

// manifest is what a sealed entry was when it was made.
type manifest struct {
	Key    string
	Built  time.Time
	Files  map[string]File
	Labels map[string]string // what the maker wants to be known, beside the others in the JSON object
}

// File is a file of an entry as it was made.
type File struct {
	Size int64 `json:"size"` // bytes
	// Of the two hashes there is one, hexadecimal: that of the whole content, or
	// of a file with holes that of its blocks (see hashBlocks).
	SHA256 string `json:"sha256,omitempty"`
	Blocks string `json:"blocks,omitempty"`
}

// reserved are the names of a manifest's own members.
var reserved = map[string]bool{"version": true, "key": true, "built": true, "files": true, "sum": true}

// WriteLabels leaves strings for the manifest in the folder of an entry that is
// being made; Get returns them with the entry.
func WriteLabels(dir string, labels map[string]string) error {
	for name := range labels {
		if reserved[name] {
			return fmt.Errorf("cache: the label %q is the manifest's own", name)
		}
	}
	data, err := json.Marshal(labels)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, manifestFile), data, 0o666)
}

// readLabels reads what WriteLabels left.
func readLabels(dir string) (map[string]string, error) {
	data, err := os.ReadFile(filepath.Join(dir, manifestFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var labels map[string]string
	if err == nil {
		err = json.Unmarshal(data, &labels)
	}
	return labels, err
}

// object is the manifest as JSON, with a sum of its own unless it is empty.
func (m manifest) object(sum string) ([]byte, error) {
	o := map[string]any{"version": manifestVersion, "key": m.Key, "built": m.Built, "files": m.Files}
	for name, text := range m.Labels {
		o[name] = text
	}
	if sum != "" {
		o["sum"] = sum
	}
	return json.MarshalIndent(o, "", "\t") // sorts the members
}

// sum is a hash of all that the manifest says.
func (m manifest) sum() (string, error) {
	data, err := m.object("")
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), nil
}

func (m manifest) encode() ([]byte, error) {
	sum, err := m.sum()
	if err != nil {
		return nil, err
	}
	return m.object(sum)
}

var hexSHA256 = regexp.MustCompile(`^[0-9a-f]{64}$`)

// parseManifest reads a manifest. Those of the first days have no sum.
func parseManifest(data []byte) (manifest, error) {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil {
		return manifest{}, fmt.Errorf("not a manifest: %w", err)
	}
	var m manifest
	var version int
	var sum string
	for name, into := range map[string]any{"version": &version, "key": &m.Key, "built": &m.Built, "files": &m.Files, "sum": &sum} {
		if raw[name] == nil {
			continue
		}
		if err := json.Unmarshal(raw[name], into); err != nil {
			return manifest{}, fmt.Errorf("not a manifest: %s: %w", name, err)
		}
		delete(raw, name)
	}
	if version != manifestVersion {
		return manifest{}, fmt.Errorf("not a manifest of version %d", manifestVersion)
	}
	for name, text := range raw {
		var s string
		if err := json.Unmarshal(text, &s); err != nil {
			return manifest{}, fmt.Errorf("not a manifest: %s: %w", name, err)
		}
		if m.Labels == nil {
			m.Labels = map[string]string{}
		}
		m.Labels[name] = s
	}
	if len(m.Files) == 0 {
		return manifest{}, errors.New("the manifest names no file")
	}
	for name, f := range m.Files {
		if !fs.ValidPath(name) || name == "." || name == manifestFile {
			return manifest{}, fmt.Errorf("the manifest names the file %q", name)
		}
		hash := f.SHA256 + f.Blocks
		if f.Size < 0 || !hexSHA256.MatchString(hash) || f.SHA256 != "" && f.Blocks != "" {
			return manifest{}, fmt.Errorf("the manifest has size %d and hash %q for %s", f.Size, hash, name)
		}
	}
	if sum == "" {
		return m, nil
	}
	want, err := m.sum()
	if err != nil {
		return manifest{}, err
	}
	if sum != want {
		return manifest{}, errors.New("the manifest is not what was written")
	}
	return m, nil
}

package cache

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

const someHash = "797b5655d49e04ed70a7c7e28047336f8784b2a0ee60b25438fab963f8154912"

func someManifest() manifest {
	return manifest{
		Key: key, Built: time.Date(2026, 11, 22, 20, 44, 1, 695, time.UTC),
		Files:  map[string]File{"vmlinux": {Size: 7, SHA256: someHash}, "a/ram": {Size: 1 << 29, Blocks: someHash}},
		Labels: map[string]string{"release": "6.1.192", "name": ""},
	}
}

func TestManifestIsReadAsItWasWritten(t *testing.T) {
	m := someManifest()
	data, err := m.encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := parseManifest(data)
	if err != nil || !reflect.DeepEqual(got, m) {
		t.Errorf("got %+v, %v; want %+v", got, err, m)
	}
}

func TestWhatIsNoManifestIsRefused(t *testing.T) {
	data, err := someManifest().encode()
	if err != nil {
		t.Fatal(err)
	}
	good := string(data)
	for _, bad := range []string{
		"", "null", "{}", "[]", "7", good[:len(good)-2],
		strings.Replace(good, `"version": 1`, `"version": 2`, 1),
		strings.Replace(good, `"vmlinux"`, `"../vmlinux"`, 1),
		strings.Replace(good, `"vmlinux"`, `"/vmlinux"`, 1),
		strings.Replace(good, `"vmlinux"`, `"manifest.json"`, 1),
		strings.Replace(good, `"size": 7`, `"size": -7`, 1),
		strings.Replace(good, `"size": 7`, `"size": 8`, 1),
		strings.Replace(good, someHash, "79", 1),
		strings.Replace(good, `"blocks"`, `"sha256"`, 1),
		strings.Replace(good, "6.1.192", "6.1.193", 1),
		strings.Replace(good, `"6.1.192"`, `6`, 1),
		strings.Replace(good, "20:44", "20:45", 1),
	} {
		if m, err := parseManifest([]byte(bad)); err == nil {
			t.Errorf("read as %+v:\n%s", m, bad)
		}
	}
}

func TestLabelsCannotPassForTheManifestsOwn(t *testing.T) {
	for name := range reserved {
		if err := WriteLabels(t.TempDir(), map[string]string{name: "x"}); err == nil {
			t.Errorf("the label %q was taken", name)
		}
	}
}

// What is read as a manifest names files of the entry alone, and is the same
// when it is written and read again.
func FuzzParseManifest(f *testing.F) {
	good, err := someManifest().encode()
	if err != nil {
		f.Fatal(err)
	}
	old, err := someManifest().object("")
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{string(good), string(old), "", "{}", "null", `{"version":1}`,
		`{"version":1,"key":"k","files":{"a":{"size":1,"sha256":"` + someHash + `"}},"x":"y"}`,
		`{"version":1,"files":{"../a":{"size":1,"sha256":"` + someHash + `"}}}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := parseManifest(data)
		if err != nil {
			return
		}
		for name, file := range m.Files {
			if !filepath.IsLocal(filepath.FromSlash(name)) || file.Size < 0 {
				t.Errorf("the manifest has %q: %+v", name, file)
			}
		}
		again, err := m.encode()
		if err != nil {
			t.Fatal(err)
		}
		back, err := parseManifest(again)
		if err != nil || !back.Built.Equal(m.Built) {
			t.Fatalf("%+v is read back as %+v, %v", m, back, err)
		}
		m.Built, back.Built = time.Time{}, time.Time{}
		if !reflect.DeepEqual(m, back) {
			t.Errorf("%+v is read back as %+v", m, back)
		}
	})
}

// The hash of a file with holes is that of the same file without, and tells every
// place and length apart.
func TestHashOfBlocksIsOfTheContent(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, size int64, at ...int64) string {
		t.Helper()
		path := filepath.Join(dir, name)
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, at := range at {
			if _, err := f.WriteAt([]byte("data"), at); err != nil {
				t.Fatal(err)
			}
		}
		if err := f.Truncate(size); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		sum, err := hashBlocks(path)
		if err != nil {
			t.Fatal(err)
		}
		return sum
	}
	const size = 3*blockSize + 100
	sparse := write("sparse", size, blockSize+5, size-4)
	data, err := os.ReadFile(filepath.Join(dir, "sparse"))
	if err != nil {
		t.Fatal(err)
	}
	dense := filepath.Join(dir, "dense")
	if err := os.WriteFile(dense, data, 0o666); err != nil {
		t.Fatal(err)
	}
	if sum, err := hashBlocks(dense); err != nil || sum != sparse {
		t.Errorf("with zeros for holes the hash is %s, %v; want %s", sum, err, sparse)
	}
	seen := map[string]string{sparse: "sparse"}
	for name, sum := range map[string]string{
		"other place":    write("a", size, blockSize+6, size-4),
		"other block":    write("b", size, 2*blockSize+5, size-4),
		"longer":         write("c", size+1, blockSize+5, size-4),
		"a block longer": write("d", size+blockSize, blockSize+5, size-4),
		"less data":      write("e", size, blockSize+5),
		"no data":        write("f", size),
		"empty":          write("g", 0),
	} {
		if other, twice := seen[sum]; twice {
			t.Errorf("%s has the hash of %s", name, other)
		}
		seen[sum] = name
	}
}

package bundle

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// sample writes a small bundle and returns its path and its manifest.
func sample(t testing.TB) (string, *Manifest) {
	t.Helper()
	dir := t.TempDir()
	var files []Source
	for _, name := range []string{Run, Kernel, Symbols, Config, Initramfs, Log, Console, Stream} {
		path := filepath.Join(dir, "a "+name)
		if err := os.WriteFile(path, []byte("this is "+name+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, Source{name, path})
	}
	m := &Manifest{
		Recorded: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC), Took: time.Second, Fault: "f", Tests: []string{"a/b"}, Release: "6.1",
		QEMU:    QEMU{Version: "QEMU emulator version 7.2.22", SHA256: strings.Repeat("0", 64)},
		Machine: Machine{Type: "microvm", Memory: 256, Append: []string{"a=b"}, Port: "p"}, Args: []string{"-m", "256"},
	}
	path := filepath.Join(dir, "sample.tar.gz")
	if err := Write(path, m, files); err != nil {
		t.Fatal(err)
	}
	return path, m
}

func open(t testing.TB, path string) *os.File {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func TestBundleComesBackAsItWasWritten(t *testing.T) {
	path, want := sample(t)
	dir := t.TempDir()
	got, err := Unpack(open(t, path), dir)
	if err != nil {
		t.Fatal(err)
	}
	if a, b := asJSON(t, got), asJSON(t, want); a != b {
		t.Errorf("got %s, want %s", a, b)
	}
	for _, f := range got.Files {
		b, err := os.ReadFile(filepath.Join(dir, f.Name))
		if err != nil || string(b) != "this is "+f.Name+"\n" {
			t.Errorf("%s: %q, %v", f.Name, b, err)
		}
	}
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != len(want.Files)+1 {
		t.Errorf("something was left beside the bundle: %v, %v", entries, err)
	}
	other, _ := sample(t)
	a, b := readAll(t, path), readAll(t, other)
	if !bytes.Equal(a, b) {
		t.Error("the same files make two different bundles")
	}
}

func TestBundleThatCannotBeWrittenLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "b.tar.gz")
	if err := Write(path, &Manifest{}, nil); err == nil || !strings.Contains(err.Error(), "manifest lacks run.json, vmlinux, initramfs.cpio, record.log") {
		t.Errorf("no files: %v", err)
	}
	if err := Write(path, &Manifest{}, []Source{{Kernel, filepath.Join(dir, "missing")}}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("left: %v, %v", entries, err)
	}
}

// A member of an archive that a test makes by itself.
type member struct {
	tar.Header
	data string
}

// archive is the bundle at path, taken apart, changed and put together again.
func archive(t testing.TB, path string, change func([]member) []member) []byte {
	t.Helper()
	zip, err := gzip.NewReader(open(t, path))
	if err != nil {
		t.Fatal(err)
	}
	var members []member
	for r := tar.NewReader(zip); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		members = append(members, member{tar.Header{Name: h.Name, Typeflag: h.Typeflag, Mode: 0o644}, string(data)})
	}
	var out bytes.Buffer
	packed := gzip.NewWriter(&out)
	w := tar.NewWriter(packed)
	for _, m := range change(members) {
		if m.Typeflag == tar.TypeReg {
			m.Size = int64(len(m.data))
		}
		if err := w.WriteHeader(&m.Header); err != nil {
			t.Fatal(err)
		}
		if m.Typeflag == tar.TypeReg {
			if _, err := io.WriteString(w, m.data); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := errors.Join(w.Close(), packed.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestForeignBundleIsRefusedByName(t *testing.T) {
	path, _ := sample(t)
	manifest := func(old, new string) func([]member) []member {
		return func(m []member) []member {
			if !strings.Contains(m[0].data, old) {
				t.Fatalf("the manifest has no %q", old)
			}
			m[0].data = strings.Replace(m[0].data, old, new, 1)
			return m
		}
	}
	at := func(name string, change func(*member)) func([]member) []member {
		return func(ms []member) []member {
			for i := range ms {
				if ms[i].Name == name {
					change(&ms[i])
				}
			}
			return ms
		}
	}
	for name, tt := range map[string]struct {
		change func([]member) []member
		want   string
	}{
		"another form":          {manifest(`"schema": 1`, `"schema": 7`), "bundle of form 7, this uetest reads form 1"},
		"no JSON":               {manifest("{", "x"), "manifest.json: "},
		"unknown file":          {manifest(`"name": "config"`, `"name": "../config"`), `manifest lists "../config"`},
		"file twice":            {manifest(`"name": "config"`, `"name": "vmlinux"`), "manifest lists vmlinux twice"},
		"huge file":             {manifest(`"size": 17`, `"size": 99999999999`), "the most is"},
		"negative size":         {manifest(`"size": 17`, `"size": -1`), "has -1 bytes"},
		"no digest":             {manifest(`"sha256": "0`, `"sha256": "x`), "for the SHA-256 of QEMU"},
		"two words":             {manifest(`"a=b"`, `"a=b -hda /dev/sda"`), "which is one word"},
		"no memory":             {manifest(`"memory": 256`, `"memory": 0`), "0 MiB"},
		"no tests":              {manifest(`"a/b"`, ``), "names no test"},
		"needed file unlisted":  {manifest(`"name": "record.log"`, `"name": "record.lag"`), `"record.lag", which is no file of a bundle`},
		"manifest not first":    {func(m []member) []member { return append(m[1:], m[0]) }, `begins with "run.json"`},
		"manifest is a link":    {at("manifest.json", func(m *member) { m.Typeflag, m.Linkname = tar.TypeSymlink, "/etc/passwd" }), "begins with"},
		"huge manifest":         {at("manifest.json", func(m *member) { m.data += strings.Repeat(" ", manifestLimit) }), "the most is"},
		"kernel is a link":      {at(Kernel, func(m *member) { m.Typeflag, m.Linkname = tar.TypeSymlink, "/etc/passwd" }), "vmlinux is no regular file"},
		"kernel elsewhere":      {at(Kernel, func(m *member) { m.Name = "../vmlinux" }), `vmlinux is missing: "../vmlinux" is in its place`},
		"kernel is another":     {at(Kernel, func(m *member) { m.data = "that was vmlinux\n"[:len(m.data)] }), "vmlinux is damaged: its SHA-256 is"},
		"kernel is longer":      {at(Kernel, func(m *member) { m.data += "x" }), "vmlinux is damaged: it has 17 bytes, the manifest says 16"},
		"stream missing":        {func(m []member) []member { return m[:len(m)-1] }, "stream.jsonl is missing: the bundle ends"},
		"log missing":           {func(m []member) []member { return append(m[:6:6], m[7:]...) }, `record.log is missing: "console.log" is in its place`},
		"something more":        {func(m []member) []member { return append(m, m[1]) }, `"run.json" is in the bundle and not in its manifest`},
		"empty archive":         {func([]member) []member { return nil }, "not a bundle"},
		"manifest and no files": {func(m []member) []member { return m[:1] }, "run.json is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			_, err := Unpack(bytes.NewReader(archive(t, path, tt.change)), dir)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			stays(t, dir)
		})
	}
}

// stays checks that what was unpacked into dir is there and plain.
func stays(t testing.TB, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if _, ok := known[e.Name()]; !ok || !e.Type().IsRegular() {
			t.Errorf("unpacked: %s", e)
		}
	}
	if up, err := filepath.Glob(filepath.Join(filepath.Dir(dir), "*.log")); err != nil || len(up) > 0 {
		t.Errorf("beside the directory: %v, %v", up, err)
	}
}

func TestCutBundleIsNeverWhole(t *testing.T) {
	path, _ := sample(t)
	whole := readAll(t, path)
	for n := range len(whole) {
		if _, err := Unpack(bytes.NewReader(whole[:n]), t.TempDir()); err == nil {
			t.Fatalf("%d of %d bytes are taken for a whole bundle", n, len(whole))
		}
	}
}

func TestUnpackWritesOverNothing(t *testing.T) {
	path, _ := sample(t)
	dir := t.TempDir()
	if err := os.Symlink("/dev/null", filepath.Join(dir, Kernel)); err != nil {
		t.Fatal(err)
	}
	if _, err := Unpack(open(t, path), dir); !errors.Is(err, os.ErrExist) {
		t.Errorf("got %v", err)
	}
}

// FuzzUnpack: whatever the bytes are, no file but those of a bundle appears, and
// what is taken for a bundle has each file that the manifest lists.
func FuzzUnpack(f *testing.F) {
	path, _ := sample(f)
	f.Add(readAll(f, path))
	f.Add(archive(f, path, func(m []member) []member { return m[:3] }))
	f.Add(archive(f, path, func(m []member) []member { m[2].Name = "/etc/passwd"; return m }))
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := t.TempDir()
		m, err := Unpack(bytes.NewReader(data), dir)
		stays(t, dir)
		if err != nil {
			return
		}
		for _, file := range m.Files {
			if info, err := os.Stat(filepath.Join(dir, file.Name)); err != nil || info.Size() != file.Size {
				t.Errorf("%s: %v, %v", file.Name, info, err)
			}
		}
	})
}

func TestDifferenceIsTheFirstLineThatIsNotAsRecorded(t *testing.T) {
	const want = "one\ntwo\r\nthree\n"
	for _, tt := range []struct{ got, err string }{
		{"one\ntwo\r\nthree\n", ""},
		{"one\ntwo\r\nthree", "console: line 3 is not as recorded\n  recorded  \"three\"\n  replayed  \"three\", and nothing after it"},
		{"one\n", "console: line 2 is not as recorded\n  recorded  \"two\\r\"\n  replayed  \"\", and nothing after it"},
		{"", "console: line 1 is not as recorded\n  recorded  \"one\"\n  replayed  \"\", and nothing after it"},
		{"one\ntoo\r\nthree\n", "console: line 2 is not as recorded\n  recorded  \"two\\r\"\n  replayed  \"too\\r\""},
		{"one\ntwo\r\nthree\nfour", "console: line 4 is not as recorded\n  recorded  \"\"\n  replayed  \"four\""},
		{"one\ntwo\n", "console: line 2 is not as recorded\n  recorded  \"two\\r\"\n  replayed  \"two\""},
	} {
		for _, step := range []int{1, 2, 100} {
			c := Compare("console", []byte(want))
			var err error
			for rest := []byte(tt.got); err == nil && len(rest) > 0; rest = rest[min(step, len(rest)):] {
				_, err = c.Write(rest[:min(step, len(rest))])
			}
			if err == nil {
				err = c.Done()
			}
			if got := errorText(err); got != tt.err {
				t.Errorf("%q in steps of %d: got %q, want %q", tt.got, step, got, tt.err)
			}
			if tt.err == "" && (c.Seen() != 1 || c.Lines() != 3) {
				t.Errorf("seen %v, %d lines", c.Seen(), c.Lines())
			}
		}
	}
	if c := Compare("stream", nil); c.Done() != nil || c.Seen() != 1 {
		t.Error("nothing is not nothing")
	}
	long := Compare("stream", []byte("short\n"))
	if _, err := long.Write(bytes.Repeat([]byte("x"), 10*most)); err == nil || len(err.Error()) > 2*most {
		t.Errorf("a line without end: %v", err)
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func readAll(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

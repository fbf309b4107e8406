package git

import (
	"os"
	"path/filepath"
	"testing"
)

func TestIdentityIsWhatGitIsConfiguredTo(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	t.Setenv("HOME", dir)
	t.Setenv("XDG_CONFIG_HOME", dir)
	t.Setenv("GIT_CONFIG_NOSYSTEM", "1")
	for text, want := range map[string]string{
		"": "", "[user]\n name = A B\n": "", "[user]\n name = A B\n email = a@b.org\n": "A B <a@b.org>",
	} {
		if err := os.WriteFile(filepath.Join(dir, ".gitconfig"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if got, err := Identity(t.Context()); err != nil || got != want {
			t.Errorf("%q: got %q, %v, want %q", text, got, err, want)
		}
	}
	t.Setenv("PATH", dir)
	if got, err := Identity(t.Context()); err != nil || got != "" {
		t.Errorf("without git: %q, %v", got, err)
	}
}

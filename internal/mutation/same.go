package mutation

import (
	"context"
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"fmt"
	"io"

	"uetest/internal/blame"
)

// sameCode is why a mutant is equivalent that compiles to the kernel it was put on.
const sameCode = "it compiles to the same code as the kernel without it"

// codeOf is the digest of what is loaded of a vmlinux. The notes are left out: the
// build id in them is made of the debug information too.
func codeOf(file string) (string, error) {
	f, err := elf.Open(file)
	if err != nil {
		return "", blame.On(blame.Host, fmt.Errorf("%s: expected a vmlinux: %w", file, err))
	}
	defer func() { _ = f.Close() }()
	h := sha256.New()
	for _, s := range f.Sections {
		if s.Flags&elf.SHF_ALLOC == 0 || s.Type == elf.SHT_NOTE {
			continue
		}
		_, _ = fmt.Fprintf(h, "%s %x %x\n", s.Name, s.Addr, s.Size)
		if s.Type == elf.SHT_NOBITS {
			continue
		}
		if _, err := io.Copy(h, s.Open()); err != nil {
			return "", blame.On(blame.Host, fmt.Errorf("%s: %s: %w", file, s.Name, err))
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// reference builds the kernel without a mutant the way those with one are built, and
// keeps what it compiles to. It is not the kernel that the series has: the name of
// that is in its code.
func (t *tryer) reference(ctx context.Context) error {
	if t.Nothing == nil {
		return nil
	}
	k := t.buildOne(ctx, Mutant{Name: "nothing", Text: t.Nothing})
	defer t.drop(ctx, k)
	if k.err != nil {
		return fmt.Errorf("the kernel without a mutant: %w", k.err)
	}
	var err error
	t.plain, err = codeOf(k.kernel.Symbols)
	return err
}

// same tells whether a mutant compiles to the kernel without it.
func (t *tryer) same(k candidate) (bool, error) {
	if t.plain == "" {
		return false, nil
	}
	code, err := codeOf(k.kernel.Symbols)
	return code == t.plain, err
}

package symbols

import (
	"debug/elf"
	"fmt"
	"strings"
)

// Object is a variable of an image.
type Object struct {
	Name       string
	Addr, Size uint64
	File       string // the source file that it is local to, without its directory; empty for a global one
}

// Objects returns the variables of the image at path whose names begin with a
// prefix, in the order of its symbol table.
func Objects(path, prefix string) ([]Object, error) {
	f, err := elf.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	symbols, err := f.Symbols()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	var all []Object
	file := ""
	for _, s := range symbols {
		switch elf.ST_TYPE(s.Info) {
		case elf.STT_FILE:
			file = s.Name
		case elf.STT_OBJECT:
			if !strings.HasPrefix(s.Name, prefix) {
				continue
			}
			o := Object{Name: s.Name, Addr: s.Value, Size: s.Size}
			if elf.ST_BIND(s.Info) == elf.STB_LOCAL {
				o.File = file
			}
			all = append(all, o)
		}
	}
	return all, nil
}

package bundle

import (
	"bytes"
	"fmt"
)

// A Comparison is an io.Writer for what should be the same as what was
// recorded, piece by piece as it comes.
type Comparison struct {
	name string
	want []byte
	got  []byte
	same int // how much of want and got is the same
}

// Compare expects want, of which name is what people call it.
func Compare(name string, want []byte) *Comparison { return &Comparison{name: name, want: want} }

// A Difference is the first line that is not as recorded.
type Difference struct {
	Name      string
	Line      int // from 1
	Want, Got string
	Ended     bool // nothing came after Got
}

// most is how much of a line people get to see.
const most = 500

func (d *Difference) Error() string {
	then := ""
	if d.Ended {
		then = ", and nothing after it"
	}
	return fmt.Sprintf("%s: line %d is not as recorded\n  recorded  %.*q\n  replayed  %.*q%s", d.Name, d.Line, most, d.Want, most, d.Got, then)
}

// Write compares. It returns a *Difference once the line that differs has ended.
func (c *Comparison) Write(b []byte) (int, error) {
	c.got = append(c.got, b...)
	for c.same < len(c.got) && c.same < len(c.want) && c.got[c.same] == c.want[c.same] {
		c.same++
	}
	if bytes.IndexByte(c.got[c.same:], '\n') >= 0 || len(c.got)-c.same > most {
		return len(b), c.difference(false)
	}
	return len(b), nil
}

// Done says that nothing follows. It returns a *Difference if that is not as
// recorded.
func (c *Comparison) Done() error {
	if c.same == len(c.want) && c.same == len(c.got) {
		return nil
	}
	return c.difference(true)
}

// Seen is how much of what was recorded came so far, from 0 to 1.
func (c *Comparison) Seen() float64 {
	if len(c.want) == 0 {
		return 1
	}
	return float64(c.same) / float64(len(c.want))
}

// Lines is how many lines came that are as recorded.
func (c *Comparison) Lines() int { return bytes.Count(c.want[:c.same], []byte("\n")) }

func (c *Comparison) difference(ended bool) *Difference {
	return &Difference{
		Name: c.name, Line: c.Lines() + 1,
		Want: line(c.want, c.same), Got: line(c.got, c.same),
		Ended: ended && c.same == len(c.got),
	}
}

// line is the line of text that has the byte at, without its end.
func line(text []byte, at int) string {
	from := bytes.LastIndexByte(text[:at], '\n') + 1
	rest, _, _ := bytes.Cut(text[from:], []byte("\n"))
	return string(rest)
}

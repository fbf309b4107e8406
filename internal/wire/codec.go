package wire

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// ErrTooLong is wrapped by the errors about a line of more than MaxLine bytes
// and about a message that does not fit one even after its Text was cut.
var ErrTooLong = errors.New("line longer than 65536 bytes")

// A LineError is one bad line in a stream whose framing is intact: after it
// Decode goes on with the next line.
type LineError struct {
	Line []byte // the line, or its first bytes where it is too long
	Err  error  // why it is no message
}

func (e *LineError) Error() string {
	const shown = 80
	line := e.Line
	if len(line) > shown {
		line = line[:shown]
	}
	return fmt.Sprintf("not a message: %q: %v", line, e.Err)
}

func (e *LineError) Unwrap() error { return e.Err }

// Append appends m to b as one line, newline included, of at most MaxLine
// bytes. A Text that does not fit is cut at a rune and ends in a note that
// says how many bytes are gone; a message that does not fit without its Text
// is an error, for a key or a value must never change on its way.
func Append(b []byte, m Message) ([]byte, error) {
	line, err := json.Marshal(m)
	if err != nil {
		return b, fmt.Errorf("encode %s message: %w", m.Kind, err)
	}
	text := m.Text
	// One byte of text takes up to six in JSON, so the cut is found by
	// trying: each turn drops at least the bytes by which the line is too long
	// divided by six.
	for keep := len(text); len(line)+1 > MaxLine; {
		if keep == 0 {
			return b, fmt.Errorf("encode %s message with key %.40q: %w", m.Kind, m.Key, ErrTooLong)
		}
		keep = max(0, min(keep-(len(line)+1-MaxLine+5)/6, MaxLine))
		for keep > 0 && !utf8.RuneStart(text[keep]) {
			keep--
		}
		m.Text = text[:keep]
		if keep > 0 {
			m.Text += fmt.Sprintf(" [%d bytes cut]", len(text)-keep)
		}
		if line, err = json.Marshal(m); err != nil {
			return b, fmt.Errorf("encode %s message: %w", m.Kind, err)
		}
	}
	b = append(b, line...)
	return append(b, '\n'), nil
}

// An Encoder writes messages to a stream. It is not safe for concurrent use.
type Encoder struct {
	w   io.Writer
	buf []byte
}

// NewEncoder returns an Encoder that writes to w.
func NewEncoder(w io.Writer) *Encoder { return &Encoder{w: w} }

// Encode writes m as one line in one call of Write, so that a pipe does not
// mix it with another writer's line as long as it has at most PIPE_BUF bytes
// (pipe(7)). See Append for what happens to text that is too long.
func (e *Encoder) Encode(m Message) error {
	var err error
	e.buf, err = Append(e.buf[:0], m)
	if err != nil {
		return err
	}
	_, err = e.w.Write(e.buf)
	return err
}

// A Decoder reads messages from a stream. It is not safe for concurrent use.
type Decoder struct {
	r *bufio.Reader
}

// NewDecoder returns a Decoder that reads from r, and reads ahead.
func NewDecoder(r io.Reader) *Decoder {
	return &Decoder{r: bufio.NewReaderSize(r, MaxLine)}
}

// Decode returns the next message. It returns io.EOF at the end of a stream
// that ends with a whole line, io.ErrUnexpectedEOF, wrapped, if the last line
// has no newline, and a *LineError for a line that is no message or too long,
// after which the next call goes on with the line behind it. Other errors are
// the reader's own.
func (d *Decoder) Decode() (Message, error) {
	line, err := d.r.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		start := bytes.Clone(line[:min(len(line), 256)])
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = d.r.ReadSlice('\n')
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return Message{}, err
		}
		return Message{}, &LineError{start, ErrTooLong}
	case errors.Is(err, io.EOF) && len(line) > 0:
		return Message{}, fmt.Errorf("the stream ends within a line, %.80q: %w", line, io.ErrUnexpectedEOF)
	case err != nil:
		return Message{}, err
	}
	return Parse(line)
}

// Parse reads one line. The error is a *LineError.
func Parse(line []byte) (Message, error) {
	var m Message
	err := json.Unmarshal(line, &m)
	if err == nil && m.Kind == "" {
		err = errors.New("it has no kind")
	}
	if err != nil {
		return Message{}, &LineError{bytes.Clone(bytes.TrimSuffix(line, []byte("\n"))), err}
	}
	return m, nil
}

// CheckVersion returns an error if m, a Hello or a Run that states a version,
// comes from another version of the protocol. Both sides are built from one
// tree, so the image is stale: the error says so.
func (m Message) CheckVersion() error {
	if m.Version == Version {
		return nil
	}
	return fmt.Errorf("protocol version %d in a %s message, want %d: the guest image and this program are not from the same tree; build both again",
		m.Version, m.Kind, Version)
}

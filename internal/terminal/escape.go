package terminal

import "io"

// EscapeHelp says how to leave a guest that does not listen any more. The keys
// are those of QEMU's own console (qemu(1), "Keys in the character backend
// multiplexer").
const EscapeHelp = "Ctrl-A X leaves, whatever the guest does; Ctrl-A Ctrl-A types one"

const escapeKey = 'A' & 0x1f

// CopyInput copies what is typed to the guest, up to the end of in, an error of
// w's, or the keys that leave. left tells the last from the others.
func CopyInput(w io.Writer, in io.Reader) (left bool) {
	var e escape
	buf := make([]byte, 4096)
	for {
		n, err := in.Read(buf)
		send, left := e.filter(buf[:n])
		if len(send) > 0 {
			if _, err := w.Write(send); err != nil {
				return false
			}
		}
		if left || err != nil {
			return left
		}
	}
}

// escape takes the escape key and what follows it out of a stream.
type escape struct{ pending bool }

// filter returns what of b is for the guest. Keys that mean nothing after the
// escape key go to the guest, both of them.
func (e *escape) filter(b []byte) (send []byte, left bool) {
	for _, c := range b {
		switch {
		case !e.pending && c == escapeKey:
			e.pending = true
			continue
		case !e.pending:
		case c == 'x' || c == 'X':
			return send, true
		case c != escapeKey:
			send = append(send, escapeKey)
		}
		e.pending = false
		send = append(send, c)
	}
	return send, false
}

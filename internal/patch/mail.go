package patch

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	netmail "net/mail"
	"regexp"
	"strconv"
	"strings"

	"github.com/emersion/go-message"
	"github.com/emersion/go-message/charset"
	"github.com/emersion/go-message/mail"
)

// fromLine is what starts a mail in an mbox. git format-patch writes one as
// well, with a commit id. It is what git-mailsplit looks for: the time and the
// year at the end.
var fromLine = regexp.MustCompile(`^From \S.* \d{1,2}:\d\d(:\d\d)?.* \d{4}( [+-]\d{4})?\r?$`)

var headerField = regexp.MustCompile(`^[!-9;-~]+:( |$|\t)`)

// unwrap takes a patch out of its mails. Text that is no mail comes back as
// one change.
func unwrap(name, data string) ([]Change, Form, error) {
	lines := splitLines(data)
	starts := mailStarts(lines)
	if len(starts) == 0 {
		c := Change{text: lines, line: 1}
		if isHeader(lines) {
			m, err := readMail(name, lines, 1)
			return []Change{m}, Mail, err
		}
		c.readArchiveHead()
		return []Change{c}, Diff, nil
	}
	var changes []Change
	for i, start := range starts {
		end := len(lines)
		if i+1 < len(starts) {
			end = starts[i+1]
		}
		c, err := readMail(name, lines[start+1:end], start+2)
		if err != nil {
			return nil, Mbox, err
		}
		c.separator = lines[start]
		changes = append(changes, c)
	}
	if len(starts) == 1 {
		return changes, Mail, nil
	}
	return changes, Mbox, nil
}

// mailStarts returns the indices of the "From " lines. The first must be the
// first line of all, the others follow an empty line.
func mailStarts(lines []string) []int {
	if !fromLine.MatchString(lines[0]) {
		return nil
	}
	var starts []int
	for i, l := range lines {
		if strings.HasPrefix(l, "From ") && fromLine.MatchString(l) && (i == 0 || strings.TrimSpace(lines[i-1]) == "") {
			starts = append(starts, i)
		}
	}
	return starts
}

// isHeader says whether lines start with a mail header: fields of which one
// is From or Subject, up to an empty line.
func isHeader(lines []string) bool {
	known := false
	for i, l := range lines {
		l = strings.TrimRight(l, "\r")
		switch {
		case l == "":
			return known
		case headerField.MatchString(l):
			key, _, _ := strings.Cut(strings.ToLower(l), ":")
			known = known || key == "from" || key == "subject"
		case i > 0 && (l[0] == ' ' || l[0] == '\t'):
		default:
			return false
		}
	}
	return known
}

// readMail reads one mail whose header starts with the first line, which is
// number line of the file.
func readMail(name string, lines []string, line int) (Change, error) {
	fail := func(at int, err error) (Change, error) {
		return Change{}, &Error{Name: name, Line: at, Err: err}
	}
	crlf := true
	for _, l := range lines {
		crlf = crlf && strings.HasSuffix(l, "\r")
	}
	if crlf {
		plain := make([]string, len(lines))
		for i, l := range lines {
			plain[i] = strings.TrimSuffix(l, "\r")
		}
		lines = plain
	}
	body := 0
	for body < len(lines) && strings.TrimSpace(lines[body]) != "" {
		body++
	}
	if body == len(lines) {
		return fail(line+len(lines)-1, fmt.Errorf("%w: in the header of the mail, before its text", ErrTruncated))
	}
	entity, err := message.Read(strings.NewReader(strings.Join(lines, "\n") + "\n"))
	if err != nil && !message.IsUnknownCharset(err) && !message.IsUnknownEncoding(err) {
		return fail(line, fmt.Errorf("%w: mail header: %v", ErrMalformed, err))
	}
	c := Change{head: lines[:body], text: lines[body+1:], line: line + body + 1}
	c.readHeader(mail.Header{Header: entity.Header})
	if plainText(entity.Header) {
		return c, nil
	}
	text, err := mailText(entity)
	switch {
	case errors.Is(err, ErrTooBig):
		return fail(line, err)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return fail(line+len(lines)-1, fmt.Errorf("%w: in the encoded text of the mail", ErrTruncated))
	case err != nil:
		return fail(line, fmt.Errorf("%w: text of the mail: %v", ErrMalformed, err))
	}
	c.text, c.line, c.decoded = splitLines(strings.ReplaceAll(text, "\r\n", "\n")), 1, true
	return c, nil
}

// plainText says whether the body of a mail stands in the file as it is.
func plainText(h message.Header) bool {
	typ, params, err := h.ContentType()
	if err != nil {
		return true
	}
	switch strings.ToLower(h.Get("Content-Transfer-Encoding")) {
	case "", "7bit", "8bit", "binary":
	default:
		return false
	}
	switch strings.ToLower(params["charset"]) {
	case "", "us-ascii", "utf-8", "utf8":
	default:
		return false
	}
	return strings.HasPrefix(typ, "text/")
}

// mailText returns the text of a mail: its text parts, attached ones as well,
// one after the other, decoded.
func mailText(e *message.Entity) (string, error) {
	var text strings.Builder
	err := e.Walk(func(_ []int, part *message.Entity, err error) error {
		if err != nil && !message.IsUnknownCharset(err) && !message.IsUnknownEncoding(err) {
			return err
		}
		typ, _, _ := part.Header.ContentType()
		if typ != "" && !strings.HasPrefix(typ, "text/") || typ == "text/html" {
			return nil
		}
		data, err := io.ReadAll(io.LimitReader(part.Body, MaxPatch+1))
		if len(data)+text.Len() > MaxPatch {
			return fmt.Errorf("%w: decoded, the limit is %d bytes", ErrTooBig, MaxPatch)
		}
		text.Write(data)
		if !bytes.HasSuffix(data, []byte("\n")) {
			text.WriteByte('\n')
		}
		return err
	})
	return text.String(), err
}

var partOf = regexp.MustCompile(`\[[^\]]*?\b(\d+)/(\d+)\]`)

// readHeader takes the fields of a mail header, decoded.
func (c *Change) readHeader(h mail.Header) {
	words := mime.WordDecoder{CharsetReader: charset.Reader}
	decode := func(key string) string {
		raw := h.Get(key)
		s, err := words.DecodeHeader(raw)
		if err != nil {
			s = raw
		}
		return strings.Join(strings.Fields(s), " ")
	}
	c.From, c.Date, c.ID = decode("From"), h.Get("Date"), strings.Trim(h.Get("Message-Id"), "<> ")
	if a, err := (&netmail.AddressParser{WordDecoder: &words}).Parse(h.Get("From")); err == nil {
		c.From = a.Name + " <" + a.Address + ">"
	}
	c.setSubject(decode("Subject"))
}

func (c *Change) setSubject(s string) {
	c.Subject = s
	if m := partOf.FindStringSubmatch(s); m != nil {
		c.Number, _ = strconv.Atoi(m[1])
		c.Of, _ = strconv.Atoi(m[2])
	}
}

// readArchiveHead takes subject, sender and date from the top of an archive
// page's text: the subject on a line by itself, then From: and Date: among the
// next few lines.
func (c *Change) readArchiveHead() {
	subject, end := "", 0
	for i, seen := 0, 0; i < len(c.text) && seen < 6; i++ {
		l := strings.TrimSpace(c.text[i])
		if l == "" {
			continue
		}
		seen++
		key, value, ok := strings.Cut(l, ": ")
		switch {
		case ok && key == "From" && c.From == "":
			c.From, end = value, i+1
		case ok && key == "Date" && c.Date == "":
			c.Date, end = value, i+1
		case ok && key == "Subject" && subject == "":
			subject, end = value, i+1
		case subject == "":
			subject = l
		}
	}
	if c.From == "" || subject == "" {
		c.From, c.Date = "", ""
		return
	}
	for end < len(c.text) && strings.TrimSpace(c.text[end]) == "" {
		end++
	}
	c.headEnd = end
	c.setSubject(subject)
}

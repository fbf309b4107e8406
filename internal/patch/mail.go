package patch

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	netmail "net/mail"
	"regexp"
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
		if isHeader(lines) {
			changes, err := readMail(name, lines, 1)
			return changes, Mail, err
		}
		c := Change{text: withoutCR(lines), raw: data, line: 1}
		c.readArchiveHead()
		return []Change{c}, Diff, nil
	}
	var changes []Change
	for i, start := range starts {
		end := len(lines)
		if i+1 < len(starts) {
			end = starts[i+1]
		}
		body := lines[start+1 : end]
		if !formatPatchLine.MatchString(lines[start]) {
			body = unescapeFrom(body)
		}
		mails, err := readMail(name, body, start+2)
		if err != nil {
			return nil, Mbox, err
		}
		mails[0].separator = lines[start]
		changes = append(changes, mails...)
	}
	if len(starts) == 1 {
		return changes, Mail, nil
	}
	return changes, Mbox, nil
}

// formatPatchLine is the "From " line that git format-patch writes, whose
// output escapes nothing.
var formatPatchLine = regexp.MustCompile(`^From [0-9a-f]{40,64} Mon Sep 17 00:00:00 2001\r?$`)

var escapedFrom = regexp.MustCompile(`^>+From `)

// unescapeFrom takes back what an mbox does to lines that begin with "From "
// (mboxrd; mboxo is the same but for ">From " itself).
func unescapeFrom(lines []string) []string {
	var plain []string
	for i, l := range lines {
		if escapedFrom.MatchString(l) {
			if plain == nil {
				plain = append(plain, lines...)
			}
			plain[i] = l[1:]
		}
	}
	if plain == nil {
		return lines
	}
	return plain
}

// withoutCR takes the carriage returns away that something between git and
// here has put at the end of every line. Those of a file that has them itself
// stay: then the diff's own lines have none.
func withoutCR(lines []string) []string {
	for _, l := range lines {
		if !strings.HasSuffix(l, "\r") {
			return lines
		}
	}
	plain := make([]string, len(lines))
	for i, l := range lines {
		plain[i] = strings.TrimSuffix(l, "\r")
	}
	return plain
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
// number line of the file. Mails that are attached to it come after it.
func readMail(name string, lines []string, line int) ([]Change, error) {
	fail := func(at int, err error) ([]Change, error) {
		return nil, &Error{Name: name, Line: at, Err: err}
	}
	lines = withoutCR(lines)
	body := 0
	for body < len(lines) && strings.TrimSpace(lines[body]) != "" {
		body++
	}
	if body == len(lines) {
		return fail(line+len(lines)-1, fmt.Errorf("%w: in the header of the mail, before its text", ErrTruncated))
	}
	raw := strings.Join(lines, "\n") + "\n"
	entity, err := message.Read(strings.NewReader(raw))
	if err != nil && !message.IsUnknownCharset(err) && !message.IsUnknownEncoding(err) {
		return fail(line, fmt.Errorf("%w: mail header: %v", ErrMalformed, err))
	}
	c := Change{head: lines[:body], text: lines[body+1:], raw: raw, line: line + body + 1}
	c.readHeader(mail.Header{Header: entity.Header}, line)
	if plainText(entity.Header) {
		return []Change{c}, nil
	}
	text, attached, err := mailText(entity)
	switch {
	case errors.Is(err, ErrTooBig):
		return fail(line, err)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return fail(line+len(lines)-1, fmt.Errorf("%w: in the encoded text of the mail", ErrTruncated))
	case err != nil:
		return fail(line, fmt.Errorf("%w: text of the mail: %v", ErrMalformed, err))
	}
	c.text, c.line, c.decoded = splitLines(strings.ReplaceAll(text, "\r\n", "\n")), 1, true
	changes := []Change{c}
	for _, a := range attached {
		mails, _, err := unwrap(name+" ("+a.name+")", a.text)
		if err != nil {
			return nil, err
		}
		for i := range mails {
			mails[i].within, mails[i].decoded = a.name, true
		}
		changes = append(changes, mails...)
	}
	return changes, nil
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

// attachment is a mail within a mail, or several.
type attachment struct {
	name, text string
}

// maxAttached bounds the mails in a mail: each is read on its own.
const maxAttached = 1000

// mailText returns the text of a mail, decoded: its text parts and attached
// diffs, one after the other; and apart from it what is attached as a mail of
// its own, as git format-patch --attach and "forward as attachment" do.
func mailText(e *message.Entity) (string, []attachment, error) {
	var text strings.Builder
	var attached []attachment
	size := 0
	err := e.Walk(func(_ []int, part *message.Entity, err error) error {
		if err != nil && !message.IsUnknownCharset(err) && !message.IsUnknownEncoding(err) {
			return err
		}
		typ, params, _ := part.Header.ContentType()
		file := params["name"]
		if _, p, err := part.Header.ContentDisposition(); err == nil && p["filename"] != "" {
			file = p["filename"]
		}
		if !holdsPatch(typ, file) {
			return nil
		}
		data, err := io.ReadAll(io.LimitReader(part.Body, MaxPatch+1))
		if size += len(data); size > MaxPatch {
			return fmt.Errorf("%w: decoded, the limit is %d bytes", ErrTooBig, MaxPatch)
		}
		if err != nil {
			return err
		}
		if body := strings.ReplaceAll(string(data), "\r\n", "\n"); (typ == "message/rfc822" || file != "") && isMail(body) {
			if file == "" {
				file = "attached mail"
			}
			if attached = append(attached, attachment{file, body}); len(attached) > maxAttached {
				return fmt.Errorf("%w: more than %d attached mails", ErrTooBig, maxAttached)
			}
			return nil
		}
		text.Write(data)
		if !bytes.HasSuffix(data, []byte("\n")) {
			text.WriteByte('\n')
		}
		return nil
	})
	return text.String(), attached, err
}

// holdsPatch says whether a part of that type and file name may hold a patch.
// Some mail programs attach one as a stream of bytes.
func holdsPatch(typ, file string) bool {
	switch {
	case typ == "text/html":
		return false
	case typ == "", typ == "message/rfc822", strings.HasPrefix(typ, "text/"):
		return true
	}
	for _, suffix := range []string{".patch", ".diff", ".mbox", ".eml"} {
		if strings.HasSuffix(strings.ToLower(file), suffix) {
			return true
		}
	}
	return false
}

func isMail(text string) bool {
	lines := splitLines(text)
	return len(lines) > 0 && (len(mailStarts(lines)) > 0 || isHeader(lines))
}

// readHeader takes the fields of a mail header, decoded. line is the number of
// the header's first line.
func (c *Change) readHeader(h mail.Header, line int) {
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
	c.thread = firstID(h.Get("References"))
	if c.thread == "" {
		c.thread = firstID(h.Get("In-Reply-To"))
	}
	if c.thread == "" {
		c.thread = c.ID
	}
	c.subjectLine = line
	for i, l := range c.head {
		if len(l) > 8 && strings.EqualFold(l[:8], "subject:") {
			c.subjectLine = line + i
			break
		}
	}
}

var messageID = regexp.MustCompile(`<([^<>\s]+)>`)

// firstID returns the first Message-ID of a References field: the mail that
// the thread began with.
func firstID(s string) string {
	if m := messageID.FindStringSubmatch(s); m != nil {
		return m[1]
	}
	return ""
}

func (c *Change) setSubject(s string) {
	c.Subject, c.mark = s, parseSubject(s)
	c.Number, c.Of, c.Version, c.Title = c.mark.number, c.mark.of, c.mark.version, c.mark.title
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

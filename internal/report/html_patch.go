package report

import (
	"fmt"
	"net/mail"
	"path"
	"strconv"
	"strings"

	"uetest/internal/coverage"
	"uetest/internal/results"
)

// posting is a patch as it was posted.
type posting struct {
	Subject, From, Date, Message, File, SHA256 string
	Changelog                                  string // what stands above the diff
}

// pageDiff is a patch, line by line, with what became of each.
type pageDiff struct {
	Of      string // the kernels, or the patch's subject
	By      string // how coverage was found; empty: it was not
	Files   []diffFile
	Share   share
	Mutants bool // there are marks of mutants
	Unread  []string
	Stale   []string
}

type diffFile struct {
	Path  string
	Ref   string
	Share share
	Hunks []diffHunk
}

type diffHunk struct {
	At      string // "line 230"
	Section string
	Share   share
	Mutants []lineMutant // of many of its lines at once
	Lines   []diffLine
}

type diffLine struct {
	Class   string // add, del, same
	Op      string
	Number  string
	Text    string
	Cover   mark // Word is how many tests executed it
	Reason  string
	Mutants []lineMutant
}

// share is how much of the lines that have code was executed.
type share struct {
	mark
	Executed, Code, Named, Missed int
	Known                         bool
}

func shareOf(t coverage.Tally) share {
	s := share{mark: markGood, Executed: t.Executed, Code: t.Code, Named: t.Named, Missed: t.Unexplained(), Known: true}
	switch {
	case t.Unexplained() > 0:
		s.mark = markBad
	case t.Named > 0:
		s.mark = markWarn
	case t.Code == 0:
		s.mark = markNone
	}
	return s
}

// posting is a patch of a kernel.
func (b *builder) posting(m results.Mail) posting {
	p := posting{Subject: m.Subject, From: m.From, Date: m.Date, Message: m.ID, File: path.Base(m.File), SHA256: m.SHA256}
	if p.Subject == "" {
		p.Subject = p.File
	}
	if a, err := mail.ParseAddress(m.From); err == nil && a.Name != "" {
		p.From = a.Name
	}
	return p
}

// postings are the patches under test: those of the first kernel with the patch
// that somebody has posted, and their changelogs.
func (b *builder) postings() []posting {
	if len(b.patched) == 0 || b.re.File == "" {
		return nil
	}
	var all []posting
	for _, m := range b.patched[0].Kernel.Mails {
		if m.From == "" && m.ID == "" && m.SHA256 != b.re.SHA256 {
			continue
		}
		p := b.posting(m)
		text, _ := b.rec.Patch(m.SHA256)
		p.Changelog = changelog(text.Text)
		all = append(all, p)
	}
	return all
}

// changelog is what a mail says above its diff: without the header, and without
// what stands below the line of three dashes.
func changelog(text string) string {
	if _, after, ok := strings.Cut(text, "\n\n"); ok && strings.Contains(text[:len(text)-len(after)], "Subject:") {
		text = after
	}
	end := len(text)
	for _, stop := range []string{"\n---\n", "\n--- a/", "\ndiff --git ", "\nIndex: "} {
		if i := strings.Index("\n"+text, stop); i >= 0 {
			end = min(end, i)
		}
	}
	return strings.TrimSpace(text[:end])
}

// diffs are the patches under test line by line: as coverage has them, which is the
// whole of what they change, or else as they were posted.
func (b *builder) diffs() []pageDiff {
	var all []pageDiff
	var runs []*results.Run
	for _, k := range b.patched {
		runs = append(runs, k.Run)
	}
	for _, r := range coverageOf(runs) {
		d := b.covered(r)
		b.broken(&d)
		all = append(all, d)
	}
	if len(all) > 0 || len(b.patched) == 0 {
		return all
	}
	for _, m := range b.postings() {
		text, _ := b.rec.Patch(m.SHA256)
		if d := b.plainDiff(text.Text); len(d.Files) > 0 {
			d.Of = m.Subject
			b.broken(&d)
			all = append(all, d)
		}
	}
	return all
}

func (b *builder) covered(r *coverage.Report) pageDiff {
	d := pageDiff{Of: listed(r.Kernels), By: r.Source, Share: shareOf(r.Tally()), Unread: r.Unread, Stale: r.Stale}
	for i := range r.Files {
		f := &r.Files[i]
		df := diffFile{Path: f.Path, Ref: b.ref("file", f.Path), Share: shareOf(f.Tally())}
		for k := range f.Hunks {
			h := &f.Hunks[k]
			dh := diffHunk{At: fmt.Sprint(h.First()), Section: h.Section, Share: shareOf(h.Tally())}
			for n := range h.Lines {
				dh.Lines = append(dh.Lines, coveredLine(&h.Lines[n]))
			}
			df.Hunks = append(df.Hunks, dh)
		}
		d.Files = append(d.Files, df)
	}
	return d
}

func coveredLine(l *coverage.Line) diffLine {
	dl := diffLine{Class: classOf(l.Op), Op: l.Op, Text: l.Text, Reason: l.Reason}
	if l.Number > 0 {
		dl.Number = strconv.Itoa(l.Number)
	}
	n := len(l.Tests)
	switch {
	case n > 0 && l.Added():
		dl.Cover = mark{"good", "", strconv.Itoa(n)}
	case n > 0:
		dl.Cover = mark{"none", "", strconv.Itoa(n)}
	case !l.Code:
	case l.Added() && l.Reason == "":
		dl.Cover = markBad.say("0")
	case l.Added():
		dl.Cover = markWarn.say("0")
	default:
		dl.Cover = mark{"none", "", "0"}
	}
	return dl
}

func classOf(op string) string {
	switch op {
	case "+":
		return "add"
	case "-":
		return "del"
	}
	return "same"
}

// lineOf is a line of a diff.
func lineOf(l string) diffLine {
	if strings.HasPrefix(l, "@@") {
		return diffLine{Class: "head", Text: l}
	}
	if l == "" {
		l = " "
	}
	return diffLine{Class: classOf(l[:1]), Op: l[:1], Text: l[1:]}
}

// plainDiff reads the hunks of a patch's text. What is no unified diff has none.
func (b *builder) plainDiff(text string) pageDiff {
	var d pageDiff
	var hunk *diffHunk
	number, left, right := 0, 0, 0 // of the new file; lines of the hunk to come, old and new
	for l := range strings.Lines(text) {
		l = strings.TrimRight(l, "\r\n")
		head := hunkRange.FindStringSubmatch(l)
		switch {
		case left > 0 || right > 0:
			dl := lineOf(l)
			if strings.HasPrefix(l, `\`) {
				continue
			}
			if dl.Op != "+" {
				left--
			}
			if dl.Op != "-" {
				dl.Number = strconv.Itoa(number)
				number++
				right--
			}
			hunk.Lines = append(hunk.Lines, dl)
		case strings.HasPrefix(l, "+++ "):
			name, _, _ := strings.Cut(strings.TrimPrefix(l, "+++ "), "\t")
			name = strings.TrimPrefix(name, "b/")
			d.Files = append(d.Files, diffFile{Path: name, Ref: b.ref("file", name)})
		case head != nil && len(d.Files) > 0:
			f := &d.Files[len(d.Files)-1]
			f.Hunks = append(f.Hunks, diffHunk{At: head[2], Section: strings.TrimSpace(head[4])})
			hunk = &f.Hunks[len(f.Hunks)-1]
			left, number, right = count(head[1]), count(head[2]), count(head[3])
		}
	}
	return d
}

// count is a number of a hunk's header, which may be left out.
func count(s string) int {
	if s == "" {
		return 1
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0 // more than an int: no hunk
	}
	return n
}

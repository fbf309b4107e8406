package patch

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// subject is what the subject line of a patch mail says.
type subject struct {
	reply   bool   // "Re: …": an answer, not the mail itself
	patch   bool   // one of its brackets says that it is a patch
	version int    // the N of vN; 1 if it has none
	number  int    // the n and m of n/m; 0 and 0 if it has none
	of      int    //
	title   string // without its brackets
}

var (
	answer      = regexp.MustCompile(`^(?i:re|aw|sv|antw|fwd?|wg|答复|回复)(\[\d+\])?\s*[::]\s*`)
	bracket     = regexp.MustCompile(`^\[([^\[\]]*)\]\s*`)
	partNumber  = regexp.MustCompile(`^(\d{1,6})/(\d{1,6})$`)
	versionMark = regexp.MustCompile(`^(?i:(?:rfc|patch|rfc-?patch)?-?v)(\d{1,4})(?:\.\d+)?$`)
)

// parseSubject reads a subject line. Tags are what git format-patch and people
// write: "[PATCH 2/3]", "[RFC PATCH v2 01/11]", "[PATCHv3]", "[PATCH 5.10 03/11]",
// "[linux-next][PATCH RESEND net]"; a list may have put its own name in front.
func parseSubject(s string) subject {
	r := subject{version: 1}
	s = strings.TrimSpace(s)
	for {
		if m := answer.FindString(s); m != "" {
			r.reply = true
			s = s[len(m):]
			continue
		}
		m := bracket.FindStringSubmatch(s)
		if m == nil {
			break
		}
		s = s[len(m[0]):]
		for _, word := range strings.FieldsFunc(m[1], func(c rune) bool { return c == ' ' || c == ',' || c == '\t' }) {
			lower := strings.ToLower(word)
			if strings.Contains(lower, "patch") || lower == "rfc" {
				r.patch = true
			}
			if n := partNumber.FindStringSubmatch(word); n != nil && r.of == 0 {
				// A date such as 10/2022 is no part of anything.
				number, _ := strconv.Atoi(n[1])
				of, _ := strconv.Atoi(n[2])
				if of > 0 && number <= of {
					r.number, r.of, r.patch = number, of, true
				}
			}
			if v := versionMark.FindStringSubmatch(word); v != nil {
				r.version, _ = strconv.Atoi(v[1])
			}
		}
	}
	r.title = s
	return r
}

// cover says whether the mail introduces a series and has no patch of its own.
func (s *subject) cover() bool { return s.of > 0 && s.number == 0 }

// part names the mail within its series: "2/3", with its version from v2 on.
func (s *subject) part() string {
	if s.version > 1 {
		return fmt.Sprintf("v%d %d/%d", s.version, s.number, s.of)
	}
	return fmt.Sprintf("%d/%d", s.number, s.of)
}

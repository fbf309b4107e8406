package kit

import (
	"fmt"
	"strconv"
	"strings"

	"uetest/internal/uapi"
)

// Status is what user_events_status says.
type Status struct {
	Events map[string]StatusLine
	Footer []string // the lines after the blank line, values and all
	Active int
	Busy   int
}

// StatusLine is the line of one event: "1:name # Used by ftrace perf".
type StatusLine struct {
	Index  int    // g0: the bit in the status page; -1 where there is none
	UsedBy string // "ftrace", "ftrace perf", … or ""
}

// ParseStatus parses user_events_status as user_seq_show writes it: a line an
// event, a blank line, then "Active: N", "Busy: N" and on g0 "Max: N".
//
// An event's name may hold a colon no more than a blank, so the first colon
// ends the index.
func ParseStatus(text string) (Status, error) {
	s := Status{Events: map[string]StatusLine{}, Active: -1, Busy: -1}
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	i := 0
	// The first blank line ends the events; an event with an empty name on a
	// kernel without an index gives a blank line too, so the footer is what
	// starts with "Active:".
	for ; i < len(lines); i++ {
		if lines[i] == "" && i+1 < len(lines) && strings.HasPrefix(lines[i+1], "Active: ") {
			break
		}
		name, line, err := parseStatusLine(lines[i])
		if err != nil {
			return s, fmt.Errorf("user_events_status, line %d: %w", i+1, err)
		}
		if _, twice := s.Events[name]; twice {
			return s, fmt.Errorf("user_events_status, line %d: event %q for the second time", i+1, name)
		}
		s.Events[name] = line
	}
	if i >= len(lines) {
		return s, fmt.Errorf("user_events_status: no blank line with \"Active:\" behind it")
	}
	s.Footer = lines[i+1:]
	for _, l := range s.Footer {
		key, value, ok := strings.Cut(l, ": ")
		n, err := strconv.Atoi(value)
		if !ok || err != nil {
			return s, fmt.Errorf("user_events_status: %q is not \"NAME: NUMBER\"", l)
		}
		switch key {
		case "Active":
			s.Active = n
		case "Busy":
			s.Busy = n
		}
	}
	return s, nil
}

func parseStatusLine(l string) (name string, line StatusLine, err error) {
	line.Index = -1
	name, used, ok := strings.Cut(l, " #")
	if ok {
		users, ok := strings.CutPrefix(used, " Used by ")
		if !ok {
			return "", line, fmt.Errorf("%q: no \"Used by\" after #", l)
		}
		line.UsedBy = users
	}
	if number, rest, ok := strings.Cut(name, ":"); ok {
		n, err := strconv.Atoi(number)
		if err != nil || n < 0 {
			return "", line, fmt.Errorf("%q: %q is no index", l, number)
		}
		name, line.Index = rest, n
	}
	return name, line, nil
}

// Status reads and parses the status file.
func (t *T) Status() Status {
	s, err := ParseStatus(t.ReadFile(uapi.StatusFile))
	t.Check(err)
	return s
}

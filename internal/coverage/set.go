package coverage

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// Set is a set of numbers from 0 on, sorted. Its JSON form is a string of numbers
// and ranges, "0,2-17": of hundreds of tests most execute most lines.
type Set []int

// maxSet bounds the numbers of a set that is read.
const maxSet = 1 << 20

// MarshalJSON implements json.Marshaler.
func (s Set) MarshalJSON() ([]byte, error) {
	var parts []string
	for i := 0; i < len(s); {
		k := i
		for k+1 < len(s) && s[k+1] == s[k]+1 {
			k++
		}
		part := strconv.Itoa(s[i])
		if k > i {
			part += "-" + strconv.Itoa(s[k])
		}
		parts = append(parts, part)
		i = k + 1
	}
	return json.Marshal(strings.Join(parts, ","))
}

// UnmarshalJSON implements json.Unmarshaler.
func (s *Set) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return err
	}
	*s = nil
	if text == "" {
		return nil
	}
	next := 0
	for part := range strings.SplitSeq(text, ",") {
		first, last, isRange := strings.Cut(part, "-")
		if !isRange {
			last = first
		}
		from, err := strconv.Atoi(first)
		until, err2 := strconv.Atoi(last)
		if err != nil || err2 != nil || from < next || until < from || until >= maxSet {
			return fmt.Errorf(`%q is no set of numbers: expected rising ones and ranges, such as "0,2-17"`, text)
		}
		for n := from; n <= until; n++ {
			*s = append(*s, n)
		}
		next = until + 1
	}
	return nil
}

package model

import (
	"fmt"
	"math/bits"
	"slices"
	"strconv"
	"strings"
)

// What a program may name: p0 to p3, f0 to f3, ev0 to ev2, page0 to page3, two
// words in each page.
const (
	Processes = 4
	Files     = 4
	Events    = 3
	Pages     = 4
	Words     = 2
)

// EmptyEvent is the event without fields; the others have one of four bytes.
const EmptyEvent = 2

// Verb says what an operation does.
type Verb string

// The operations. The process that is named first carries them out; p0 is
// there at the start, without files and pages.
const (
	Open       Verb = "open"       // user_events_data; closed on exec, but for "keep"
	Close      Verb = "close"      // a process's descriptor of a file
	Pass       Verb = "pass"       // a descriptor to another process, by SCM_RIGHTS
	Register   Verb = "register"   // DIAG_IOCSREG
	Unregister Verb = "unregister" // DIAG_IOCSUNREG
	Write      Verb = "write"      // a record of an event: index and payload
	Enable     Verb = "enable"     // an event, by one of the sources
	Disable    Verb = "disable"    //
	Map        Verb = "map"        // mmap(2), in place of what is there
	Unmap      Verb = "unmap"      // munmap(2)
	Protect    Verb = "protect"    // mprotect(2)
	Discard    Verb = "discard"    // madvise(2), MADV_DONTNEED
	Load       Verb = "load"       // a word
	Store      Verb = "store"      // a word
	Fork       Verb = "fork"       // a process that has not been there before
	Exec       Verb = "exec"       // another image, which does nothing
	Exit       Verb = "exit"       //
)

// Source is a way to enable an event.
type Source string

// The sources. The first three are the same switch of the kernel's.
const (
	EnableFile Source = "file"      // events/user_events/EVENT/enable
	SetEvent   Source = "set_event" // set_event
	System     Source = "system"    // events/user_events/enable: every event
	Instance   Source = "instance"  // a trace instance's own enable file
	Perf       Source = "perf"      // perf_event_open(2)
	Trigger    Source = "trigger"   // a trigger, which enables softly
)

// Sources is all of them.
var Sources = []Source{EnableFile, SetEvent, System, Instance, Perf, Trigger}

// Kind is what a page is a mapping of.
type Kind string

// The kinds. There is one memfd in a program, of one page.
const (
	Private      Kind = "private"       // MAP_PRIVATE|MAP_ANONYMOUS
	Shared       Kind = "shared"        // MAP_SHARED|MAP_ANONYMOUS
	Memfd        Kind = "memfd"         // MAP_SHARED of the memfd
	MemfdPrivate Kind = "memfd-private" // MAP_PRIVATE of the memfd
)

// Kinds is all of them.
var Kinds = []Kind{Private, Shared, Memfd, MemfdPrivate}

// Prot is a protection of a page.
type Prot string

// The protections.
const (
	ProtNone  Prot = "none"
	ProtRead  Prot = "read"
	ProtWrite Prot = "write" // and read
)

// Prots is all of them.
var Prots = []Prot{ProtNone, ProtRead, ProtWrite}

// Place is where a bit is: a word of a page, or address 0.
type Place struct {
	Null       bool
	Page, Word int
}

func (p Place) String() string {
	if p.Null {
		return "null"
	}
	return fmt.Sprintf("page%d.%d", p.Page, p.Word)
}

// Op is one operation. Fields that do not belong to the verb are zero.
type Op struct {
	Verb   Verb
	Proc   int
	To     int // Fork, Pass: the other process
	File   int
	Event  int
	Source Source
	Kind   Kind
	Prot   Prot
	Place  Place // of Map, Unmap, Protect, Discard the page alone
	Bit    int
	Value  uint32

	Keep     bool // Open: not closed on exec
	Reserved bool // Register: with bits of struct user_reg that have no meaning
	ReadOnly bool // Register: struct user_reg in memory that can't be written
}

// A slot is one word of an operation's text. A slot that is a flag has a name
// and may be left out.
type slot struct {
	flag   string
	get    func(*Op) string
	parse  func(*Op, string) error
	random func(*Op, *dice)
	// simpler calls try with each simpler value in place of the operation's,
	// and weight is how far that is from the simplest.
	simpler func(*Op, func())
	weight  func(*Op) int
}

// number is a slot for one of the names PREFIX0 to PREFIX(n-1).
func number(prefix string, n int, field func(*Op) *int) slot {
	return slot{
		get: func(o *Op) string { return prefix + strconv.Itoa(*field(o)) },
		parse: func(o *Op, s string) error {
			digits, ok := strings.CutPrefix(s, prefix)
			v, err := strconv.Atoi(digits)
			if !ok || err != nil || v < 0 || v >= n || digits != strconv.Itoa(v) {
				return fmt.Errorf("%q, want %s0 to %s%d", s, prefix, prefix, n-1)
			}
			*field(o) = v
			return nil
		},
		random: func(o *Op, d *dice) { *field(o) = d.low(prefix, n) },
		simpler: func(o *Op, try func()) {
			was := *field(o)
			for v := range was {
				*field(o) = v
				try()
			}
			*field(o) = was
		},
		weight: func(o *Op) int { return *field(o) },
	}
}

// choice is a slot for one of a few words.
func choice[T ~string](all []T, field func(*Op) *T) slot {
	return slot{
		get: func(o *Op) string { return string(*field(o)) },
		parse: func(o *Op, s string) error {
			if !slices.Contains(all, T(s)) {
				return fmt.Errorf("%q, want one of %v", s, all)
			}
			*field(o) = T(s)
			return nil
		},
		random: func(o *Op, d *dice) { *field(o) = all[d.IntN(len(all))] },
		simpler: func(o *Op, try func()) {
			was := *field(o)
			for _, v := range all[:slices.Index(all, was)] {
				*field(o) = v
				try()
			}
			*field(o) = was
		},
		weight: func(o *Op) int { return slices.Index(all, *field(o)) },
	}
}

func flag(name string, field func(*Op) *bool) slot {
	return slot{
		flag: name,
		get: func(o *Op) string {
			if *field(o) {
				return name
			}
			return ""
		},
		parse:  func(o *Op, _ string) error { *field(o) = true; return nil },
		random: func(o *Op, d *dice) { *field(o) = d.IntN(20) == 0 },
		simpler: func(o *Op, try func()) {
			if *field(o) {
				*field(o) = false
				try()
				*field(o) = true
			}
		},
		weight: func(o *Op) int {
			if *field(o) {
				return 1
			}
			return 0
		},
	}
}

var (
	procSlot  = number("p", Processes, func(o *Op) *int { return &o.Proc })
	toSlot    = number("p", Processes, func(o *Op) *int { return &o.To })
	fileSlot  = number("f", Files, func(o *Op) *int { return &o.File })
	eventSlot = number("ev", Events, func(o *Op) *int { return &o.Event })
	pageSlot  = number("page", Pages, func(o *Op) *int { return &o.Place.Page })
	bitSlot   = func() slot {
		s := number("bit", 32, func(o *Op) *int { return &o.Bit })
		s.random = func(o *Op, d *dice) { o.Bit = someBits[d.low("bit", len(someBits))] }
		return s
	}()

	sourceSlot = func() slot {
		s := choice(Sources, func(o *Op) *Source { return &o.Source })
		s.random = func(o *Op, d *dice) { o.Source = someSources[d.IntN(len(someSources))] }
		return s
	}()
	kindSlot = choice(Kinds, func(o *Op) *Kind { return &o.Kind })
	protSlot = choice(Prots, func(o *Op) *Prot { return &o.Prot })

	wordSlot = slot{
		get: func(o *Op) string { return o.Place.String() },
		parse: func(o *Op, s string) error {
			page, word, ok := strings.Cut(s, ".")
			var w Op
			wordNumber := number("", Words, func(o *Op) *int { return &o.Place.Word })
			if !ok || pageSlot.parse(&w, page) != nil || wordNumber.parse(&w, word) != nil {
				return fmt.Errorf("%q, want page0.0 to page%d.%d", s, Pages-1, Words-1)
			}
			o.Place = w.Place
			return nil
		},
		random: func(o *Op, d *dice) { o.Place = Place{Page: d.low("page", Pages), Word: d.low("word", Words)} },
		simpler: func(o *Op, try func()) {
			was := o.Place
			if was.Null {
				o.Place = Place{}
				try()
			}
			for page := range was.Page + 1 {
				for word := range was.Word + 1 {
					if o.Place = (Place{Page: page, Word: word}); o.Place != was {
						try()
					}
				}
			}
			o.Place = was
		},
		weight: func(o *Op) int {
			if o.Place.Null {
				return 2 * Pages
			}
			return o.Place.Page + o.Place.Word
		},
	}
	placeSlot = slot{
		get:     wordSlot.get,
		simpler: wordSlot.simpler,
		weight:  wordSlot.weight,
		random: func(o *Op, d *dice) {
			if wordSlot.random(o, d); d.IntN(40) == 0 {
				o.Place = Place{Null: true}
			}
		},
		parse: func(o *Op, s string) error {
			if s == "null" {
				o.Place = Place{Null: true}
				return nil
			}
			return wordSlot.parse(o, s)
		},
	}
	valueSlot = slot{
		get: func(o *Op) string { return fmt.Sprintf("%#x", o.Value) },
		parse: func(o *Op, s string) error {
			v, err := strconv.ParseUint(s, 0, 32)
			if err != nil {
				return fmt.Errorf("%q, want a number of 32 bits", s)
			}
			o.Value = uint32(v)
			return nil
		},
		random: func(o *Op, d *dice) { o.Value = someValues[d.IntN(len(someValues))] },
		simpler: func(o *Op, try func()) {
			was := o.Value
			for _, v := range someValues {
				if o.Value = v; valueWeight(v) < valueWeight(was) {
					try()
				}
			}
			o.Value = was
		},
		weight: func(o *Op) int { return valueWeight(o.Value) },
	}
)

func valueWeight(v uint32) int { return bits.Len32(v) }

// forms says what follows each verb.
var forms = map[Verb][]slot{
	Open:  {procSlot, fileSlot, flag("keep", func(o *Op) *bool { return &o.Keep })},
	Close: {procSlot, fileSlot},
	Pass:  {procSlot, fileSlot, toSlot},
	Register: {
		procSlot, fileSlot, eventSlot, placeSlot, bitSlot,
		flag("reserved", func(o *Op) *bool { return &o.Reserved }),
		flag("readonly", func(o *Op) *bool { return &o.ReadOnly }),
	},
	Unregister: {procSlot, fileSlot, placeSlot, bitSlot},
	Write:      {procSlot, fileSlot, eventSlot},
	Enable:     {sourceSlot, eventSlot},
	Disable:    {sourceSlot, eventSlot},
	Map:        {procSlot, pageSlot, kindSlot},
	Unmap:      {procSlot, pageSlot},
	Protect:    {procSlot, pageSlot, protSlot},
	Discard:    {procSlot, pageSlot},
	Load:       {procSlot, wordSlot},
	Store:      {procSlot, wordSlot, valueSlot},
	Fork:       {procSlot, toSlot},
	Exec:       {procSlot},
	Exit:       {procSlot},
}

// String is the operation as a line of a program.
func (o Op) String() string {
	words := []string{string(o.Verb)}
	for _, s := range forms[o.Verb] {
		if w := s.get(&o); w != "" {
			words = append(words, w)
		}
	}
	return strings.Join(words, " ")
}

// canonical is the operation without what its verb does not use.
func (o Op) canonical() Op {
	c := Op{Verb: o.Verb}
	for _, s := range forms[o.Verb] {
		if w := s.get(&o); w != "" {
			_ = s.parse(&c, w) // what get gives is well-formed
		}
	}
	return c
}

// ParseOp parses one line of a program.
func ParseOp(line string) (Op, error) {
	words := strings.Fields(line)
	if len(words) == 0 {
		return Op{}, fmt.Errorf("no operation in an empty line")
	}
	o := Op{Verb: Verb(words[0])}
	form, ok := forms[o.Verb]
	if !ok {
		return Op{}, fmt.Errorf("no operation %q", words[0])
	}
	words = words[1:]
	for _, s := range form {
		switch {
		case s.flag != "" && (len(words) == 0 || words[0] != s.flag):
			continue
		case len(words) == 0:
			return Op{}, fmt.Errorf("%s: something is missing at the end", line)
		}
		if err := s.parse(&o, words[0]); err != nil {
			return Op{}, fmt.Errorf("%s: %w", o.Verb, err)
		}
		words = words[1:]
	}
	if len(words) > 0 {
		return Op{}, fmt.Errorf("%s: %q is too much", o.Verb, words[0])
	}
	return o, nil
}

// Program is a sequence of operations.
type Program []Op

// String is the program's text, an operation a line.
func (p Program) String() string {
	var b strings.Builder
	for _, o := range p {
		b.WriteString(o.String())
		b.WriteByte('\n')
	}
	return b.String()
}

// ParseProgram parses the text of a program. Empty lines, and what follows a
// "#", are left out.
func ParseProgram(text string) (Program, error) {
	var p Program
	n := 0
	for line := range strings.Lines(text) {
		n++
		line, _, _ = strings.Cut(line, "#")
		if strings.TrimSpace(line) == "" {
			continue
		}
		o, err := ParseOp(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		p = append(p, o)
	}
	return p, nil
}

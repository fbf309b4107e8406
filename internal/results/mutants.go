package results

// Mutants are the broken versions of a kernel's patch that an earlier pass of
// "uetest mutate" tried, and which of them the tests noticed.
type Mutants struct {
	On     string   `json:"on"`               // the kernel that they were put on
	Select string   `json:"select,omitempty"` // the tests that ran; empty: all
	First  bool     `json:"first,omitempty"`  // each run ended at the first test that noticed
	Of     int      `json:"of,omitempty"`     // how many there were to try, if not all of them were
	List   []Mutant `json:"list"`
}

// Mutant is one of them.
type Mutant struct {
	Name   string       `json:"name"`
	Breaks string       `json:"breaks,omitempty"`
	Class  string       `json:"class"`            // as package mutation has it
	Good   bool         `json:"good"`             // nobody has to look at it
	Why    string       `json:"why,omitempty"`    // that none can notice, or it was not tried
	On     string       `json:"on,omitempty"`     // the variant that told, if it took one
	By     string       `json:"by,omitempty"`     // the first test that noticed; WholeID: what did belongs to none
	Others int          `json:"others,omitempty"` // that noticed too
	Lines  []MutantLine `json:"lines,omitempty"`
}

// MutantLine is a line that a mutant takes away or, if it only adds some, the one
// before those, as it is in the kernel that the mutant was put on.
type MutantLine struct {
	File string `json:"file"`
	Line int    `json:"line"`
	Text string `json:"text"`
}

// Package console finds kernel splats in a log: the reports that the kernel
// prints when something is wrong in the kernel itself.
//
// The patterns are the kernel's own format strings; each cites where it is
// printed. Lines may carry a printk time stamp "[    1.234567] ", a caller id
// "[    T42]" and a syslog prefix "<4>", which do not belong to the text. By
// the caller, reports that are printed at the same time are told apart.
//
// docs/splats.md has what is recognised and how it is read.
package console

// A Splat is one report of the kernel.
type Splat struct {
	Title  string   `json:"title"`            // stable from run to run: no addresses, pids or times
	Kind   Kind     `json:"kind"`             // what sort of report it is
	Guilty string   `json:"guilty,omitempty"` // the function it is about, past the generic ones; empty if none can be told
	Fatal  bool     `json:"fatal,omitempty"`  // the kernel panicked, or started anew
	Task   Task     `json:"task,omitzero"`    // in whose context it was printed, or whom it is about
	Taint  string   `json:"taint,omitempty"`  // the flags of the header: "G        W"
	Frames []Frame  `json:"frames,omitempty"` // of all its stacks, in the order of the lines
	Lines  []string `json:"lines"`            // the report, from its first line

	// Allowed is why the report counts for nothing, if somebody said so; nothing in
	// a log does.
	Allowed string `json:"allowed,omitempty"`
}

// A Task is what a report says of the task it comes from. PID and CPU are -1 if
// it does not say.
type Task struct {
	Comm string `json:"comm,omitempty"` // empty: nothing is known
	PID  int    `json:"pid"`
	CPU  int    `json:"cpu"`
}

// A Kind is a category of reports.
type Kind string

// Find returns the splats in a log, in the order in which they begin. What the
// kernel reports because of what it reported before, such as the panic behind
// an oops, belongs to the first report.
func Find(lines []string) []Splat {
	var splats []Splat
	for _, r := range cut(lines) {
		s := Splat{Kind: r.kind, Fatal: r.fatal}
		texts := make([]string, len(r.at))
		for i, at := range r.at {
			s.Lines = append(s.Lines, lines[at])
			texts[i] = Parse(lines[at]).Text
		}
		s.Frames = framesOf(texts)
		s.Task, s.Taint = taskOf(texts)
		s.Guilty = guilty(s.Kind, texts, s.Frames)
		s.Title = titleOf(r.first, texts, r.name, s.Guilty)
		splats = append(splats, s)
	}
	return splats
}

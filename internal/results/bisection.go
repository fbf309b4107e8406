package results

import "time"

// BisectionSchema is the version of the JSON form of Bisection.
const BisectionSchema = 1

// Commit is a commit of a user's tree.
type Commit struct {
	ID       string `json:"id"` // in full
	Describe string `json:"describe,omitempty"`
	Author   string `json:"author,omitempty"`
	Date     string `json:"date,omitempty"`
	Subject  string `json:"subject"`
}

// Short is what people call the commit.
func (c Commit) Short() string { return c.ID[:min(len(c.ID), 12)] }

// BisectStep is what became of one commit.
type BisectStep struct {
	Commit  Commit        `json:"commit"`
	Verdict string        `json:"verdict"`        // good, bad, skip
	Why     string        `json:"why"`            // in one line
	Left    int           `json:"left,omitempty"` // commits to choose from after this one
	Took    time.Duration `json:"took_ns"`
	Dir     string        `json:"dir,omitempty"` // of the saved run
}

// Bisection is the search for the first commit at which a test has another
// verdict.
type Bisection struct {
	Schema     int           `json:"schema"`
	Tree       string        `json:"tree"`
	Source     string        `json:"source"` // what the kernels were built in
	Good       Commit        `json:"good"`
	Bad        Commit        `json:"bad"`
	Noise      []string      `json:"noise,omitempty"` // tests that are not good at Good already
	Watched    []string      `json:"watched"`         // tests that are good there and otherwise at Bad
	First      *Commit       `json:"first,omitempty"`
	Candidates []Commit      `json:"candidates,omitempty"` // what First is one of if the others can't be tested
	Steps      []BisectStep  `json:"steps"`
	Log        string        `json:"log"` // what "git bisect replay" takes
	Took       time.Duration `json:"took_ns"`

	Before *Run `json:"before,omitempty"` // of Good
	After  *Run `json:"after,omitempty"`  // of First

	// LastGood and LastBad are the commits between which the search goes on.
	LastGood string `json:"last_good"`
	LastBad  string `json:"last_bad"`
}

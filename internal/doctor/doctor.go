// Package doctor looks at the machine and says what of uetest's work it can do,
// what it lacks for the rest, and the command that gets it.
//
// What has to be there is the list of internal/needs. What that cannot say is
// tried: a guest runs under KVM, QEMU is started in its sandbox, the compiler
// looks for the headers.
package doctor

import (
	"context"
	"os"
	"slices"

	"uetest/internal/needs"
	"uetest/kernel-patches"
)

// Schema is the version of a Report in JSON.
const Schema = 1

// State is what was found of something.
type State string

// What may be found.
const (
	OK    State = "ok"
	Lacks State = "lacks" // it is not there, is too old, or does not work
	Note  State = "note"  // works, and somebody should know
)

// Levels by their names in a report: how badly something is needed.
var Levels = map[needs.Level]string{needs.Main: "main", needs.Some: "some", needs.Speed: "speed"}

// A Finding is one thing that was looked at.
type Finding struct {
	Name    string   `json:"name"`              // a package, or what it is
	Level   string   `json:"level"`             // main, some, speed; host for what no package has
	For     string   `json:"for,omitempty"`     // the architecture or the kernel that alone needs it
	State   State    `json:"state"`             //
	Found   string   `json:"found,omitempty"`   // a version, an amount, the reason
	Lacking []string `json:"lacking,omitempty"` // programs, headers, files that are not there
	Without string   `json:"without,omitempty"` // what cannot be done, or what it means
	Get     []string `json:"get,omitempty"`     // commands, or words on what to do
}

// HostLevel is the level of findings about the machine itself.
const HostLevel = "host"

// fatal reports whether the main job cannot be done.
func (f *Finding) fatal() bool { return f.State == Lacks && f.Level == Levels[needs.Main] }

// Report is what was found.
type Report struct {
	Schema   int       `json:"schema"`
	OK       bool      `json:"ok"`     // the main job can be done
	Arches   []string  `json:"arches"` // what it would be done on
	Host     string    `json:"host"`
	Findings []Finding `json:"findings"`
}

// Config says what to look at.
type Config struct {
	Cache    string                // the cache's directory; it need not exist
	Limit    int64                 // of the cache, in bytes; 0 is none
	Root     string                // uetest's source tree, empty if RootErr says why there is none
	RootErr  error                 //
	Arches   []string              // that the main job is for; x86_64 if empty
	Series   *kernelpatches.Series // whose kernels are to be built
	Terminal string                // what the user looks at; empty if that is no terminal
}

// examiner collects findings.
type examiner struct {
	Config
	report *Report
	apt    bool // there is an apt-get
	sudo   bool // to be put before it
}

// Examine looks at the machine. The error is that of an interruption; what cannot
// be found out is a finding.
func Examine(ctx context.Context, cfg Config) (*Report, error) {
	if len(cfg.Arches) == 0 {
		cfg.Arches = kernelpatches.Arches[:1]
	}
	e := &examiner{Config: cfg, report: &Report{Schema: Schema, Arches: cfg.Arches, Host: describeHost()}, apt: has("apt-get"), sudo: os.Geteuid() != 0}
	e.packages(ctx)
	e.sources()
	e.root()
	e.sandbox(ctx)
	e.kvm(ctx)
	e.machine()
	e.disk()
	e.left()
	e.terminal()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	e.report.OK = !slices.ContainsFunc(e.report.Findings, func(f Finding) bool { return f.fatal() })
	return e.report, nil
}

func (e *examiner) add(f Finding) { e.report.Findings = append(e.report.Findings, f) }

// install is how to get a package.
func (e *examiner) install(pkg string) string {
	switch {
	case !e.apt:
		return "install what Debian calls " + pkg
	case e.sudo:
		return "sudo apt-get install " + pkg
	}
	return "apt-get install " + pkg
}

// level is how badly something of an architecture is needed, and what it is for.
func (e *examiner) level(l needs.Level, arch string) (level, whatFor string) {
	if l == needs.Main && arch != "" && !slices.Contains(e.Arches, arch) {
		return Levels[needs.Some], arch
	}
	return Levels[l], arch
}

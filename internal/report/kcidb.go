package report

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"uetest/internal/results"
	"uetest/internal/runs"
)

// KCIDB writes a report for KernelCI's database, in version 5.3 of its I/O schema
// (kernelci/kcidb-io, kcidb_io/schema/v05_03.py). It is a file: nothing is sent.
//
// The database holds what a kernel is, not whether somebody has to act: a known
// fault is FAIL, with an incident that ties the test to the issue that it is known
// as. What never reported is MISS. No property is null, absent is "not known".
func KCIDB(w io.Writer, rec *runs.Record, o Options) error {
	b := kcidbBuilder{origin: o.Origin, rec: rec, seen: map[string]bool{}}
	if b.origin == "" {
		b.origin = defaultOrigin
	}
	b.doc.Version.Major, b.doc.Version.Minor = 5, 3
	for _, k := range kernels(rec) {
		b.kernel(k)
	}
	b.unbuilt()
	enc := json.NewEncoder(w)
	enc.SetIndent("", " ")
	return enc.Encode(&b.doc)
}

const defaultOrigin = "uetest"

type kcidb struct {
	Version struct {
		Major int `json:"major"`
		Minor int `json:"minor"`
	} `json:"version"`
	Checkouts []kcidbCheckout `json:"checkouts,omitempty"`
	Builds    []kcidbBuild    `json:"builds,omitempty"`
	Tests     []kcidbTest     `json:"tests,omitempty"`
	Issues    []kcidbIssue    `json:"issues,omitempty"`
	Incidents []kcidbIncident `json:"incidents,omitempty"`
}

type kcidbCheckout struct {
	ID         string         `json:"id"`
	Origin     string         `json:"origin"`
	Commit     string         `json:"git_commit_hash,omitempty"`
	CommitName string         `json:"git_commit_name,omitempty"`
	Patchset   *string        `json:"patchset_hash,omitempty"`
	MessageID  string         `json:"message_id,omitempty"`
	Comment    string         `json:"comment,omitempty"`
	Start      string         `json:"start_time,omitempty"`
	LogExcerpt string         `json:"log_excerpt,omitempty"`
	Valid      bool           `json:"valid"`
	Misc       map[string]any `json:"misc,omitempty"`
}

type kcidbBuild struct {
	ID         string         `json:"id"`
	CheckoutID string         `json:"checkout_id"`
	Origin     string         `json:"origin"`
	Start      string         `json:"start_time,omitempty"`
	Duration   float64        `json:"duration,omitempty"`
	Arch       string         `json:"architecture,omitempty"`
	Compiler   string         `json:"compiler,omitempty"`
	ConfigName string         `json:"config_name,omitempty"`
	LogExcerpt string         `json:"log_excerpt,omitempty"`
	Status     string         `json:"status"`
	Misc       map[string]any `json:"misc,omitempty"`
}

type kcidbTest struct {
	ID          string         `json:"id"`
	BuildID     string         `json:"build_id"`
	Origin      string         `json:"origin"`
	Environment *kcidbEnv      `json:"environment,omitempty"`
	Path        string         `json:"path"`
	Comment     string         `json:"comment,omitempty"`
	LogExcerpt  string         `json:"log_excerpt,omitempty"`
	Status      string         `json:"status"`
	Start       string         `json:"start_time,omitempty"`
	Duration    float64        `json:"duration"`
	Misc        map[string]any `json:"misc,omitempty"`
}

type kcidbEnv struct {
	Comment string         `json:"comment,omitempty"`
	Misc    map[string]any `json:"misc,omitempty"`
}

type kcidbIssue struct {
	ID      string          `json:"id"`
	Version int             `json:"version"`
	Origin  string          `json:"origin"`
	Subject string          `json:"report_subject,omitempty"`
	Culprit map[string]bool `json:"culprit"`
	Comment string          `json:"comment,omitempty"`
}

type kcidbIncident struct {
	ID           string `json:"id"`
	Origin       string `json:"origin"`
	IssueID      string `json:"issue_id"`
	IssueVersion int    `json:"issue_version"`
	TestID       string `json:"test_id"`
	Present      bool   `json:"present"`
}

type kcidbBuilder struct {
	doc    kcidb
	origin string
	rec    *runs.Record
	seen   map[string]bool // ids that are in doc
}

// id is an id of the origin's; first tells that it is new.
func (b *kcidbBuilder) id(local string) (id string, first bool) {
	id = b.origin + ":" + local
	first = !b.seen[id]
	b.seen[id] = true
	return id, first
}

func (b *kcidbBuilder) kernel(k kernel) {
	build := b.build(k, b.checkout(k))
	env := &kcidbEnv{Comment: line(strings.TrimSpace(k.QEMU + " " + k.Accel)), Misc: map[string]any{"accel": line(k.Accel)}}
	for name, value := range map[string]string{"qemu": k.QEMU, "release": k.Guest.Release, "machine": k.Guest.Machine} {
		if value != "" {
			env.Misc[name] = line(value)
		}
	}
	if k.Guest.CPUs > 0 {
		env.Misc["cpus"] = k.Guest.CPUs
	}
	for _, t := range k.all() {
		b.test(k, &t, build, env)
	}
}

// checkout tells the source: the same for every kernel that is built of it.
func (b *kcidbBuilder) checkout(k kernel) string {
	hash := patchsetHash(k.Kernel.Mails)
	what := digest(k.Kernel.Source, k.Kernel.Commit, hash)
	if k.Kernel.Source == "" { // a prebuilt image
		what = digest("image", k.Kernel.Name, k.Guest.Release)
	}
	id, first := b.id("checkout-" + what)
	if !first {
		return id
	}
	c := kcidbCheckout{
		ID: id, Origin: b.origin, CommitName: line(k.Kernel.Describe), Start: stamp(k.Start), Valid: true,
		Comment: line(k.Kernel.Source), Misc: map[string]any{"kernel": line(k.Kernel.Name), "proven": k.Kernel.Proven},
	}
	if k.Kernel.Source != "" {
		c.Patchset = &hash
	}
	if gitHash.MatchString(k.Kernel.Commit) {
		c.Commit = k.Kernel.Commit
	}
	if m, ok := lastMail(k.Run); ok {
		c.Comment = line(m.Subject)
		if strings.Contains(m.ID, "@") {
			c.MessageID = line(m.ID)
		}
	}
	blobs := map[string]string{}
	for _, blob := range k.Kernel.Blobs {
		blobs[line(blob.Path)] = blob.Got
	}
	if len(blobs) > 0 {
		c.Misc["blobs"] = blobs
	}
	b.doc.Checkouts = append(b.doc.Checkouts, c)
	return id
}

func (b *kcidbBuilder) build(k kernel, checkout string) string {
	what := k.Kernel.Key
	if what == "" {
		what = digest(checkout, k.name)
	}
	id, first := b.id("build-" + what)
	if !first {
		return id
	}
	build := kcidbBuild{
		ID: id, CheckoutID: checkout, Origin: b.origin, Start: stamp(k.Start), Arch: notArch.ReplaceAllString(strings.ToLower(k.arch()), "_"),
		Compiler: line(k.Kernel.Compiler), ConfigName: line(k.Kernel.Name), Status: "PASS", Misc: map[string]any{},
	}
	for _, s := range k.Stages {
		if s.Name == "kernel" && s.Note != "cached" {
			build.Duration = s.Took.Seconds()
		}
	}
	if k.Kernel.ConfigHash != "" {
		build.Misc["config_sha256"] = k.Kernel.ConfigHash
	}
	b.doc.Builds = append(b.doc.Builds, build)
	return id
}

// unbuilt tells of the kernel that the command could not make.
func (b *kcidbBuilder) unbuilt() {
	const patchParty = 3 // the exit code for a patch that does not apply or build
	asked := b.rec.Asked.Kernels
	if b.rec.Error == "" || b.rec.Exit != patchParty || len(b.rec.Runs) >= len(asked) {
		return
	}
	name := asked[len(b.rec.Runs)]
	patched := false
	for _, s := range b.rec.Stages {
		patched = patched || s.Name == "patch" && s.Kernel != "" && strings.HasPrefix(s.Kernel, name)
	}
	id, _ := b.id("checkout-" + digest(b.rec.ID, name))
	b.doc.Checkouts = append(b.doc.Checkouts, kcidbCheckout{ID: id, Origin: b.origin, Start: stamp(b.rec.Start), Comment: line(name), Valid: patched})
	if !patched {
		b.doc.Checkouts[len(b.doc.Checkouts)-1].LogExcerpt = excerpt(b.rec.Error)
		return
	}
	build, _ := b.id("build-" + digest(b.rec.ID, name))
	b.doc.Builds = append(b.doc.Builds, kcidbBuild{ID: build, CheckoutID: id, Origin: b.origin, Start: stamp(b.rec.Start), ConfigName: line(name), Status: "FAIL", LogExcerpt: excerpt(b.rec.Error)})
}

func (b *kcidbBuilder) test(k kernel, t *results.Test, build string, env *kcidbEnv) {
	path := "uetest." + dotted(t.ID)
	id, _ := b.id(fmt.Sprintf("%s.%s.%s", word(b.rec.ID), word(k.name), path))
	misc := map[string]any{"verdict": string(t.Verdict)}
	for name, value := range map[string]string{"saw": t.Saw, "expected": t.Expected, "promised": t.Promise} {
		if value != "" {
			misc[name] = line(value)
		}
	}
	test := kcidbTest{
		ID: id, BuildID: build, Origin: b.origin, Environment: env, Path: path, Status: kcidbStatus(t.Verdict),
		Comment: line(t.Purpose), Start: stamp(k.Start), Duration: t.Took.Seconds(), Misc: misc,
	}
	if t.Verdict != results.AsExpected {
		test.LogExcerpt = excerpt(body(t, reproduce(k.Run, t.ID)))
	}
	b.doc.Tests = append(b.doc.Tests, test)
	if t.Fault != "" && (t.Verdict == results.KnownFault || t.Verdict == results.Fixed) {
		b.incident(id, t)
	}
}

// issueVersion is that of every issue: what the catalogue knows of a fault does
// not change its id.
const issueVersion = 1

func (b *kcidbBuilder) incident(test string, t *results.Test) {
	issue, first := b.id("issue-" + word(t.Fault))
	if first {
		f, _ := faultOf(b.rec)(t.Fault)
		b.doc.Issues = append(b.doc.Issues, kcidbIssue{
			ID: issue, Version: issueVersion, Origin: b.origin, Subject: line(f.Title), Comment: line(t.Fault), Culprit: map[string]bool{"code": true},
		})
	}
	id, _ := b.id("incident-" + strings.TrimPrefix(test, b.origin+":"))
	b.doc.Incidents = append(b.doc.Incidents, kcidbIncident{
		ID: id, Origin: b.origin, IssueID: issue, IssueVersion: issueVersion, TestID: test, Present: t.Verdict == results.KnownFault,
	})
}

func kcidbStatus(v results.Verdict) string {
	switch v {
	case results.AsExpected, results.Fixed:
		return "PASS"
	case results.Skipped:
		return "SKIP"
	case results.Errored:
		return "ERROR"
	case results.Missing:
		return "MISS"
	}
	return "FAIL"
}

var (
	gitHash = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)
	notPath = regexp.MustCompile(`[^a-zA-Z0-9_-]+`)
	notWord = regexp.MustCompile(`[^a-zA-Z0-9_.+-]+`)
	notArch = regexp.MustCompile(`[^a-z0-9_]+`)
)

// dotted is the id of a test as a path of the schema's.
func dotted(id string) string {
	parts := strings.Split(id, "/")
	for i, p := range parts {
		if parts[i] = notPath.ReplaceAllString(p, "_"); parts[i] == "" {
			parts[i] = "_"
		}
	}
	return strings.Join(parts, ".")
}

func word(s string) string { return notWord.ReplaceAllString(s, "_") }

func digest(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:12])
}

// patchsetHash is what the schema wants: a sha256 over the sha256s of the patches,
// a line each; empty without patches.
func patchsetHash(mails []results.Mail) string {
	if len(mails) == 0 {
		return ""
	}
	sum := sha256.New()
	for _, m := range mails {
		_, _ = io.WriteString(sum, m.SHA256+"\n") // a hash takes everything
	}
	return hex.EncodeToString(sum.Sum(nil))
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000000+00:00")
}

// line is text for a string of the schema's, which may not hold a NUL.
func line(s string) string { return strings.NewReplacer("\n", "; ", "\t", " ").Replace(plain(s)) }

// maxExcerpt is the schema's limit, in characters.
const maxExcerpt = 16384

// excerpt keeps the beginning of a log, which names what is wrong.
func excerpt(s string) string {
	s = plain(s)
	if utf8.RuneCountInString(s) <= maxExcerpt {
		return s
	}
	const note = "\n… cut here"
	return string([]rune(s)[:maxExcerpt-utf8.RuneCountInString(note)]) + note
}

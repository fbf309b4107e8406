package report

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"reflect"
	"strconv"
	"strings"
	"time"

	"uetest/internal/results"
	"uetest/internal/runs"
)

//go:embed html
var htmlFiles embed.FS

// HTML writes one page with all that there is to know of a run, for people: what
// the verdict is and what does not hold come first, the evidence for it after
// that, and each test at last. Nothing of it comes from elsewhere, no script is in
// it, and it is read as well on a phone and on paper.
func HTML(w io.Writer, rec *runs.Record, _ Options) error {
	rec, err := scrubbed(rec)
	if err != nil {
		return err
	}
	style, err := htmlFiles.ReadFile("html/style.css")
	if err != nil {
		return err
	}
	t, err := template.New("page.tmpl").ParseFS(htmlFiles, "html/*.tmpl")
	if err != nil {
		return err
	}
	style = squeezed(style)
	page := newPage(rec)
	page.Style = template.CSS(style)
	// What is in a style element is what is between its tags.
	sum := sha256.Sum256(style)
	page.Policy = "default-src 'none'; base-uri 'none'; form-action 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	var b bytes.Buffer
	if err := t.Execute(&b, page); err != nil {
		return err
	}
	_, err = w.Write(squeezed(b.Bytes()))
	return err
}

// squeezed drops the blank lines and the indent that a template leaves where it
// says nothing. Lines of preformatted text are written without a line break of the
// template's, so none of them begins with the blanks that go here: those have a
// mark before them, see page.tmpl.
func squeezed(text []byte) []byte {
	var out []byte
	pre := false
	for line := range bytes.Lines(text) {
		if !pre {
			line = bytes.TrimLeft(line, " \t")
			if len(bytes.TrimSpace(line)) == 0 {
				continue
			}
		}
		out = append(out, line...)
		if i, k := bytes.LastIndex(line, []byte("<pre")), bytes.LastIndex(line, []byte("</pre>")); i != k {
			pre = i > k
		}
	}
	return out
}

// scrubbed is a copy of a record in whose texts there are no characters that a
// reader would not see.
func scrubbed(rec *runs.Record) (*runs.Record, error) {
	data, err := json.Marshal(rec)
	if err != nil {
		return nil, err
	}
	clean, err := runs.Read(data)
	if err != nil {
		return nil, err
	}
	clean.Lines = nil
	eachString(reflect.ValueOf(clean), plain)
	return clean, nil
}

// page is what page.tmpl shows.
type page struct {
	Style  template.CSS
	Policy string

	Title   string // of the patch
	Heading string
	ID      string
	When    string
	Uetest  string
	Exit    string // empty: the run did not come to its end
	Early   string

	Mood  string // good, warn, bad: as the verdict is
	Lead  string
	Notes []string

	Kernels    []pageKernel
	Multi      bool // several kernels
	Names      []string
	Measured   bool
	Attention  []finding
	Unshown    int // results that need attention and are among the tests alone
	Defects    []finding
	Claims     []statement
	Questions  []statement
	Series     string // whose changelog it is
	Posted     []posting
	Diffs      []pageDiff
	Mutants    []mutantTable
	Compared   []comparison
	Flakes     *barTable
	Curves     []curve
	Stages     *barTable
	Slowest    *barTable
	Sources    []pageSource
	Command    string
	Areas      []pageArea
	Verdicts   []legendEntry
	CountTests int
}

// pageKernel is a line of the summary.
type pageKernel struct {
	Name    string
	Runs    int    // how often it was tested
	Ref     string // fragment of its section
	About   string
	With    bool // it has the patch
	Tests   int
	Counts  []verdictCount
	Outside int
	Outcome mark
}

// verdictCount is how many tests came out one way.
type verdictCount struct {
	mark
	N int
	// X and Width are its part of a bar of width 100.
	X, Width string
}

// mark is a verdict as people see it: a sign, a word and a class, so that colour is
// never all there is.
type mark struct {
	Class string // good, warn, bad, none
	Sign  string
	Word  string
}

// The signs are in the fonts that systems come with.
var (
	markGood = mark{"good", "✓", ""}
	markWarn = mark{"warn", "▲", ""}
	markBad  = mark{"bad", "✗", ""}
	markNone = mark{"none", "–", ""}
)

func (m mark) say(word string) mark {
	m.Word = word
	return m
}

func markOf(v results.Verdict) mark {
	switch v {
	case results.AsExpected:
		return markGood.say(string(v))
	case results.KnownFault:
		return markWarn.say(string(v))
	case results.Skipped:
		return markNone.say(string(v))
	}
	return markBad.say(string(v))
}

// legendEntry says what a verdict means.
type legendEntry struct {
	mark
	Means string
}

func legend() []legendEntry {
	means := map[results.Verdict]string{
		results.AsExpected:   "saw what the ABI promises",
		results.KnownFault:   "deviates from the promise, in the way the catalogue names",
		results.Skipped:      "needs what the kernel may lack, and lacks",
		results.Fixed:        "a catalogued fault no longer shows",
		results.Regressed:    "saw neither what is expected nor what is promised",
		results.UnknownFault: "the kernel splatted or died during the test",
		results.Errored:      "the test could not do its work",
		results.Missing:      "it was to run and never reported",
	}
	var all []legendEntry
	for i := len(results.Verdicts) - 1; i >= 0; i-- {
		v := results.Verdicts[i]
		all = append(all, legendEntry{markOf(v), means[v]})
	}
	return all
}

// side is a kernel with all its runs.
type side struct {
	name string
	with bool // it has the patch
	runs []kernel
}

// builder makes a page of a record.
type builder struct {
	underTest
	sides  []side            // the kernels
	all    []kernel          // their runs
	refs   map[string]string // fragments, by what they are of
	taken  map[string]bool
	tested map[string]bool // ids of the tests that the page has

	configured map[string]bool // configurations that the page has, by hash
}

func newPage(rec *runs.Record) *page {
	all := kernels(rec)
	b := &builder{underTest: patchOf(rec, all), all: all, refs: map[string]string{}, taken: map[string]bool{}, tested: map[string]bool{}, configured: map[string]bool{}}
	for _, k := range b.all {
		b.add(k)
		for i := range k.Tests {
			b.tested[k.Tests[i].ID] = true
		}
	}
	p := &page{
		ID: rec.ID, When: rec.Start.UTC().Format("2 January 2006, 15:04 UTC"), Uetest: rec.Asked.Uetest, Early: early(rec),
		Series: rec.Asked.Title, Multi: len(b.sides) > 1, Verdicts: legend(), CountTests: len(b.tested),
	}
	if !rec.End.IsZero() {
		p.When += ", " + rec.End.Sub(rec.Start).Round(time.Second).String()
		p.Exit = strconv.Itoa(rec.Exit)
	}
	if len(rec.Asked.Command) > 0 {
		p.Command = command(repeatable(rec.Asked.Command))
	}
	names := b.names()
	if len(names) == 0 {
		names = rec.Asked.Kernels // of none of which anything came
	}
	p.Title = "uetest of " + strings.Join(names, ", ")
	if name := b.name(); name != "" {
		p.Title = name
	}
	b.findings(p)
	p.Claims, p.Questions = b.claims(), b.questions()
	for i := range b.sides {
		p.Kernels = append(p.Kernels, b.kernel(&b.sides[i]))
		p.Sources = append(p.Sources, b.source(&b.sides[i]))
	}
	p.Posted = b.postings()
	p.Diffs, p.Mutants = b.diffs(), b.mutants()
	p.Compared = b.compared()
	p.Flakes, p.Stages, p.Slowest = b.flakes(), b.stages(), b.slowest()
	p.Curves = b.curves()
	p.Measured = p.Curves != nil || p.Flakes != nil || p.Stages != nil || p.Slowest != nil
	p.Areas, p.Names = b.areas(), b.names()
	b.verdict(p)
	return p
}

// maxRef is how long a fragment may be, without a number that tells it from others.
const maxRef = 100

// ref is the fragment of something, the same each time, that nothing else has.
func (b *builder) ref(kind, id string) string {
	key := kind + "\x00" + id
	if r, ok := b.refs[key]; ok {
		return r
	}
	r := kind + "-" + strings.Trim(strings.Map(func(c rune) rune {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.ContainsRune("-_.", c):
			return c
		case c == '/':
			return '.' // a slash is written otherwise in a link
		}
		return '-'
	}, id), "-")
	r = r[:min(len(r), maxRef)]
	for base, n := r, 2; b.taken[r]; n++ {
		r = fmt.Sprintf("%s-%d", base, n)
	}
	b.taken[r] = true
	b.refs[key] = r
	return r
}

// testRef is the fragment of a test, empty if the page has none of that id.
func (b *builder) testRef(id string) string {
	if !b.tested[id] {
		return ""
	}
	return b.ref("test", id)
}

// add takes a run to the others of its kernel.
func (b *builder) add(k kernel) {
	with := false
	for i := range b.patched {
		with = with || b.patched[i].Run == k.Run
	}
	for i := range b.sides {
		if b.sides[i].name == k.Label() {
			b.sides[i].runs = append(b.sides[i].runs, k)
			return
		}
	}
	b.sides = append(b.sides, side{k.Label(), with, []kernel{k}})
}

// names are what the kernels are called.
func (b *builder) names() []string {
	var names []string
	for i := range b.sides {
		names = append(names, b.sides[i].name)
	}
	return names
}

// withPatch are the names of the kernels that have it, or have not.
func (b *builder) withPatch(with bool) []string {
	var names []string
	for i := range b.sides {
		if b.sides[i].with == with {
			names = append(names, b.sides[i].name)
		}
	}
	return names
}

// kernel is a kernel's line of the summary.
func (b *builder) kernel(s *side) pageKernel {
	k := s.runs[0]
	pk := pageKernel{Name: s.name, Ref: b.ref("kernel", s.name), With: s.with, Runs: len(s.runs), About: strings.TrimSpace(k.Guest.Release + " " + k.arch())}
	counts := map[results.Verdict]int{}
	worst := s.runs[0]
	for _, k := range s.runs {
		pk.Outside += len(results.Charged(k.Splats)) + len(k.Problems)
		pk.Tests += len(k.Tests)
		for _, v := range results.Verdicts {
			counts[v] += k.Count(v)
		}
		if k.Exit() > worst.Exit() {
			worst = k
		}
	}
	x := 0.0
	for i := len(results.Verdicts) - 1; i >= 0; i-- {
		n := counts[results.Verdicts[i]]
		if n == 0 {
			continue
		}
		width := 100 * float64(n) / float64(pk.Tests)
		c := verdictCount{mark: markOf(results.Verdicts[i]).say(plural(results.Verdicts[i], n)), N: n, X: percent(x), Width: percent(width)}
		x += width
		pk.Counts = append(pk.Counts, c)
	}
	switch {
	case !worst.Came() && worst.Kernel.Image == "" && worst.Fatal != 0:
		pk.Outcome = markBad.say("did not build")
	case worst.Fatal != 0:
		pk.Outcome = markBad.say("ended early, " + worst.Fatal.Ended())
	case worst.Exit() != 0:
		pk.Outcome = markBad.say("needs attention")
	case counts[results.KnownFault] > 0:
		pk.Outcome = markWarn.say("as known, with faults")
	default:
		pk.Outcome = markGood.say("as promised")
	}
	return pk
}

// percent is a number of an SVG.
func percent(f float64) string { return strings.TrimSuffix(fmt.Sprintf("%.1f", f), ".0") }

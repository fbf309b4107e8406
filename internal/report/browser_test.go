package report

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	devtools "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"uetest/internal/runs"
)

// browsers are the names that Chromium goes by.
var browsers = []string{"chromium-headless-shell", "chromium", "chromium-browser", "headless-shell", "google-chrome"}

// startBrowser starts Chromium, which finds no network. Under -short, and where
// there is none, the test is skipped.
func startBrowser(t *testing.T) context.Context {
	t.Helper()
	if testing.Short() {
		t.Skip("it starts a browser")
	}
	path := ""
	for _, name := range browsers {
		if path, _ = exec.LookPath(name); path != "" {
			break
		}
	}
	if path == "" {
		if os.Getenv("UETEST_STRICT") != "" {
			t.Fatal("no Chromium: apt-get install chromium-headless-shell")
		}
		t.Skip("no Chromium: apt-get install chromium-headless-shell")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path),
		chromedp.NoSandbox, // it can't have one as root; the pages are our own
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND"),
	)...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("%s does not start: %v", path, err)
	}
	return ctx
}

// A view is how somebody looks at a page.
type view struct {
	name          string
	width, height int64
	dark, print   bool
}

var views = []view{
	{"desktop-light", 1280, 900, false, false},
	{"desktop-dark", 1280, 900, true, false},
	{"phone-light", 360, 740, false, false},
	{"phone-dark", 360, 740, true, false},
	{"print", 794, 1123, false, true}, // A4 at 96 dots an inch
}

func (v view) features() []*emulation.MediaFeature {
	scheme := "light"
	if v.dark {
		scheme = "dark"
	}
	return []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}
}

func (v view) media() string {
	if v.print {
		return "print"
	}
	return "screen"
}

// A tab is a page in the browser, and what it complained of.
type tab struct {
	ctx context.Context
	mu  sync.Mutex
	bad []string
}

// open shows the page of a file. trusting has the browser ignore the page's own
// policy on scripts, so that it is seen whether the text alone is harmless.
func open(t *testing.T, parent context.Context, file string, trusting bool) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(parent)
	t.Cleanup(cancel)
	b := &tab{ctx: ctx}
	where := (&url.URL{Scheme: "file", Path: file}).String()
	err := chromedp.Listen(ctx, func(ev any) {
		switch e := ev.(type) {
		case *runtime.EventConsoleAPICalled:
			b.complain("console: %s", e.Type)
		case *runtime.EventExceptionThrown:
			b.complain("exception: %s", e.ExceptionDetails.Text)
		case *log.EventEntryAdded:
			b.complain("log: %s: %s", e.Entry.Level, e.Entry.Text)
		case *network.EventLoadingFailed:
			b.complain("a request failed: %s %s", e.Type, e.ErrorText)
		case *network.EventRequestWillBeSent:
			if e.Request.URL != where {
				b.complain("it asks for %s", e.Request.URL)
			}
		case *devtools.EventJavascriptDialogOpening:
			b.complain("a script opened a dialog: %s", e.Message)
			go func() {
				_, _ = chromedp.Call(ctx, devtools.HandleJavaScriptDialog, devtools.HandleJavaScriptDialogParams{Accept: true})
			}()
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	call(t, b, network.Enable, network.EnableParams{})
	call(t, b, log.Enable, cdp.Empty{})
	call(t, b, devtools.SetBypassCSP, devtools.SetBypassCSPParams{Enabled: trusting})
	if err := chromedp.Do(ctx, chromedp.Navigate(where)); err != nil {
		t.Fatal(err)
	}
	return b
}

// call sends a command of the protocol.
func call[P, R any](t *testing.T, b *tab, c cdp.Command[P, R], params P) R {
	t.Helper()
	r, err := chromedp.Call(b.ctx, c, params)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// eval is what an expression yields in the page.
func eval[T any](t *testing.T, b *tab, expression string) T {
	t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func (b *tab) complain(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.bad = append(b.bad, fmt.Sprintf(format, args...))
}

// quiet fails if the page has complained of anything.
func (b *tab) quiet(t *testing.T) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range b.bad {
		t.Error(s)
	}
}

// wide names what makes the page wider than the window, if it is.
const wide = `(() => {
	const room = document.documentElement.clientWidth;
	if (document.documentElement.scrollWidth <= room) return [];
	return [...document.querySelectorAll('body *')]
		.filter(e => e.getBoundingClientRect().right > room + 1 && !e.parentElement.closest('.scroll, pre, .vh'))
		.map(e => e.tagName + '.' + e.getAttribute('class') + ' ' + e.textContent.slice(0, 60))
		.concat(['scrollWidth ' + document.documentElement.scrollWidth + ' of ' + room]);
})()`

// astray are the links within the page that lead nowhere, and ids that two have.
const astray = `(() => {
	const ids = [...document.querySelectorAll('[id]')].map(e => e.id);
	return [...document.querySelectorAll('a[href^="#"]')].map(a => decodeURIComponent(a.getAttribute('href').slice(1)))
		.filter(id => !ids.includes(id)).map(id => 'no #' + id)
		.concat(ids.filter((id, i) => ids.indexOf(id) != i).map(id => 'twice #' + id));
})()`

// foreign is what a page without scripts must not have in it.
const foreign = `[...document.querySelectorAll('*')].filter(e =>
	/^(script|img|iframe|object|embed|link|base|form|input|audio|video)$/i.test(e.tagName) ||
	[...e.attributes].some(a => /^on/i.test(a.name) || /^\s*javascript:/i.test(a.value))).map(e => e.outerHTML.slice(0, 200))`

// hidden are the places with evidence that are not shown.
const hidden = `[...document.querySelectorAll('.finding pre, .finding .links, .statement .inside')]
	.filter(e => !e.checkVisibility({contentVisibilityAuto: true, visibilityProperty: true})).map(e => e.textContent.slice(0, 80))`

const unfold = `document.querySelectorAll('details').forEach(d => { d.open = true }), true`

// violations are what axe finds, a line each.
const violations = `axe.run(document, {resultTypes: ['violations']}).then(r => r.violations.map(v =>
	v.id + ': ' + v.help + ': ' + v.nodes.slice(0, 3).map(n => n.html.slice(0, 160) + ' (' + n.failureSummary + ')').join('; ')))`

// none fails if an expression yields anything.
func (b *tab) none(t *testing.T, what, expression string) {
	t.Helper()
	for _, s := range eval[[]string](t, b, expression) {
		t.Errorf("%s: %s", what, s)
	}
}

// look opens a page in each view and checks that it is whole, folded and unfolded.
func look(t *testing.T, parent context.Context, name string, html []byte) {
	axe := axeCore(t)
	artifacts := t.ArtifactDir()
	file := filepath.Join(artifacts, name+".html")
	if err := os.WriteFile(file, html, 0o644); err != nil {
		t.Fatal(err)
	}
	b := open(t, parent, file, false)
	b.none(t, "it has in it", foreign)
	b.none(t, "links", astray)
	for _, folded := range []bool{true, false} {
		state := "folded"
		if !folded {
			state = "open"
			eval[bool](t, b, unfold)
		}
		for _, v := range views {
			what := fmt.Sprintf("%s %s %s", name, v.name, state)
			call(t, b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: v.media(), Features: v.features()})
			call(t, b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
				Width: v.width, Height: v.height, DeviceScaleFactor: 1, Mobile: v.width < 500})
			b.none(t, what+": wider than the window", wide)
			if pictures() {
				keep(t, artifacts, name+"-"+v.name+"-"+state+".png", b.picture(t, v))
			}
			if v.print {
				b.none(t, what+": what is evidence stays folded", hidden)
			} else if !folded || !v.dark { // what is folded has the colours of what is not
				eval[bool](t, b, axe)
				b.none(t, what+": axe", violations)
			}
		}
	}
	pdf, err := chromedp.Run(b.ctx, chromedp.PrintToPDF(chromedp.PDFPaper(chromedp.PaperA4), chromedp.PDFPreferCSSPageSize()))
	if err != nil || !bytes.HasPrefix(pdf, []byte("%PDF-")) {
		t.Errorf("it can't be printed: %d bytes, %v", len(pdf), err)
	}
	keep(t, artifacts, name+".pdf", pdf)
	b.quiet(t)
}

// pictures reports whether somebody wants to see the pages: to draw and to pack
// pictures is half of what the browser does.
func pictures() bool {
	kept := flag.Lookup("test.artifacts")
	return kept != nil && kept.Value.String() == "true"
}

// tallest is how much of a page is in a picture, in pixels.
const tallest = 12000

// picture is what a view shows, and what is below.
func (b *tab) picture(t *testing.T, v view) []byte {
	t.Helper()
	height := eval[float64](t, b, "document.documentElement.scrollHeight")
	shot := call(t, b, devtools.CaptureScreenshot, devtools.CaptureScreenshotParams{
		CaptureBeyondViewport: new(true),
		Clip:                  &devtools.Viewport{Width: float64(v.width), Height: min(height, tallest), Scale: 1},
	})
	return shot.Data
}

// axeCore is what checks a page for who can't see it, or can't use a mouse.
func axeCore(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("testdata/axe-core/axe.min.js")
	if err != nil {
		t.Fatal(err)
	}
	return string(text) + "\n;true"
}

func keep(t *testing.T, dir, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
		t.Error(err)
	}
}

// The page is looked at as people do. "go test -run Browser -artifacts" keeps what
// it looks like; UETEST_RECORD is a record to look at beside those of the test.
func TestThePageInABrowser(t *testing.T) {
	ctx := startBrowser(t)
	records := map[string]*runs.Record{"several": several(), "hostile": hostile(), "covered": coveredPatch()}
	if file := os.Getenv("UETEST_RECORD"); file != "" {
		rec, err := runs.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		records["given"] = rec
	}
	for name, rec := range records {
		t.Run(name, func(t *testing.T) { look(t, ctx, name, htmlOf(t, rec)) })
	}
}

// Text that tries to be a script is none, even to a browser that is told not to
// mind the page's policy.
func TestNothingOfARecordRunsInABrowser(t *testing.T) {
	ctx := startBrowser(t)
	file := filepath.Join(t.TempDir(), "hostile.html")
	if err := os.WriteFile(file, htmlOf(t, hostile()), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, trusting := range []bool{false, true} {
		b := open(t, ctx, file, trusting)
		b.none(t, "it has in it", foreign)
		eval[bool](t, b, unfold)
		text := eval[string](t, b, `document.body.innerText`)
		if !strings.Contains(text, "<script>alert(1)</script>") {
			t.Error("the record's text is not shown as it is")
		}
		b.quiet(t)
	}
}

// A page that is as it should not be is told from one that is.
func TestTheBrowserTellsABadPage(t *testing.T) {
	ctx := startBrowser(t)
	bad := filepath.Join(t.TempDir(), "bad.html")
	text := `<!DOCTYPE html><a href="#nowhere" style="display: block; width: 3000px; color: #eee">x</a>
<img src="missing.png" onerror="console.log(1)"><div class="finding"><details><pre>x</pre></details></div>`
	if err := os.WriteFile(bad, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	b := open(t, ctx, bad, true)
	eval[bool](t, b, axeCore(t))
	for _, check := range []string{foreign, astray, wide, hidden, violations} {
		if found := eval[[]string](t, b, check); len(found) == 0 {
			t.Errorf("nothing is wrong with it, says %.60s", check)
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if all := strings.Join(b.bad, "\n"); !strings.Contains(all, "missing.png") || !strings.Contains(all, "console: log") || !strings.Contains(all, "a request failed") {
		t.Errorf("it complained of %q, want a request that failed and a line on the console", b.bad)
	}
}

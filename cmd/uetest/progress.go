package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/sys/unix"

	"uetest/internal/pipeline"
	"uetest/internal/report"
)

// isTerminal reports whether w is a terminal that wants to be drawn on.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok || os.Getenv("TERM") == "dumb" {
		return false
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

// wantColor follows https://no-color.org.
func wantColor(w io.Writer) bool {
	return os.Getenv("NO_COLOR") == "" && isTerminal(w)
}

// progress shows the events of a pipeline while it runs.
type progress interface {
	event(pipeline.Event)
	close() // no event may follow
}

func newProgress(w io.Writer, quiet bool) progress {
	switch {
	case quiet:
		return silent{w}
	case isTerminal(w):
		return newBars(w)
	}
	return &lines{w: w, start: time.Now(), last: map[string]time.Time{}}
}

// silent shows nothing but what would be a warning elsewhere.
type silent struct{ w io.Writer }

func (s silent) event(e pipeline.Event) {
	if e.Notice {
		fmt.Fprintf(s.w, "uetest: %s: %s\n", label(e), e.Text)
	}
}
func (silent) close() {}

// lines prints a line where a stage begins or ends, and in between one every
// ten seconds, so that a log of CI shows that something moves.
type lines struct {
	mu    sync.Mutex
	w     io.Writer
	start time.Time
	last  map[string]time.Time
}

const lineEvery = 10 * time.Second

func (l *lines) event(e pipeline.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	name := label(e)
	now := time.Now()
	if !e.Finished && !e.Notice && now.Sub(l.last[name]) < lineEvery {
		return
	}
	l.last[name] = now
	var b strings.Builder
	fmt.Fprintf(&b, "uetest: %6.1f s  %-16s", now.Sub(l.start).Seconds(), name)
	if e.Finished {
		fmt.Fprintf(&b, " done in %s", report.Seconds(e.Took))
	}
	if e.Total > 0 {
		fmt.Fprintf(&b, " %d/%d", e.Done, e.Total)
	}
	if e.Text != "" {
		fmt.Fprintf(&b, "  %s", e.Text)
	}
	fmt.Fprintln(l.w, strings.TrimRight(b.String(), " "))
}

func (*lines) close() {}

func label(e pipeline.Event) string {
	if e.Kernel == "" {
		return e.Stage
	}
	return e.Kernel + " " + e.Stage
}

// bars draws one line a stage on a terminal; a finished stage keeps its line.
type bars struct {
	mu   sync.Mutex
	p    *mpb.Progress
	open map[string]*bar
}

func newBars(w io.Writer, options ...mpb.ContainerOption) *bars {
	options = append(options, mpb.WithOutput(w), mpb.WithWidth(64))
	return &bars{p: mpb.New(options...), open: map[string]*bar{}}
}

type bar struct {
	b    *mpb.Bar
	mu   sync.Mutex
	text string
}

func (b *bars) event(e pipeline.Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	name := label(e)
	cur := b.open[name]
	if cur == nil {
		cur = &bar{}
		// Not e.Total: a bar that is born with a total takes no other, nor an
		// end before it is reached.
		cur.b = b.p.New(0, mpb.BarStyle().Rbound("]").Lbound("["),
			mpb.PrependDecorators(decor.Name(name, decor.WC{W: 18, C: decor.DindentRight})),
			mpb.AppendDecorators(decor.Elapsed(decor.ET_STYLE_MMSS, decor.WC{W: 6}),
				decor.Any(func(decor.Statistics) string { return cur.read() })),
			mpb.BarFillerClearOnComplete())
		b.open[name] = cur
	}
	if e.Notice {
		_, _ = fmt.Fprintln(b.p, "uetest: "+name+": "+e.Text) // above the bars
		return
	}
	cur.write(e.Text)
	if e.Total > 0 {
		cur.b.SetTotal(int64(e.Total), false)
		cur.b.SetCurrent(int64(min(e.Done, e.Total-1)))
	}
	if e.Finished {
		if e.Text == "" {
			cur.write("done")
		}
		cur.b.SetTotal(-1, true)
		delete(b.open, name)
	}
}

// close leaves what is drawn where it is: a stage that did not finish is
// dropped, its error follows.
func (b *bars) close() {
	b.mu.Lock()
	for _, cur := range b.open {
		cur.b.Abort(true)
	}
	b.mu.Unlock()
	drawn := make(chan struct{})
	go func() {
		b.p.Wait()
		close(drawn)
	}()
	select {
	case <-drawn:
	case <-time.After(time.Second): // a terminal that takes no output
		b.p.Shutdown()
	}
}

func (b *bar) write(s string) {
	b.mu.Lock()
	b.text = s
	b.mu.Unlock()
}

// maxText keeps a line shorter than a terminal is wide.
const maxText = 40

func (b *bar) read() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.text
	if len(s) > maxText {
		s = s[:maxText-1] + "…"
	}
	return "  " + s
}

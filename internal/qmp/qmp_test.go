package qmp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"uetest/internal/blame"
)

func ok(*fake, string, json.RawMessage) string { return `{"return": {}}` }

func TestTypedCommandsSendWhatTheyName(t *testing.T) {
	c, f := connect(t, func(_ *fake, command string, _ json.RawMessage) string {
		switch command {
		case "query-status":
			return `{"return": {"status": "paused", "singlestep": false, "running": false}}`
		case "quit":
			return ""
		}
		return `{"return": {}}`
	})
	if c.Version() != "7.2.22" {
		t.Errorf("version %q", c.Version())
	}
	ctx := t.Context()
	if got, err := c.Status(ctx); err != nil || got != (Status{State: "paused"}) {
		t.Errorf("status %+v, %v", got, err)
	}
	for _, err := range []error{c.Stop(ctx), c.Cont(ctx), c.SystemReset(ctx), c.Quit(ctx)} {
		if err != nil {
			t.Error(err)
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if got := strings.Join(f.commands, " "); got != "qmp_capabilities query-status stop cont system_reset quit" {
		t.Errorf("sent %s", got)
	}
}

func TestArgumentsArePassedAndRefusalsTold(t *testing.T) {
	c, _ := connect(t, func(_ *fake, command string, args json.RawMessage) string {
		if string(args) != `{"command-line":"info registers"}` {
			return `{"error": {"class": "GenericError", "desc": "got ` + command + `"}}`
		}
		return `{"return": "RAX=0"}`
	})
	var text string
	err := c.Run(t.Context(), "human-monitor-command", map[string]string{"command-line": "info registers"}, &text)
	if err != nil || text != "RAX=0" {
		t.Errorf("got %q, %v", text, err)
	}
	var refusal *CommandError
	if err := c.Run(t.Context(), "nonsense", nil, nil); !errors.As(err, &refusal) || refusal.Desc != "got nonsense" || refusal.Class != "GenericError" {
		t.Errorf("got %v", err)
	}
	var number int
	if err := c.Run(t.Context(), "human-monitor-command", map[string]string{"command-line": "info registers"}, &number); err == nil {
		t.Error("text was stored in an int")
	}
}

func TestUnreadEventsBlockNothing(t *testing.T) {
	c, _ := connect(t, func(f *fake, _ string, _ json.RawMessage) string {
		for range 2 * eventBuffer {
			f.event("RTC_CHANGE")
		}
		f.event("SHUTDOWN")
		return `{"return": {}}`
	})
	for range 3 {
		if err := c.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	var n int
	var last Event
	for e := range c.Events() {
		n, last = n+1, e
	}
	if n != eventBuffer || last.Event != Shutdown || last.Data["reason"] != "guest-reset" {
		t.Errorf("got %d events, the last %+v; want the newest %d", n, last, eventBuffer)
	}
}

// go-qemu decodes a reply in the buffer that it reads events into. Under the
// race detector or not, no reply may be another's.
func TestRepliesAreRightUnderAStormOfEvents(t *testing.T) {
	c, f := connect(t, func(_ *fake, _ string, args json.RawMessage) string {
		return fmt.Sprintf(`{"return": {"pad": %q, "echo": %s}}`, strings.Repeat("x", 3000), args)
	})
	stop := make(chan struct{})
	var storm sync.WaitGroup
	storm.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond): // a queue, but not of seconds
				for range 20 {
					f.event("VSERPORT_CHANGE")
				}
			}
		}
	})
	var readers sync.WaitGroup
	readers.Go(func() {
		for range c.Events() {
		}
	})
	var runners sync.WaitGroup
	for g := range 4 {
		runners.Go(func() {
			for i := range 60 {
				var out struct{ Echo [2]int }
				if err := c.Run(t.Context(), "echo", [2]int{g, i}, &out); err != nil || out.Echo != [2]int{g, i} {
					t.Errorf("got %v, %v; want %v", out.Echo, err, [2]int{g, i})
					return
				}
			}
		})
	}
	runners.Wait()
	close(stop)
	storm.Wait()
	_ = c.Close()
	readers.Wait()
}

func TestReplyMayHaveAnySize(t *testing.T) {
	c, _ := connect(t, func(_ *fake, _ string, args json.RawMessage) string {
		var n int
		if err := json.Unmarshal(args, &n); err != nil {
			return `{"error": {"desc": "no size"}}`
		}
		return `{"return": "` + strings.Repeat("y", n) + `"}`
	})
	for _, n := range []int{1, 4095, 4096, 60_000, 65_535, 65_536, 65_537, 200_000, 3 << 20, 1} {
		var s string
		if err := c.Run(t.Context(), "big", n, &s); err != nil || len(s) != n {
			t.Errorf("%d bytes: got %d, %v", n, len(s), err)
		}
	}
}

func TestSilentCommandEndsWithItsContextAndSpoilsNoLaterReply(t *testing.T) {
	release := make(chan struct{})
	c, _ := connect(t, func(_ *fake, command string, _ json.RawMessage) string {
		if command == "silent" {
			<-release
			return `{"return": "late"}`
		}
		return `{"return": "prompt"}`
	})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	err := c.Run(ctx, "silent", nil, nil)
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "silent: no answer after") || blame.Of(err) != blame.Host {
		t.Errorf("got %v", err)
	}
	err = c.Run(ctx, "queued", nil, nil)
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "earlier command") {
		t.Errorf("got %v", err)
	}
	close(release)
	var s string
	if err := c.Run(t.Context(), "next", nil, &s); err != nil || s != "prompt" {
		t.Errorf("got %q, %v; the late reply belongs to nobody", s, err)
	}
}

func TestEndOfQEMUEndsCommandsEventsAndDone(t *testing.T) {
	c, f := connect(t, func(f *fake, _ string, _ json.RawMessage) string { return "" })
	if err := c.Run(t.Context(), "die", nil, nil); !errors.Is(err, ErrClosed) {
		t.Errorf("got %v", err)
	}
	select {
	case <-c.Done():
	case <-time.After(5 * time.Second):
		t.Fatal("Done is open")
	}
	if _, open := <-c.Events(); open {
		t.Error("an event from nowhere")
	}
	if err := c.Stop(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("got %v", err)
	}
	f.conn.Close()
}

func TestGarbageEndsTheConnectionWithAnError(t *testing.T) {
	c, _ := connect(t, func(f *fake, _ string, _ json.RawMessage) string { return "Segmentation fault" })
	err := c.Stop(t.Context())
	if !errors.Is(err, ErrClosed) || !strings.Contains(err.Error(), "Segmentation fault") {
		t.Errorf("got %v", err)
	}
}

func TestHandshakeHasALimitAndAnError(t *testing.T) {
	ours, _ := pair(t) // nobody speaks
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := Connect(ctx, ours); !errors.Is(err, context.DeadlineExceeded) || blame.Of(err) != blame.Host {
		t.Errorf("silence: got %v", err)
	}
	for name, tt := range map[string]struct {
		send   string
		closes bool
		want   string
	}{
		"closed at once": {"", true, "EOF"},
		"no JSON":        {"SSH-2.0-OpenSSH_9.2\r\n", false, "no QMP message"},
		"torn":           {greeting[:40], true, "EOF"},
		"refused":        {greeting + "\r\n" + `{"error": {"class": "GenericError", "desc": "not for you"}}` + "\r\n", false, "not for you"},
	} {
		if _, err := Connect(t.Context(), garbage(t, tt.send, tt.closes)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %s", name, err, tt.want)
		}
	}
}

func TestMessageOverTheLimitIsRefused(t *testing.T) {
	c, _ := connect(t, func(f *fake, _ string, _ json.RawMessage) string {
		return `{"return": "` + strings.Repeat("z", maxMessage) + `"}`
	})
	if err := c.Stop(t.Context()); !errors.Is(err, ErrClosed) || !strings.Contains(err.Error(), "over 16777216 bytes") {
		t.Errorf("got %v", err)
	}
}

// A guest that "cont" has started may end at once, and QEMU with it.
func TestReplyCountsAlthoughQEMUEndsBehindIt(t *testing.T) {
	for range 200 {
		c, _ := connect(t, func(f *fake, _ string, _ json.RawMessage) string {
			f.send(`{"return": {}}`)
			return ""
		})
		if err := c.Cont(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := c.Stop(t.Context()); !errors.Is(err, ErrClosed) {
			t.Fatalf("behind the end: got %v", err)
		}
	}
}

func TestNothingIsLeftOfAClient(t *testing.T) {
	count := func() (fds, goroutines int) {
		e, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(e), runtime.NumGoroutine()
	}
	session := func() {
		ours, theirs := net.Pipe()
		f := &fake{t: t, conn: theirs, answer: ok}
		go f.serve()
		c, err := Connect(t.Context(), ours)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		_ = c.Close()
		ours, _ = net.Pipe()
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := Connect(ctx, ours); err == nil {
			t.Fatal("connected to nobody")
		}
	}
	session()
	fds, goroutines := count()
	for range 20 {
		session()
	}
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		f, g := count()
		if f <= fds && g <= goroutines {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("descriptors %d → %d, goroutines %d → %d", fds, f, goroutines, g)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(greeting))
	f.Add([]byte(`{"return": {}}`))
	f.Add([]byte(`{"error": {"class": "GenericError", "desc": "x"}}`))
	f.Add([]byte(`{"timestamp": {"seconds": 1, "microseconds": 2}, "event": "STOP"}`))
	f.Add([]byte(`{"event": 3}`))
	f.Add([]byte("[]"))
	f.Fuzz(func(t *testing.T, line []byte) {
		m, err := parse(line)
		if err != nil {
			return
		}
		if !json.Valid(line) || (m.event != nil) != (m.Event != "") {
			t.Errorf("%q: %+v", line, m)
		}
		if m.event == nil && m.QMP == nil && m.Return == nil && m.Error == nil {
			t.Errorf("%q: taken as nothing", line)
		}
	})
}

// The monitor's buffer is only safe for messages as short as these.
func TestWhatIsForwardedNeverOverlapsInTheMonitor(t *testing.T) {
	const half = 4096 / 2 // of bufio's startBufSize
	for _, s := range []string{accepted, refused} {
		if _, err := parse([]byte(s)); err != nil || len(s) > half {
			t.Errorf("%q: %v", s, err)
		}
	}
}

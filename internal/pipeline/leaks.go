package pipeline

import (
	"context"
	"regexp"
	"time"

	"uetest/internal/blame"
	"uetest/internal/wire"
)

// scanLimit is how long kmemleak may take to go through a guest's memory twice,
// and the five seconds before that. Unscaled.
const scanLimit = 15 * time.Second

// leakSummary is what kmemleak logs when it has found something, which is told
// object by object.
var leakSummary = regexp.MustCompile(`^kmemleak: \d+ new suspected memory leaks`)

// scan asks a guest that has done its tests for what has leaked.
func (s *session) scan(ctx context.Context) error {
	if !s.hello.Kmemleak {
		return nil
	}
	if err := s.enc.Encode(wire.Message{Kind: wire.Scan}); err != nil {
		return nil // the stop that follows tells
	}
	deadline := time.Now().Add(s.d.patience(scanLimit))
	for {
		m, err := s.next(ctx, time.Until(deadline))
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			s.d.problem("guest %d did not say what has leaked: %v", s.number, err)
			return nil
		case m.Kind == wire.Scanned:
			return nil
		case m.Kind == wire.Kmsg && leakSummary.MatchString(m.Text):
			continue
		}
		if _, err := s.heard.Add(m); err != nil {
			return blame.On(blame.Host, err)
		}
	}
}

package pipeline

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"uetest/internal/console"
)

// noUserEvents is said of a kernel that boots and can't be tested.
const noUserEvents = "this kernel has no user_events: it was built without CONFIG_USER_EVENTS"

// bootError is a kernel that does not come up.
type bootError struct {
	what    string
	console string   // path of the console log
	tail    []string // its last lines
	look    string   // where its CPUs were when it was given up
	hosts   bool     // another boot may well come up: the host was too busy for this one
}

func (e *bootError) short() string { return e.what }

func (e *bootError) Error() string {
	var b strings.Builder
	b.WriteString(e.what)
	for _, l := range e.tail {
		b.WriteString("\n  | " + l)
	}
	if e.look != "" {
		b.WriteString("\n  " + e.look)
	}
	if e.console != "" {
		b.WriteString("\n  console: " + e.console)
	}
	return b.String()
}

// tries is how often a boot is tried: emulated microvm machines lose some one
// boot in a hundred on a loaded host. The second try is reported.
// What is known to be the host's doing is found out at once and tried more often.
const (
	tries      = 2
	triesHosts = 5
)

// open gives a guest that has said Hello and that nobody has used: restored from
// a snapshot, which is made if there is none, or booted where there can be none.
func (d *driver) open(ctx context.Context, m machine) (*session, error) {
	start := time.Now()
	defer func() { d.count(func() { d.booting += time.Since(start) }) }()
	var s *session
	saved, err := d.snapshot(ctx, m)
	if err == nil && saved != nil {
		if s, err = d.restore(ctx, saved); err != nil && ctx.Err() == nil {
			saved.discard(ctx)
			d.again(err)
			saved, err = nil, nil
		}
	}
	if err == nil && saved == nil {
		err = d.boot(ctx, func(number int) (err error) {
			s, err = d.start(ctx, m, number)
			return err
		})
	}
	if err != nil {
		return nil, err
	}
	d.check(s)
	return s, nil
}

// boot has start boot a guest with the number that it gets, and tries again if
// that does not come up.
func (d *driver) boot(ctx context.Context, start func(number int) error) error {
	var err error
	for try, last := 1, tries; try <= last; try++ {
		if try > 1 {
			d.again(err)
		}
		var number, boots int
		d.count(func() {
			d.run.Boots++
			d.guests++
			number, boots = d.guests, d.run.Boots
		})
		text := ""
		if boots > 1 {
			text = fmt.Sprintf("boot %d", boots)
		}
		begin := time.Now()
		d.notify(Event{Kernel: d.run.Kernel.Name, Stage: "boot", Text: text})
		if err = start(number); err == nil {
			d.notify(Event{Kernel: d.run.Kernel.Name, Stage: "boot", Text: text, Finished: true, Took: time.Since(begin)})
			return nil
		}
		var dead *bootError
		if !errors.As(err, &dead) || ctx.Err() != nil {
			return err
		}
		if dead.hosts {
			last = triesHosts
		}
		if d.cfg.Attach != nil || len(console.Find(dead.tail)) > 0 {
			// Somebody looks at it, or it crashed: that is a result, another boot would crash too.
			return err
		}
	}
	return err
}

// again keeps why a guest is tried again.
func (d *driver) again(why error) {
	d.count(func() { d.run.Retries = append(d.run.Retries, why.Error()) })
}

// count changes what the mutex guards.
func (d *driver) count(change func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change()
}

// check compares the first guest's Hello with what the host believes to have
// booted.
func (d *driver) check(s *session) {
	d.mu.Lock()
	first := d.run.Guest.Release == ""
	d.run.Guest = s.hello
	if first {
		d.saidMissing(s.hello.Missing)
		d.known()
	}
	d.mu.Unlock()
	declared, got := string(d.kernel.generation), s.hello.Generation
	if !first || declared == "" || got == declared {
		return
	}
	if got == "" {
		got = "one without user_events"
	}
	d.problem("the kernel answers as generation %s, the series declares %s", got, declared)
}

// file returns the path of a file of a guest in the run's directory.
func (d *driver) file(format string, number int) string {
	return filepath.Join(d.run.Dir, fmt.Sprintf(format, number))
}

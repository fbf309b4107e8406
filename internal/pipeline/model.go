package pipeline

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"uetest/internal/blame"
	"uetest/internal/console"
	"uetest/internal/model"
	"uetest/internal/wire"
)

// ModelKernel is a booted kernel that carries out the programs of a model. It
// is not safe for concurrent use.
type ModelKernel struct {
	Name       string
	Generation model.Generation
	Guests     int      // so far
	Faults     []string // why a guest was given up

	d *driver
	s *session // nil: boot before the next program
}

// WithModel boots the kernel that cfg names, one and no more, and has use work
// with it.
func WithModel(ctx context.Context, cfg Config, use func(*ModelKernel) error) error {
	cfg.Notify = serialize(cfg.Notify)
	targets, err := cfg.targets()
	if err != nil {
		return err
	}
	if len(targets) != 1 {
		return blame.On(blame.Usage, fmt.Errorf("a model is compared with one kernel, not with %d", len(targets)))
	}
	return withGuest(ctx, &cfg, targets[0].arch(), func(ctx context.Context, g *guest) error {
		d, err := newDriver(ctx, &cfg, targets[0], g)
		if err != nil {
			return err
		}
		k := &ModelKernel{Name: targets[0].name, d: d}
		defer d.snapshots.release()
		defer k.down()
		if err := k.up(ctx); err != nil {
			return err
		}
		return use(k)
	})
}

// up boots, if need be.
func (k *ModelKernel) up(ctx context.Context) error {
	if k.s != nil {
		return nil
	}
	s, err := k.d.open(ctx, k.d.usual())
	k.Guests++
	if err != nil {
		return err
	}
	k.s, k.Generation = s, model.Generation(s.hello.Generation)
	if k.Generation == "" {
		return blame.On(blame.Kernel, errors.New(noUserEvents))
	}
	return nil
}

// down ends the guest.
func (k *ModelKernel) down() {
	if k.s != nil {
		k.s.close()
		k.s = nil
	}
}

// Run implements model.Runner. The programs share a guest as long as nothing
// is wrong with it. If something was, each of them runs again in a guest of
// its own, so that it is known which it was.
func (k *ModelKernel) Run(ctx context.Context, tasks []model.Task) ([]model.Trace, error) {
	traces, fault, err := k.together(ctx, tasks)
	if err != nil || fault == "" {
		return traces, err
	}
	k.down()
	k.Faults = append(k.Faults, fault)
	if len(tasks) == 1 {
		traces[0].Fault = fault
		return traces, nil
	}
	for i := range tasks {
		alone, again, err := k.together(ctx, tasks[i:i+1])
		if err != nil {
			return nil, err
		}
		if traces[i] = alone[0]; again != "" {
			traces[i].Fault = again
			k.Faults = append(k.Faults, again)
			k.down()
			return traces[:i+1], nil
		}
	}
	return nil, blame.On(blame.Kernel, fmt.Errorf("%s: with %d programs, and with none of them alone", fault, len(tasks)))
}

// modelTest is the id under which selftests/model carries programs out.
const modelTest = "model/programs"

// modelLimit is how long one program may take. It takes some ten milliseconds;
// a child that does not answer is given up after five seconds.
const modelLimit = 10 * time.Second

// together has the guest carry out tasks, one after the other. fault says what
// was wrong with it then; err what kept it from running.
func (k *ModelKernel) together(ctx context.Context, tasks []model.Task) (traces []model.Trace, fault string, err error) {
	if err := k.up(ctx); err != nil {
		return nil, "", err
	}
	traces = make([]model.Trace, len(tasks))
	var text strings.Builder
	for _, t := range tasks {
		text.WriteString(t.String())
	}
	timeout := k.d.cfg.Timeout
	if timeout == 0 {
		timeout = k.d.scale(modelLimit)
	}
	m := wire.Message{Kind: wire.Run, ID: modelTest, Program: "model", Timeout: timeout, Text: text.String()}
	// A message that is too long would be cut. JSON takes two bytes for the end
	// of a line.
	if size := text.Len() + strings.Count(text.String(), "\n"); size > wire.MaxLine-wire.MaxLine/16 {
		if len(tasks) == 1 {
			return nil, "", blame.On(blame.Usage, fmt.Errorf("a program of %d operations, whose text takes %d bytes, is too long to be sent", len(tasks[0].Program), size))
		}
		half := len(tasks) / 2
		return k.halves(ctx, tasks[:half], tasks[half:])
	}
	if err := k.s.enc.Encode(m); err != nil {
		return traces, k.lost(err), nil
	}
	var kmsg []string
	deadline := time.Now().Add(timeout + wire.EndLimit)
	for {
		m, err := k.s.next(ctx, time.Until(deadline))
		switch {
		case ctx.Err() != nil:
			return nil, "", ctx.Err()
		case err != nil:
			return traces, k.lost(err), nil
		}
		switch m.Kind {
		case wire.Saw:
			if err := saw(traces, m); err != nil {
				fault = err.Error()
			}
		case wire.Kmsg:
			if m.Facility == 0 {
				kmsg = append(kmsg, m.Text)
			}
		case wire.End:
			if splats := console.Find(kmsg); len(splats) > 0 {
				return traces, "the kernel reported: " + splats[0].Title, nil
			}
			if m.Status != wire.Done {
				return traces, strings.TrimSpace(string(m.Status) + ": " + m.Text), nil
			}
			return traces, fault, nil
		}
	}
}

// halves has the guest carry out tasks in two messages.
func (k *ModelKernel) halves(ctx context.Context, a, b []model.Task) ([]model.Trace, string, error) {
	first, fault, err := k.together(ctx, a)
	if err != nil || fault != "" {
		return append(first, make([]model.Trace, len(b))...), fault, err
	}
	second, fault, err := k.together(ctx, b)
	return append(first, second...), fault, err
}

// saw adds what the guest reports to the trace of the program whose number is
// its key. Any other key is kit's, which found something left behind.
func saw(traces []model.Trace, m wire.Message) error {
	n, err := strconv.Atoi(m.Key)
	if err != nil || n < 0 || n >= len(traces) {
		return fmt.Errorf("%s: %s", m.Key, m.Value)
	}
	for _, text := range strings.Split(m.Value, ";") {
		o, err := model.ParseObservation(text)
		if err != nil {
			return err
		}
		traces[n].Seen = append(traces[n].Seen, o)
	}
	return nil
}

// lost says how the guest went away.
func (k *ModelKernel) lost(err error) string {
	if verr := k.s.ended(err); verr != nil {
		err = verr
	}
	if splats := console.Find(k.s.vm.ConsoleTail(200)); len(splats) > 0 {
		return "the kernel died: " + splats[0].Title
	}
	return fmt.Sprintf("the guest went away: %v", err)
}

package pipeline

import (
	"context"

	"uetest/internal/wire"
	"uetest/internal/witness"
	"uetest/selftests/catalog"
)

// compiles tells whether a C program of the kernel's tree compiles, with the
// compiler's lines if it does not.
type compiles func(ctx context.Context, program string) (ok bool, lines []string, err error)

func (t target) compiles(ctx context.Context, cfg *Config, program string) (bool, []string, error) {
	_, tree, p, err := t.patched(ctx, cfg, builder(cfg.Cache, t.name, cfg.Notify))
	if err != nil {
		return false, nil, err
	}
	defer func() { _ = tree.Close() }()
	return witness.Compiles(ctx, witness.Options{Tree: p.changes.On(tree), Name: t.name}, program)
}

// compile does a test that is on the host. The judge hears of it as of one in a
// guest.
func (d *driver) compile(ctx context.Context, t catalog.Test) error {
	ok, lines, err := d.kernel.compiles(ctx, t.Source)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	msgs := []wire.Message{{Kind: wire.Start, ID: t.ID}}
	for _, line := range lines {
		msgs = append(msgs, wire.Message{Kind: wire.Log, ID: t.ID, Text: line})
	}
	if err != nil {
		msgs = append(msgs, wire.Message{Kind: wire.End, ID: t.ID, Status: wire.Failed, Text: err.Error()})
	} else {
		saw := map[bool]string{true: "yes", false: "no"}[ok]
		msgs = append(msgs,
			wire.Message{Kind: wire.Saw, ID: t.ID, Key: "compiles", Value: saw},
			wire.Message{Kind: wire.End, ID: t.ID, Status: wire.Done})
	}
	for _, m := range msgs {
		r, err := d.judge.Add(m)
		if err != nil {
			return err
		}
		if r != nil {
			d.reported++
			d.tell(r)
		}
	}
	return nil
}

package pipeline

import (
	"context"
	"slices"

	"uetest/internal/patch"
	"uetest/internal/results"
	"uetest/internal/wire"
	"uetest/internal/witness"
	"uetest/selftests/catalog"
)

// compile does the tests that are on the host, whether a C program of the
// kernel's tree compiles, and returns the others. The judge hears of them as of
// those in a guest.
func (d *driver) compile(ctx context.Context, tests []catalog.Test) (rest []catalog.Test, err error) {
	inTree := func(t catalog.Test) bool { return t.Source != "" }
	if !slices.ContainsFunc(tests, inTree) {
		return tests, nil
	}
	tree, done, err := d.kernel.tree(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	for _, t := range tests {
		switch {
		case !inTree(t):
			rest = append(rest, t)
		case !d.enough():
			if err := d.compileOne(ctx, tree, t); err != nil {
				return nil, err
			}
		}
	}
	return rest, nil
}

func (d *driver) compileOne(ctx context.Context, tree patch.Reader, t catalog.Test) error {
	ok, lines, err := witness.Compiles(ctx, witness.Options{Tree: tree, Name: d.run.Kernel.Name}, t.Source)
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
	return d.onHost(msgs...)
}

// onHost has the judge hear of a test that is not in a guest.
func (d *driver) onHost(msgs ...wire.Message) error { return d.hear(d.judge.Guest(0), msgs...) }

// hear has the judge of a guest hear what no guest said.
func (d *driver) hear(g *results.Guest, msgs ...wire.Message) error {
	for _, m := range msgs {
		r, err := g.Add(m)
		if err != nil {
			return err
		}
		if r != nil {
			d.tell(r)
		}
	}
	return nil
}

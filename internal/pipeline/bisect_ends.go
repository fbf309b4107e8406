package pipeline

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"uetest/internal/bisect"
	"uetest/internal/blame"
	"uetest/internal/results"
	"uetest/selftests/catalog"
)

// ends tests the good end and the bad one, and decides which tests to watch.
func (b *bisection) ends(ctx context.Context, tests []catalog.Test) error {
	if err := b.goodEnd(ctx, tests); err != nil {
		return err
	}
	for n := 1; ; n++ {
		bad, err := b.once(ctx, b.out.Bad.ID, tests)
		if err != nil {
			return err
		}
		why := b.differs(bad)
		switch {
		case !bad.Built() && !b.whole:
			return blame.On(blame.Patch, fmt.Errorf("%w\nto look for the commit since which it is so say --run %s", b.unbuilt(bad, b.out.Bad, "BAD"), BootTest))
		case !bad.Built():
			b.aim = aBuild
		case !bad.Came() && !b.whole:
			return b.notAsSaid(bad, "BAD", "does not boot, and no test tells anything; to look for the commit since which it is so say --run "+BootTest, blame.Kernel)
		case !bad.Came():
			b.aim = aBoot
		case len(why) == 0 && n < b.count:
			continue
		case len(why) == 0:
			return b.notAsSaid(bad, "BAD", "is not bad: "+b.allGood(), blame.Test)
		}
		b.watch(tests, why)
		verdict, text := b.decide(bad)
		b.told(b.out.Bad, verdict, text, 0, bad)
		return nil
	}
}

// goodEnd tests the good end as often as any commit. A test that is not good there each
// time, and with one verdict, tells nothing of the others.
func (b *bisection) goodEnd(ctx context.Context, tests []catalog.Test) error {
	var good *results.Run
	for n := range b.count {
		run, err := b.once(ctx, b.out.Good.ID, tests)
		if err != nil {
			return err
		}
		if !run.Built() {
			return b.unbuilt(run, b.out.Good, "GOOD")
		}
		if !run.Came() {
			return b.notAsSaid(run, "GOOD", "is not good: it does not boot", blame.Kernel)
		}
		if good = run; n == 0 {
			b.is, b.out.Before = map[string]results.Verdict{}, run
		}
		for i := range run.Tests {
			t := &run.Tests[i]
			was, is := b.is[t.ID]
			switch {
			case n == 0 && t.Verdict.Good():
				b.is[t.ID] = t.Verdict
			case n == 0:
				b.out.Noise = append(b.out.Noise, fmt.Sprintf("%s is %s: %s", t.ID, t.Verdict, t.Detail))
			case is && t.Verdict != was:
				delete(b.is, t.ID)
				b.out.Noise = append(b.out.Noise, fmt.Sprintf("%s is %s once and %s the next time: %s", t.ID, was, t.Verdict, t.Detail))
			}
		}
	}
	if len(b.is) == 0 && !b.whole {
		return b.notAsSaid(good, "GOOD", "is not good, for no test is as expected there:\n  "+strings.Join(b.out.Noise, "\n  "), blame.Test)
	}
	b.told(b.out.Good, bisect.Good, b.allThere(), 0, good)
	return nil
}

// allThere says what is good at GOOD.
func (b *bisection) allThere() string {
	if len(b.is) == 0 {
		return "boots"
	}
	return fmt.Sprintf("%d tests are good", len(b.is))
}

// allGood says why BAD is not bad.
func (b *bisection) allGood() string {
	if len(b.is) == 0 {
		return "it boots"
	}
	text := fmt.Sprintf("each of the %d tests that are good at GOOD has the same verdict there", len(b.is))
	if b.count > 1 {
		text += fmt.Sprintf(", %d times", b.count)
	}
	return text
}

// watch decides by what the commits in between are told apart.
func (b *bisection) watch(tests []catalog.Test, why []results.Test) {
	if b.aim != aTest {
		b.out.Watched = []string{BootTest}
		return
	}
	for _, t := range tests {
		if slices.ContainsFunc(why, func(d results.Test) bool { return d.ID == t.ID }) {
			b.watched = append(b.watched, t)
			b.out.Watched = append(b.out.Watched, t.ID)
		}
	}
}

// unbuilt is the error for an end that does not build.
func (b *bisection) unbuilt(run *results.Run, c results.Commit, name string) error {
	return blame.On(blame.Patch, fmt.Errorf("%s, %s (%s), does not build, so nothing can be said of it:\n%s", name, c.Short(), c.Subject, strings.Join(run.Problems, "\n")))
}

func (b *bisection) notAsSaid(run *results.Run, name, what string, party blame.Party) error {
	c := b.out.Good
	if name == "BAD" {
		c = b.out.Bad
	}
	text := fmt.Sprintf("%s, %s (%s), %s", name, c.Short(), c.Subject, what)
	if !run.Came() {
		text += "\n" + strings.Join(run.Problems, "\n")
	}
	return blame.On(party, fmt.Errorf("%s\nsaved in %s", text, run.Dir))
}

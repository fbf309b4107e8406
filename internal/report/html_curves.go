package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
)

// curve is what tests measured against something, one line a kernel, with all
// numbers in a table beside it: who does not see the drawing misses nothing.
type curve struct {
	Ref    string
	Title  string // what was measured
	Per    string // against what
	Unit   string
	Names  []string // of all kernels, as the table has them
	Lines  []curveLine
	XTicks []tick
	YTicks []tick
	Rows   []curveRow
}

// curveLine is a kernel's line.
type curveLine struct {
	Name   string
	N      int    // of the line, from 1: how it looks
	Points string // of a polyline
	Marks  []mark2D
	LabelY string
	X      string // of the label
}

// mark2D is a point of a line, in the drawing.
type mark2D struct{ X, Y string }

// tick is a place on an axis.
type tick struct{ At, Text string }

// curveRow is a line of the table: one number for each kernel.
type curveRow struct {
	X  string
	At []string
}

// The drawing, in its own units: it is as wide as a phone and grows from there.
const (
	plotWidth, plotHeight = 360, 200
	plotLeft, plotRight   = 48, 82 // room for the numbers of the axis, and the names of the lines
	plotTop, plotBottom   = 12, 34
	lineLooks             = 4 // there are so many ways to draw a line
)

// curves are drawings of all that was measured, in the order in which it was first.
func (b *builder) curves() []curve {
	type key struct{ of, per, unit string }
	type point struct {
		side int
		x    float64
	}
	values := map[key]map[point][]float64{}
	var order []key
	for n := range b.sides {
		for _, k := range b.sides[n].runs {
			for i := range k.Tests {
				for _, s := range k.Tests[i].Samples {
					if !drawable(s.X) || !drawable(s.Y) {
						continue
					}
					at := key{s.Of, s.Per, s.Unit}
					if values[at] == nil {
						values[at] = map[point][]float64{}
						order = append(order, at)
					}
					p := point{n, s.X}
					values[at][p] = append(values[at][p], s.Y)
				}
			}
		}
	}
	var all []curve
	for _, at := range order {
		lines := make([][]xy, len(b.sides))
		for p, list := range values[at] {
			lines[p.side] = append(lines[p.side], xy{p.x, median(list)})
		}
		c := curve{Ref: b.ref("curve", at.of), Title: at.of, Per: at.per, Unit: at.unit, Names: b.names()}
		c.draw(b.names(), lines)
		all = append(all, c)
	}
	return all
}

// xy is a point in the units of what was measured.
type xy struct{ x, y float64 }

// drawable are numbers that a drawing has room for. A guest may send any.
func drawable(f float64) bool { return f >= 0 && f <= 1e15 }

// median of several runs is what a busy host moves least.
func median(list []float64) float64 {
	slices.Sort(list)
	n := len(list)
	if n%2 == 1 {
		return list[n/2]
	}
	return (list[n/2-1] + list[n/2]) / 2
}

// draw puts the lines into the drawing and the table.
func (c *curve) draw(names []string, lines [][]xy) {
	var xs []float64
	xmax, ymax := 0.0, 0.0
	for _, l := range lines {
		slices.SortFunc(l, func(a, b xy) int { return cmp.Compare(a.x, b.x) })
		for _, p := range l {
			xmax, ymax = max(xmax, p.x), max(ymax, p.y)
			if !slices.Contains(xs, p.x) {
				xs = append(xs, p.x)
			}
		}
	}
	slices.Sort(xs)
	xstep, ystep := step(xmax), step(ymax)
	xtop, ytop := max(1, math.Ceil(xmax/xstep))*xstep, max(1, math.Ceil(ymax/ystep))*ystep // also of nothing but 0
	x := func(v float64) string {
		return coordinate(plotLeft + v/xtop*(plotWidth-plotLeft-plotRight))
	}
	y := func(v float64) string {
		return coordinate(plotHeight - plotBottom - v/ytop*(plotHeight-plotTop-plotBottom))
	}
	for v := 0.0; v <= xtop+xstep/2; v += xstep {
		c.XTicks = append(c.XTicks, tick{x(v), figure(v)})
	}
	for v := 0.0; v <= ytop+ystep/2; v += ystep {
		c.YTicks = append(c.YTicks, tick{y(v), figure(v)})
	}
	c.Rows = make([]curveRow, len(xs))
	for i, v := range xs {
		c.Rows[i] = curveRow{X: figure(v), At: make([]string, len(lines))}
	}
	for n, l := range lines {
		if len(l) == 0 {
			continue
		}
		line := curveLine{Name: abbreviated(names[n]), N: len(c.Lines)%lineLooks + 1, X: coordinate(plotWidth - plotRight + 6)}
		for _, p := range l {
			if line.Points != "" {
				line.Points += " "
			}
			line.Points += x(p.x) + "," + y(p.y)
			line.Marks = append(line.Marks, mark2D{x(p.x), y(p.y)})
			c.Rows[slices.Index(xs, p.x)].At[n] = figure(p.y)
		}
		line.LabelY = y(l[len(l)-1].y)
		c.Lines = append(c.Lines, line)
	}
	c.spread()
}

// abbreviated is as much of a name as there is room for beside a line.
func abbreviated(name string) string {
	const room = 11
	if r := []rune(name); len(r) > room {
		return string(r[:room-1]) + "…"
	}
	return name
}

// lineHeight is how far the names of two lines have to be from one another.
const lineHeight = 13

// spread moves the names of lines that end at one place apart.
func (c *curve) spread() {
	order := make([]int, len(c.Lines))
	at := make([]float64, len(c.Lines))
	for i := range c.Lines {
		order[i] = i
		at[i], _ = strconv.ParseFloat(c.Lines[i].LabelY, 64) // we wrote it
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(at[b], at[a]) }) // from the bottom
	for i := 1; i < len(order); i++ {
		at[order[i]] = min(at[order[i]], at[order[i-1]]-lineHeight)
	}
	for i := range c.Lines {
		c.Lines[i].LabelY = coordinate(at[i] + 3)
	}
}

// step is a round distance between ticks of which there are about four.
func step(most float64) float64 {
	if most <= 0 {
		return 1
	}
	unit := math.Pow(10, math.Floor(math.Log10(most/4)))
	for _, f := range []float64{1, 2, 2.5, 5} {
		if most/(f*unit) <= 5 {
			return f * unit
		}
	}
	return 10 * unit
}

func coordinate(f float64) string { return strconv.FormatFloat(math.Round(f*10)/10, 'f', -1, 64) }

// figure is a number with as many digits as people compare.
func figure(f float64) string {
	switch {
	case f >= 1e6:
		return fmt.Sprintf("%.3g", f)
	case f >= 100 || f == math.Trunc(f):
		return strconv.FormatFloat(math.Round(f), 'f', -1, 64)
	}
	return strconv.FormatFloat(f, 'g', 3, 64)
}

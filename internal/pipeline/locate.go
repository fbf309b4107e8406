package pipeline

import (
	"slices"
	"time"

	"uetest/internal/console"
	"uetest/internal/results"
	"uetest/internal/symbols"
)

// locate says of each frame of the run's splats where in the source it is. A run
// without splats, which most are, does not open the image for it. What can't be
// told stays as the kernel printed it.
func (d *driver) locate() {
	var splats []*console.Splat
	for i := range d.run.Tests {
		for k := range d.run.Tests[i].Splats {
			splats = append(splats, &d.run.Tests[i].Splats[k])
		}
	}
	for i := range d.run.Splats {
		splats = append(splats, &d.run.Splats[i])
	}
	if len(splats) == 0 || d.kernel.symbols == "" {
		return
	}
	start := time.Now()
	stage := results.Stage{Name: "symbols"}
	image, err := symbols.Open(d.kernel.symbols)
	if err != nil {
		stage.Note = "no lines: " + err.Error()
	} else {
		for _, s := range splats {
			s.Frames = located(image, s.Frames)
		}
		_ = image.Close() // only read
	}
	stage.Took = time.Since(start)
	d.run.Stages = append(d.run.Stages, stage)
}

// located returns the frames of one report with their places in the source;
// what was inlined is a frame of its own, before the one that it is in.
func located(image *symbols.Image, frames []console.Frame) []console.Frame {
	where := image.Frames()
	var all []console.Frame
	for _, f := range frames {
		var locations []symbols.Location
		if f.Module == "" && f.File == "" && f.Size > 0 {
			locations = where.Locate(symbols.Place{Function: f.Func, Offset: f.Offset, Size: f.Size, Exact: f.Exact})
		}
		for _, l := range locations {
			g := f
			if l.Inlined {
				g.Func = l.Function
			}
			g.File, g.Line, g.Inlined = l.File, l.Line, l.Inlined
			all = append(all, g)
		}
		if len(locations) == 0 {
			all = append(all, f)
		}
	}
	return slices.Clip(all)
}

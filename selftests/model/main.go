// Model is the area of the reference model: it carries out programs of
// operations (internal/model) that the host sends, and reports after each
// operation what there is.
//
// What is under test are processes that fork from one another; the area's own
// process only drives them and looks at them.
package main

import (
	"io"
	"os"

	"uetest/internal/model"
	"uetest/selftests/kit"
)

func main() {
	kit.Parked(os.Args)
	tests := kit.Tests{
		"model/grandchildren": func(t *kit.T) { fixed(t, grandchildren) },
		"model/passed-on":     func(t *kit.T) { fixed(t, passedOn) },
	}
	// No test: what it saw is compared with the model, not with the catalogue.
	tests["model/programs"] = programs
	kit.Main(tests)
}

// programs carries out the programs on standard input, and reports for each
// its observations under its number. Of a program that parts from what is
// expected the rest is left out.
func programs(t *kit.T) {
	text, err := io.ReadAll(os.Stdin)
	t.Check(err)
	tasks, err := model.ParseTasks(string(text))
	t.Check(err)
	k := newKernel(t)
	for i, task := range tasks {
		k.carryOut(i, task)
	}
}

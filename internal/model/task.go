package model

import (
	"errors"
	"fmt"
	"strings"
)

// taskHead is the line before each task of a text.
const taskHead = "program"

// String is the task as the guest gets it: a line "program", then a line an
// operation, with " = " and what is expected behind it.
func (t Task) String() string {
	var b strings.Builder
	b.WriteString(taskHead + "\n")
	for i, o := range t.Program {
		fmt.Fprintf(&b, "%s = %s\n", o, t.Expect[i])
	}
	return b.String()
}

// ParseTasks parses the texts of any number of tasks.
func ParseTasks(text string) ([]Task, error) {
	var tasks []Task
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSuffix(line, "\n")
		if line == taskHead {
			tasks = append(tasks, Task{})
			continue
		}
		op, expect, ok := strings.Cut(line, " = ")
		o, err := ParseOp(op)
		seen, err2 := ParseObservation(expect)
		switch {
		case len(tasks) == 0:
			return nil, fmt.Errorf("line %d: %q before the first %q", n, line, taskHead)
		case !ok:
			return nil, fmt.Errorf("line %d: %q, want OPERATION = OBSERVATION", n, line)
		case err != nil || err2 != nil:
			return nil, fmt.Errorf("line %d: %w", n, errors.Join(err, err2))
		}
		t := &tasks[len(tasks)-1]
		t.Program, t.Expect = append(t.Program, o), append(t.Expect, seen)
	}
	return tasks, nil
}

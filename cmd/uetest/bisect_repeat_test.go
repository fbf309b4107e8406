package main

import (
	"testing"

	"github.com/spf13/cobra"
)

// The command to go on with asks for what this one did: a flaky test would be lost
// without --count, and another architecture is another kernel.
func TestTheCommandToGoOnWithAsksForTheSame(t *testing.T) {
	f := bisectFlags{}
	c := &cobra.Command{}
	f.add(c)
	f.variant.add(c)
	f.tests.add(c, "")
	c.Flags().IntVar(&f.count, "count", 1, "")
	if err := c.ParseFlags([]string{"-C", "linux", "--arch", "arm64", "--count", "5", "-K", "preempt", "--run", "status/.*"}); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		ids  []string
		want string
	}{
		{nil, "uetest bisect a b -C linux --arch arm64 --count 5 -K preempt --run 'status/.*'"},
		{[]string{"status/one"}, "uetest bisect a b -C linux --arch arm64 --count 5 -K preempt --run status/one"},
	} {
		if got := f.repeat("a", "b", tt.ids); got != tt.want {
			t.Errorf("%s\nwant %s", got, tt.want)
		}
	}
}

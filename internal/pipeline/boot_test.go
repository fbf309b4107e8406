package pipeline

import (
	"errors"
	"slices"
	"testing"

	"uetest/internal/results"
)

// A guest that the host kept from counting its timer boots, and what waits for a
// time in it waits for ever: it is booted again, and never saved.
func TestGuestWithoutATimerIsBootedAgain(t *testing.T) {
	lost := lame([]byte("[    0.5][    T1] APIC frequency too slow, disabling apic timer\n"), "console-1.log")
	if lost == nil {
		t.Fatal("a guest without a timer passes")
	}
	if err := lame([]byte("[    0.5][    T1] clocksource: Switched to clocksource tsc\n"), "console-1.log"); err != nil {
		t.Errorf("a sound guest: %v", err)
	}
	died := &bootError{what: "the kernel died during boot"}
	for _, tt := range []struct {
		name string
		ends []error // of one boot after the other
		want error
	}{
		{"sound", []error{nil}, nil},
		{"once", []error{lost, nil}, nil},
		{"four times", []error{lost, lost, lost, lost, nil}, nil},
		{"always", []error{lost, lost, lost, lost, lost}, lost},
		{"died", []error{died, died}, died},
		{"died, then lost", []error{died, lost, nil}, nil},
	} {
		d := &driver{cfg: &Config{}, run: &results.Run{}, notify: func(Event) {}}
		var numbers []int
		err := d.boot(t.Context(), func(number int) error {
			numbers = append(numbers, number)
			if len(numbers) > len(tt.ends) {
				return errors.New("one boot too many")
			}
			return tt.ends[len(numbers)-1]
		})
		if !errors.Is(err, tt.want) || len(numbers) != len(tt.ends) {
			t.Errorf("%s: %v after %d boots, want %v after %d", tt.name, err, len(numbers), tt.want, len(tt.ends))
		}
		if len(d.run.Retries) != len(tt.ends)-1 || !slices.IsSorted(numbers) {
			t.Errorf("%s: guests %v, retries %q", tt.name, numbers, d.run.Retries)
		}
	}
}

package agent

import "testing"

func TestPinnedPagesAreCounted(t *testing.T) {
	for vmstat, want := range map[string]int{
		"nr_free_pages 5\nnr_foll_pin_acquired 12\nnr_foll_pin_released 9\n": 3,
		"nr_foll_pin_acquired 12\nnr_foll_pin_released 12\n":                 0,
		"nr_free_pages 5\nnr_foll_pin_acquired\nnr_foll_pin_released x\n\n":  0,
		"": 0,
	} {
		if got := pinned(vmstat); got != want {
			t.Errorf("%q: %d, want %d", vmstat, got, want)
		}
	}
}

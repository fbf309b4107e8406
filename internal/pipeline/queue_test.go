package pipeline

import (
	"slices"
	"strings"
	"testing"

	"uetest/selftests/catalog"
)

func TestQueueHandsOutSharedTestsTogetherAndOthersAlone(t *testing.T) {
	tests := []catalog.Test{
		{ID: "b/race"},
		{ID: "a/1"},
		{ID: "a/fresh", Isolation: catalog.Fresh},
		{ID: "a/2"},
		{ID: "a/machine", Isolation: catalog.Fresh, Machine: catalog.Machine{Memory: 128}},
		{ID: "a/3"},
	}
	for _, tt := range []struct {
		how  Isolation
		want string // guests, each with its tests
	}{
		{IsolateAuto, "b/race; a/1 a/2 a/3; a/fresh; a/machine"},
		{IsolateTest, "b/race; a/1; a/fresh; a/2; a/machine; a/3"},
		{IsolateNone, "b/race; a/1 a/fresh a/2 a/3; a/machine"},
	} {
		t.Run(tt.how.String(), func(t *testing.T) {
			if how, err := ParseIsolation(tt.how.String()); err != nil || how != tt.how {
				t.Errorf("ParseIsolation: %v, %v", how, err)
			}
			q := newQueue(slices.Clone(tests), tt.how, catalog.Test.Area)
			var guests []string
			for test, more, ok := q.first(); ok; test, more, ok = q.first() {
				ids := []string{test.ID}
				for test, ok := more(); ok; test, ok = more() {
					ids = append(ids, test.ID)
				}
				guests = append(guests, strings.Join(ids, " "))
			}
			if got := strings.Join(guests, "; "); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
	if _, err := ParseIsolation("all"); err == nil || !strings.Contains(err.Error(), "auto, test, none") {
		t.Errorf("ParseIsolation of nonsense: %v", err)
	}
	q := newQueue(tests, IsolateAuto, catalog.Test.Area)
	q.clear()
	if _, _, ok := q.first(); ok {
		t.Error("a cleared queue gives a test")
	}
}

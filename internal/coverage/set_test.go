package coverage

import (
	"encoding/json"
	"slices"
	"testing"
)

func TestSetsAsJSON(t *testing.T) {
	for _, tt := range []struct {
		set  Set
		want string
	}{
		{nil, `""`}, {Set{0}, `"0"`}, {Set{0, 2, 3, 4, 9}, `"0,2-4,9"`}, {Set{5, 6}, `"5-6"`},
	} {
		got, err := json.Marshal(tt.set)
		if err != nil || string(got) != tt.want {
			t.Errorf("%v is %s, %v; want %s", tt.set, got, err, tt.want)
		}
		var back Set
		if err := json.Unmarshal(got, &back); err != nil || !slices.Equal(back, tt.set) {
			t.Errorf("%s is %v, %v", got, back, err)
		}
	}
	for _, bad := range []string{`"2,1"`, `"3-1"`, `"-1"`, `"1,"`, `"1-"`, `"x"`, `"0-99999999"`, `[1]`, `"1-3,3"`} {
		var s Set
		if err := json.Unmarshal([]byte(bad), &s); err == nil {
			t.Errorf("%s is %v, want an error", bad, s)
		}
	}
}

func FuzzSet(f *testing.F) {
	f.Add(`"0,2-4,9"`)
	f.Add(`"1-1"`)
	f.Fuzz(func(t *testing.T, text string) {
		var s, back Set
		if json.Unmarshal([]byte(text), &s) != nil {
			return
		}
		again, err := json.Marshal(s)
		if err != nil || json.Unmarshal(again, &back) != nil || !slices.Equal(s, back) {
			t.Fatalf("%s became %s, %v", text, again, err)
		}
	})
}

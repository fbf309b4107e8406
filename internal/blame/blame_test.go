package blame

import (
	"errors"
	"fmt"
	"syscall"
	"testing"
)

func TestOf(t *testing.T) {
	bare := errors.New("x")
	for name, tt := range map[string]struct {
		err  error
		want Party
	}{
		"nobody":                   {bare, Host},
		"somebody":                 {On(Kernel, bare), Kernel},
		"wrapped":                  {fmt.Errorf("more: %w", On(User, bare)), User},
		"the innermost":            {On(Test, fmt.Errorf("more: %w", On(Patch, bare))), Patch},
		"a full disk":              {On(Patch, fmt.Errorf("more: %w", syscall.ENOSPC)), Host},
		"joined":                   {errors.Join(On(User, bare), nil), User},
		"joined with nobody's":     {errors.Join(bare, On(User, bare)), User},
		"the first of two":         {errors.Join(On(User, bare), On(Kernel, bare)), User},
		"joined and marked":        {On(Usage, errors.Join(bare, bare)), Usage},
		"marked in what is joined": {On(Usage, fmt.Errorf("%w, %w", bare, On(Patch, bare))), Patch},
		"a full disk among them":   {errors.Join(On(User, bare), syscall.EDQUOT), Host},
	} {
		if got := Of(tt.err); got != tt.want {
			t.Errorf("%s: blamed on %v, want %v", name, got, tt.want)
		}
	}
	if On(User, nil) != nil {
		t.Error("nobody is to blame for no error")
	}
}

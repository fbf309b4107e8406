package git

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"uetest/internal/blame"
	"uetest/internal/proc"
)

// Identity is who the user is, as NAME <ADDRESS>, by what git is configured to
// here; empty if it is not, or if there is no git.
func Identity(ctx context.Context) (string, error) {
	if _, err := proc.LookPath("git"); err != nil {
		return "", nil
	}
	var values [2]string
	for i, key := range []string{"user.name", "user.email"} {
		out, err := proc.Output(ctx, proc.Cmd{Path: "git", Args: []string{"config", "--get", key}})
		var exit *proc.ExitError
		switch {
		case errors.As(err, &exit) && ctx.Err() == nil:
			return "", nil // no such value (git-config(1))
		case err != nil:
			return "", blame.On(blame.Host, err)
		}
		values[i] = strings.TrimSpace(string(out))
	}
	if values[0] == "" || values[1] == "" {
		return "", nil
	}
	return fmt.Sprintf("%s <%s>", values[0], values[1]), nil
}

package vm

import (
	"context"
	"fmt"
	"strings"
	"time"

	"uetest/internal/blame"
	"uetest/internal/proc"
)

// sandbox is what each QEMU is confined to: no programs, no other rights, no
// other scheduling.
const sandbox = "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"

// sandboxLimit is ample for a QEMU without a machine, also on a busy host.
const sandboxLimit = 20 * time.Second

// ProbeSandbox starts QEMU in its sandbox, with no machine, and has it end. The
// error, which is the host's, says why that did not work: QEMU may be built
// without seccomp, and a container may forbid it.
func ProbeSandbox(ctx context.Context, qemu string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, sandboxLimit, fmt.Errorf("%s did not end in %v", qemu, sandboxLimit))
	defer cancel()
	err := proc.Run(ctx, proc.Cmd{
		Path:  qemu,
		Args:  []string{"-nodefaults", "-no-user-config", "-display", "none", "-machine", "none", "-sandbox", sandbox, "-qmp", "stdio"},
		Stdin: strings.NewReader(`{"execute":"qmp_capabilities"}{"execute":"quit"}`),
	})
	return blame.On(blame.Host, err)
}

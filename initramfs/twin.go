package initramfs

import (
	"context"
	"slices"
)

// A 32-bit program asks the kernel in another way than a 64-bit one, and that
// is a matter of how it was compiled. So one area has a twin: the same source,
// a program of its own for the 32-bit machine that the guest's can also be. In
// the image it stands beside the programs, in a folder of its own.
const twinArea = "compat"

// twinArch is the GOARCH of the twin by that of the guest. A guest of another
// architecture has none.
var twinArch = map[string]string{"amd64": "386"}

// twinDir is where the twin is in the image, under selftests/.
const twinDir = "32"

// compileTwin compiles an area as a program of its own for 32 bits.
func compileTwin(ctx context.Context, o Options, tc toolchain, area, out string) error {
	arch := twinArch[o.Arch]
	tc.env = append(slices.Clip(tc.env), "GOARCH="+arch)
	args := append(slices.Clip(buildFlags), "-o", out, "./selftests/"+area)
	return tc.build(ctx, o.Root, args, "selftests/"+area+" does not compile for "+arch)
}

package kernel

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"syscall"

	"uetest/internal/cache"
)

// The namespaces of the cache that belong to this stage:
//
//	src/NAME-ID   {tree,index}: pristine sources
//	build/ID      {src,obj,state.json,build.log}
//	images/KEY    {vmlinux,vmlinux.debug,config}

// hostError blames the host for a failed operation on the cache.
func hostError(err error) error { return cache.Fault(err) }

// noSpace is how strerror(3) words ENOSPC in the C locale.
const noSpace = "No space left on device"

// diskFull returns err as a full disk if the output of the tool says so.
func diskFull(err error, output string) error {
	if err != nil && !errors.Is(err, syscall.ENOSPC) && strings.Contains(output, noSpace) {
		return fmt.Errorf("%w: %w", syscall.ENOSPC, err)
	}
	return err
}

// digest is the SHA-256 of data in hexadecimal.
func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

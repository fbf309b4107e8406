// Pages is the area of the kinds of memory that a registered word may lie in:
// what the kernel can write, what it can't, and what it does once the memory
// under the word has changed. Pages that were never touched or are shared with
// a copy are the area cow.
package main

import (
	"golang.org/x/sys/unix"

	"uetest/selftests/kit"
)

func main() {
	kit.Main(kit.Tests{
		"pages/bss":                bss,
		"pages/stack":              stack,
		"pages/page-starts":        pageStarts,
		"pages/executable":         executable,
		"pages/populated":          populated(mapPopulate),
		"pages/populated-write":    populated(populateWrite),
		"pages/populated-read":     populated(populateRead),
		"pages/locked":             populated((*kit.Mem).Lock),
		"pages/huge":               huge,
		"pages/huge-read":          hugeRead,
		"pages/hugetlb-untouched":  hugetlbUntouched,
		"pages/ksm-merged":         ksmMerged,
		"pages/swapped-out":        swappedOut,
		"pages/soft-dirty-cleared": softDirtyCleared,
		"pages/secret-memory":      secretMemory,

		"pages/read-only":       refused(readOnly),
		"pages/no-access":       refused(noAccess),
		"pages/unmapped":        refused(unmapped),
		"pages/program-text":    refused(programText),
		"pages/vdso":            refused(vdso),
		"pages/below-the-stack": refused(belowTheStack),
		"pages/behind-the-file": refused(behindTheFile),

		"pages/read-only-for-a-while":      readOnlyForAWhile,
		"pages/no-access-for-a-while":      noAccessForAWhile,
		"pages/reused-memory":              reusedMemory,
		"pages/reused-memory-unregistered": reusedUnregistered,
		"pages/moved":                      moved,
		"pages/dropped-while-on":           droppedWhileOn,
		"pages/dropped-shared":             droppedShared,
		"pages/file-truncated":             fileTruncated,
		"pages/freed-lazily":               freedLazily,
		"pages/freed-lazily-while-on":      freedLazilyWhileOn,
		"pages/unmapped-while-on":          unmappedWhileOn,
		"pages/wiped-on-fork":              wipedOnFork,
		"pages/not-forked":                 notForked,

		"pages/device-gets-the-bit": deviceGetsTheBit,
		"pages/device-after-msync":  deviceAfterMsync,

		"pages/userfault-write-protected": userfaultWriteProtected,
		"pages/userfault-missing-reg":     userfaultMissingReg,
		"pages/userfault-missing-on":      userfaultMissingOn,
		"pages/userfault-holds-no-other":  userfaultHoldsNoOther,
		"pages/userfault-hugetlb":         userfaultHugetlb,
	})
}

const (
	rw = unix.PROT_READ | unix.PROT_WRITE

	// at is where a word lies in its page: in none of its cache lines' ends,
	// and far from the page's.
	at = 256
)

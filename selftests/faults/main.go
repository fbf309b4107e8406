// Faults is the area of defects that hurt the kernel or its memory: those that
// crash it, those that let a program use as much of it as it likes, and those
// that leave half of the work done.
package main

import "uetest/selftests/kit"

func main() {
	kit.Main(kit.Tests{
		"faults/address-zero-logs":        addressZero,
		"faults/bit-beyond-the-word":      bitBeyond,
		"faults/exited-children-are-kept": exitedChildren,
		"faults/killed-while-enabling":    partialWalk,
		"faults/negative-index":           negativeIndex,
		"faults/places-cost-alike":        placesCostAlike,
		"faults/same-place-without-end":   unboundedEnablers,
		"faults/vfork-leaves-the-bit":     taskOfSameMemory,
		"faults/word-before-a-hole":       wordBeforeAHole,
		"faults/words-before-own-pages":   wordsBeforeOwnPages,
	})
}

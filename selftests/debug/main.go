// Debug is the area of faults that show only on a kernel that checks itself:
// each test takes a variant of the build.
package main

import "uetest/selftests/kit"

func main() {
	kit.Main(kit.Tests{
		"debug/enabler-allocation-fails": enablerAllocationFails,
		"debug/lock-order":               lockOrder,
		"debug/page-end":                 pageEnd,
	})
}

// Leaks is the area of what the kernel keeps: objects, pins, references and
// memory, counted before and after, when everybody who could need them has
// gone. Counts are exact but for those of mm_struct, see kit.Share.
package main

import "uetest/selftests/kit"

func main() {
	kit.Main(kit.Tests{
		"leaks/descriptor-in-flight":      descriptorInFlight,
		"leaks/enablers-go-with-the-file": enablersGoWithFile,
		"leaks/events-made-and-deleted":   eventsMadeAndDeleted,
		"leaks/exec-holds-and-lets-go":    execHolds,
		"leaks/failed-registrations":      failedRegistrations,
		"leaks/memory-of-the-dead":        memoryOfTheDead,
		"leaks/mm-goes-with-its-own-file": mmGoesWithOwnFile,
		"leaks/one-pin-a-write":           onePinAWrite,
		"leaks/pins-of-failed-writes":     pinsOfFailedWrites,
		"leaks/tasks-of-the-dead":         tasksOfTheDead,
		"leaks/toggles-leave-no-objects":  togglesLeaveNoObjects,
		"leaks/two-files-hold-one-event":  twoFilesHoldOneEvent,
	})
}

// Lifetime is the area of what lives how long: enablers with the file that
// registered them, events until they are deleted.
package main

import (
	"uetest/internal/uapi"
	"uetest/selftests/kit"
)

func main() {
	kit.Main(kit.Tests{
		"lifetime/close-while-off":               closeWhileOff,
		"lifetime/close-while-on":                closeWhileOn,
		"lifetime/close-one-of-two":              closeOneOfTwo,
		"lifetime/close-one-of-two-places":       closeOneOfTwoPlaces,
		"lifetime/close-stops-the-log":           closeStopsTheLog,
		"lifetime/closed-by-another":             closedByAnother,
		"lifetime/same-place-on-two-descriptors": samePlaceOnTwoDescriptors,
		"lifetime/every-event-released":          everyEventReleased,
		"lifetime/descriptors-leave-nothing":     descriptorsLeaveNothing,
		"lifetime/dup-keeps-the-enabler":         dupKeepsTheEnabler,
		"lifetime/register-after-close":          registerAfterClose,
		"lifetime/many-registrations-go":         manyRegistrationsGo,
		"lifetime/event-stays":                   eventStays,
		"lifetime/enabled-event-stays-on":        enabledEventStaysOn,
		"lifetime/same-name-is-same-event":       sameNameIsSameEvent,
		"lifetime/same-name-other-fields":        sameNameOtherFields,
		"lifetime/recreated-with-new-fields":     recreatedWithNewFields,
		"lifetime/index-after-delete":            indexAfterDelete,
		"lifetime/delete-while-held":             deleteWhileHeld,
		"lifetime/delete-while-on":               deleteWhileOn,
		"lifetime/delete-while-perf":             deleteWhilePerf,
		"lifetime/delete-while-in-instance":      deleteWhileInInstance,
		"lifetime/delete-by-dynamic-events":      deleteByDynamicEvents("-:user_events/"),
		"lifetime/delete-by-short-name":          deleteByDynamicEvents("-:"),
		"lifetime/delete-by-fields":              deleteByFields("u32 a; char[20] b", "u32 a; char[21] b"),
		"lifetime/delete-by-struct-fields":       deleteByFields("struct any a 64", "struct any a 65"),
		"lifetime/delete-by-more-fields":         deleteByMoreFields,
		"lifetime/delete-by-beginning-of-name":   deleteByBeginning,
		"lifetime/delete-by-other-system":        deleteByOtherSystem,
		"lifetime/failed-delete-keeps-fields":    failedDeleteKeepsFields,
		"lifetime/failed-delete-keeps-nothing":   failedDeleteKeepsNothing,
		"lifetime/delete-unregistered-event":     deleteUnregisteredEvent,
		"lifetime/dynamic-event-while-there":     dynamicEventWhileThere,
		"lifetime/folder-follows-the-event":      folderFollowsTheEvent,
		"lifetime/enabled-before-registered":     enabledBeforeRegistered,

		"lifetime/persist-stays":            persistStays,
		"lifetime/persist-asked-for-first":  persistOfFirst(uapi.RegPersist, 0),
		"lifetime/persist-asked-for-second": persistOfFirst(0, uapi.RegPersist),
		"lifetime/dynamic-event-persists":   dynamicPersists,
		"lifetime/held-by-descriptor":       heldByDescriptor,
		"lifetime/held-by-child":            heldByChild,
		"lifetime/register-while-going":     registerWhileGoing,
		"lifetime/delete-without-fields":    deleteWithoutFields,
		"lifetime/formats-of-one-name":      formatsOfOneName,
		"lifetime/formats-beside-single":    multiBesideSingle,
		"lifetime/formats-follow-alone":     formatsFollowAlone,
		"lifetime/formats-deleted":          deleteFormats,
		"lifetime/formats-go":               formatsGo,
		"lifetime/formats-listed":           formatsListed,
	})
}

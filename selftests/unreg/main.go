// Unreg is the area of taking a registered place back (DIAG_IOCSUNREG), which
// generation g3 brought along with places that outlive their file.
package main

import "uetest/selftests/kit"

func main() {
	kit.Main(kit.Tests{
		"unreg/null":                unregNull,
		"unreg/registered-place":    registeredPlace,
		"unreg/sizes":               sizes,
		"unreg/tail-not-zero":       tailNotZero,
		"unreg/unreadable-tail":     unreadableTail,
		"unreg/reserved-fields":     reservedFields,
		"unreg/nothing-registered":  nothingRegistered,
		"unreg/other-place":         otherPlace,
		"unreg/twice":               twice,
		"unreg/command-of-32-bits":  commandOf32Bits,
		"unreg/read-only-file":      readOnlyFile,
		"unreg/order-of-checks":     orderOfChecks,
		"unreg/disabled-event":      disabledEvent,
		"unreg/keeps-other-bits":    keepsOtherBits,
		"unreg/one-of-two-places":   oneOfTwoPlaces,
		"unreg/other-file":          otherFile,
		"unreg/after-close":         afterClose,
		"unreg/index-stays":         indexStays,
		"unreg/register-again":      registerAgain,
		"unreg/register-other":      registerOther,
		"unreg/upper-half":          upperHalf,
		"unreg/unmapped":            unmapped,
		"unreg/read-only-page":      readOnlyPage,
		"unreg/then-mapped-again":   thenMappedAgain,
		"unreg/after-fork":          afterFork,
		"unreg/child-keeps-parent":  childKeepsParent,
		"unreg/parent-keeps-child":  parentKeepsChild,
		"unreg/later-sibling":       laterSibling,
		"unreg/not-inherited":       notInherited,
		"unreg/older-thread":        olderThread,
		"unreg/while-toggled":       whileToggled,
		"unreg/last-place-of-event": lastPlaceOfEvent,
	})
}

// registered is an event registered at an ordinary place.
func registered(t *kit.T) (*kit.Data, *kit.Event, *kit.Registration) {
	d, ev := t.Open(), t.Event("u32 count")
	return d, ev, d.Register(ev, t.Word().Bit(3))
}

// toggled is the word after the event was enabled and after it was disabled.
func toggled(t *kit.T, ev *kit.Event, w kit.Word) (on, off uint32) {
	ev.On()
	t.Settle()
	on = w.Load()
	ev.Off()
	t.Settle()
	return on, w.Load()
}

// Errors is the area of what the ioctls refuse, with which error, and what
// they take although one might think otherwise.
package main

import "uetest/selftests/kit"

func main() {
	kit.Main(kit.Tests{
		"errors/reg-null":                   regNull,
		"errors/reg-unreadable-tail":        regUnreadableTail,
		"errors/reg-size-zero":              regSize(0),
		"errors/reg-size-one-short":         regSizeOneShort,
		"errors/reg-size-of-g0":             regSize(20),
		"errors/reg-size-64-zero-tail":      regTail(0),
		"errors/reg-size-64-other-tail":     regTail(1),
		"errors/reg-size-page":              regSize(4096),
		"errors/reg-size-over-page":         regSize(4097),
		"errors/reg-reserved-bits":          regReservedBits,
		"errors/reg-result-unwritable":      regResultUnwritable,
		"errors/reg-result-partly-writable": regResultPartlyWritable,
		"errors/index-stored-whole":         indexStoredWhole,
		"errors/reg-each-byte-of-tail":      regEachByteOfTail,
		"errors/size-before-name":           sizeBeforeName,
		"errors/reg-returns-zero":           regReturnsZero,
		"errors/order-of-checks":            orderOfChecks,

		"errors/enable-sizes":        enableSizes,
		"errors/enable-bits":         enableBits,
		"errors/reg-flags":           regFlags,
		"errors/order-of-new-checks": orderOfNewChecks,
		"errors/unwritable-place":    unwritable,
		"errors/max-events":          maxEvents,

		"errors/name-null":                nameNull,
		"errors/name-unmapped":            nameUnmapped,
		"errors/name-runs-off-the-page":   nameRunsOffThePage,
		"errors/description-511":          description(511),
		"errors/description-512":          description(512),
		"errors/name-empty":               nameEmpty,
		"errors/name-with-slash":          nameWithSlash,
		"errors/name-with-flag":           nameWithFlag,
		"errors/types-accepted":           typesAccepted,
		"errors/types-refused":            typesRefused,
		"errors/fields-refused":           fieldsRefused,
		"errors/trailing-semicolon":       trailingSemicolon,
		"errors/refused-makes-no-event":   refusedMakesNoEvent,
		"errors/refused-can-be-corrected": refusedCanBeCorrected,

		"errors/del-null":          delNull,
		"errors/del-unknown":       delUnknown,
		"errors/del-512":           del512,
		"errors/del-wants-no-args": delWantsNoArgs,

		"errors/other-command":        otherCommand,
		"errors/commands-on-status":   commandsOnStatus,
		"errors/commands-of-32-bits":  commandsOf32Bits,
		"errors/write-only-registers": writeOnlyRegisters,
	})
}

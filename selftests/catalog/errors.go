package catalog

// errorsTests is the area of what the ioctls refuse.
var errorsTests = []Test{
	{
		ID:      "errors/reg-null",
		Purpose: "REG of NULL is EFAULT",
		Expect:  everywhere("reg=EFAULT"),
	},
	{
		ID:      "errors/reg-unreadable-tail",
		Purpose: "REG of a struct that can be read only in part is EFAULT",
		Expect:  everywhere("reg=EFAULT"),
	},
	{
		ID:      "errors/reg-size-zero",
		Purpose: "a size of 0 is EINVAL",
		Expect:  everywhere("reg=EINVAL"),
	},
	{
		ID:      "errors/reg-size-one-short",
		Purpose: "a size one byte under the struct's is EINVAL",
		Expect:  everywhere("reg=EINVAL"),
	},
	{
		ID:      "errors/reg-size-of-g0",
		Purpose: "the 20 bytes of the struct before the RFC are refused after it",
		Claims:  []int{10},
		Expect: map[Generation]Expect{
			G0: {Saw: "reg=ok"},
			G1: {Saw: "reg=EINVAL"},
			G3: {Saw: "reg=EINVAL"},
		},
	},
	{
		ID:      "errors/reg-size-64-zero-tail",
		Purpose: "a larger struct of a later header is taken if what is unknown is 0",
		Expect:  everywhere("reg=ok"),
	},
	{
		ID:      "errors/reg-size-64-other-tail",
		Purpose: "a larger struct whose unknown part is not 0 is E2BIG",
		Expect:  everywhere("reg=E2BIG"),
	},
	{
		ID:      "errors/reg-size-page",
		Purpose: "a size of a page is taken",
		Expect:  everywhere("reg=ok"),
	},
	{
		ID:      "errors/reg-size-over-page",
		Purpose: "a size over a page is E2BIG",
		Expect:  everywhere("reg=E2BIG"),
	},
	{
		ID:      "errors/reg-reserved-bits",
		Purpose: "a reserved bit that is set is refused",
		Expect: map[Generation]Expect{
			G1: {Saw: "reg=ok", Fault: "reserved-bits-ignored", Promise: "reg=EINVAL"},
			G3: {Saw: "reg=EINVAL"},
		},
	},
	{
		ID:      "errors/reg-result-unwritable",
		Purpose: "a struct that the index can't be stored in is EFAULT",
		Expect: map[Generation]Expect{
			G0: {Saw: "reg=ok index=77 write=EINVAL", Fault: "result-not-stored", Promise: "reg=EFAULT index=77 write=EINVAL"},
			G1: {Saw: "reg=ok index=77 write=EINVAL", Fault: "result-not-stored", Promise: "reg=EFAULT index=77 write=EINVAL"},
			G3: {Saw: "reg=ok index=77 write=EINVAL", Fault: "result-not-stored", Promise: "reg=EFAULT index=77 write=EINVAL"},
		},
	},
	{
		ID:      "errors/reg-result-partly-writable",
		Purpose: "a struct whose index alone can't be stored is EFAULT",
		Expect: map[Generation]Expect{
			G0: {Saw: "reg=ok index=77", Fault: "result-not-stored", Promise: "reg=EFAULT index=77"},
			G1: {Saw: "reg=ok index=77", Fault: "result-not-stored", Promise: "reg=EFAULT index=77"},
			G3: {Saw: "reg=ok index=77", Fault: "result-not-stored", Promise: "reg=EFAULT index=77"},
		},
	},
	{
		ID:      "errors/index-stored-whole",
		Purpose: "all four bytes of the index are stored, and no other byte",
		Expect:  remote("reg=ok index=0 other-bytes-changed=0"),
	},
	{
		ID:      "errors/reg-each-byte-of-tail",
		Purpose: "each byte of the unknown part is looked at",
		Expect: map[Generation]Expect{
			G0: {Saw: "refused=28-of-28"},
			G1: {Saw: "refused=20-of-20"},
			G3: {Saw: "refused=20-of-20"},
		},
	},
	{
		ID:      "errors/order-of-checks",
		Purpose: "size is checked before address, alignment before access, address before name",
		Claims:  []int{4},
		Expect:  remote("size-and-address=E2BIG short-and-kernel=EINVAL address-and-name=EINVAL kernel-and-syntax=EFAULT"),
	},
	{
		ID:        "errors/enable-sizes",
		Purpose:   "words have four or eight bytes; another size is EINVAL",
		Questions: []string{"return-states", "word-size"},
		Expect:    only(G3, "taken=4,8"),
	},
	{
		ID:        "errors/enable-bits",
		Purpose:   "a bit beyond the word is EINVAL",
		Questions: []string{"return-states", "word-size"},
		Expect:    only(G3, "of-4-bytes=0-31 of-8-bytes=0-63"),
	},
	{
		ID:        "errors/reg-flags",
		Purpose:   "flags 0 (PERSIST) and 1 (MULTI_FORMAT) are taken, each other is EINVAL",
		Questions: []string{"return-states"},
		Expect:    only(G3, "taken=0,1"),
	},
	{
		ID:        "errors/order-of-new-checks",
		Purpose:   "the bit is checked before access, access before the place, the place before the name, all before the write",
		Questions: []string{"return-states"},
		Expect:    only(G3, "bit-and-kernel=EINVAL kernel-and-name=EFAULT place-and-name=EADDRINUSE place-and-syntax=EADDRINUSE syntax-and-unwritable=EINVAL fields-and-unwritable=EADDRINUSE unwritable-place-twice=ENOMEM"),
	},
	{
		ID:        "errors/unwritable-place",
		Purpose:   "a place in a page that can't be written is refused, and taken once it can",
		Questions: []string{"return-states", "failed-enabler", "retry-after-fault"},
		Expect: map[Generation]Expect{
			G1: {Saw: "reg=ok more=1 write=8 writable=ok on=1", Fault: "page-not-faulted-in", Promise: "reg=EFAULT more=1 write=8 writable=ok on=1"},
			G3: {Saw: "reg=ENOMEM more=1 write=8 writable=ok on=1", Fault: "write-error-hidden", Promise: "reg=EFAULT more=1 write=8 writable=ok on=1"},
		},
	},
	{
		ID:        "errors/max-events",
		Purpose:   "one event more than kernel.user_events_max is EMFILE, and one that is there is not counted again",
		Questions: []string{"return-states"},
		Expect:    only(G3, "max=32768 last=ok over=EMFILE over-listed=no by-dynamic-events=EMFILE one-that-is-there=ok raised=ok"),
	},
	{
		ID:      "errors/name-null",
		Purpose: "a name of NULL is EFAULT",
		Expect:  everywhere("reg=EFAULT"),
	},
	{
		ID:      "errors/name-unmapped",
		Purpose: "a name that can't be read is EFAULT",
		Expect:  everywhere("reg=EFAULT"),
	},
	{
		ID:      "errors/name-runs-off-the-page",
		Purpose: "a name whose end can't be read is EFAULT",
		Expect:  everywhere("reg=EFAULT"),
	},
	{
		ID:      "errors/description-511",
		Purpose: "a description of 511 characters is taken",
		Expect:  everywhere("reg=ok listed=yes"),
	},
	{
		ID:      "errors/description-512",
		Purpose: "a description of 512 characters is EINVAL",
		Expect:  everywhere("reg=EINVAL listed=no"),
	},
	{
		ID:      "errors/name-empty",
		Purpose: "an empty name is taken (and makes an event without a folder of its own)",
		Expect:  everywhere("reg=ok listed=yes"),
	},
	{
		ID:      "errors/name-with-slash",
		Purpose: "a name with a slash is taken (and makes an event without a folder)",
		Expect:  everywhere("reg=ok listed=yes"),
	},
	{
		ID:      "errors/name-with-flag",
		Purpose: "a flag behind the name is cut off and ignored",
		Expect:  since("reg=ok listed=yes", "reg=EINVAL listed=no"),
	},
	{
		ID:      "errors/types-accepted",
		Purpose: "every type that the documentation names is taken",
		Expect:  everywhere("refused=none"),
	},
	{
		ID:      "errors/types-refused",
		Purpose: "types of unclear size, arrays of other types and sizes out of range are EINVAL",
		Expect:  everywhere("accepted=none other-errors=none"),
	},
	{
		ID:      "errors/fields-refused",
		Purpose: "fields without a name, with too many words or with two blanks are EINVAL",
		Expect:  everywhere("accepted=none other-errors=none"),
	},
	{
		ID:      "errors/trailing-semicolon",
		Purpose: "a semicolon behind the last field is taken",
		Expect:  everywhere("reg=ok listed=yes"),
	},
	{
		ID:      "errors/refused-makes-no-event",
		Purpose: "a description that is refused leaves no event and no folder behind",
		Expect:  everywhere("reg=EINVAL listed=no more=0 folder=no"),
	},
	{
		ID:      "errors/refused-can-be-corrected",
		Purpose: "the name of a refused description works at the next try, with index 0",
		Expect:  everywhere("refused=EINVAL corrected=ok index=0 on=1"),
	},
	{
		ID:      "errors/del-null",
		Purpose: "DEL of NULL is EFAULT",
		Expect:  everywhere("del=EFAULT"),
	},
	{
		ID:      "errors/del-unknown",
		Purpose: "DEL of an event that is not there is ENOENT",
		Expect:  everywhere("del=ENOENT"),
	},
	{
		ID:      "errors/del-512",
		Purpose: "DEL of a name of 512 characters is EINVAL, of 511 it is looked up",
		Expect:  everywhere("511=ENOENT 512=EINVAL"),
	},
	{
		ID:      "errors/del-wants-no-args",
		Purpose: "DEL takes the name alone: the whole description is ENOENT",
		Expect:  everywhere("description=ENOENT name=ok"),
	},
	{
		ID:      "errors/other-command",
		Purpose: "another number, type, direction or size in the command is ENOTTY",
		Expect:  everywhere("number=ENOTTY type=ENOTTY direction=ENOTTY size=ENOTTY"),
	},
	{
		ID:      "errors/commands-on-status",
		Purpose: "the status file takes no commands",
		Expect:  everywhere("reg=ENOTTY del=ENOTTY"),
	},
	{
		ID:      "errors/commands-of-32-bits",
		Purpose: "the numbers that a 32-bit program computes are ENOTTY on a 64-bit descriptor",
		Expect:  everywhere("reg=ENOTTY del=ENOTTY"),
	},
	{
		ID:      "errors/write-only-registers",
		Purpose: "a descriptor opened for writing only registers and writes",
		Expect:  everywhere("on=1 write=8"),
	},
}

package catalog

// alignTests is the area of the registered address.
var alignTests = []Test{
	{
		ID:        "align/plus-one",
		Purpose:   "an address one byte off is refused and nothing is written",
		Claims:    []int{4},
		Questions: []string{"return-states"},
		Expect:    remote("reg=EINVAL written=no"),
	},
	{
		ID:        "align/plus-two",
		Purpose:   "an address two bytes off is refused and nothing is written",
		Claims:    []int{4},
		Questions: []string{"return-states"},
		Expect:    remote("reg=EINVAL written=no"),
	},
	{
		ID:        "align/plus-three",
		Purpose:   "an address three bytes off is refused and nothing is written",
		Claims:    []int{4},
		Questions: []string{"return-states"},
		Expect:    remote("reg=EINVAL written=no"),
	},
	{
		ID:        "align/every-word-of-a-line",
		Purpose:   "every word of a cache line may be registered and follows",
		Claims:    []int{1, 4},
		Questions: []string{"word-size"},
		Expect:    remote("refused=0 set=16"),
		Arch:      traps("", "refused=0 set=16"),
	},
	{
		ID:      "align/straddles-two-pages",
		Purpose: "a word that would lie in two pages is refused",
		Claims:  []int{4},
		Expect:  remote("reg=EINVAL"),
	},
	{
		ID:        "align/kernel-address",
		Purpose:   "an address of the kernel is refused as not accessible",
		Questions: []string{"return-states"},
		Expect:    remote("reg=EFAULT"),
	},
	{
		ID:        "align/kernel-address-unaligned",
		Purpose:   "alignment is checked before access",
		Claims:    []int{4},
		Questions: []string{"return-states"},
		Expect:    remote("reg=EINVAL"),
	},
	{
		ID:        "align/address-zero",
		Purpose:   "address 0, where nothing can be mapped, is refused",
		Claims:    []int{9},
		Questions: []string{"return-states"},
		Expect: map[Generation]Expect{
			G1: {Saw: "reg=ok lines=1 on-lines=1 off-lines=1", Fault: "unwritable-address-accepted", Promise: "reg=EFAULT lines=0 on-lines=0 off-lines=0"},
			G3: {Saw: "reg=ENOMEM lines=0 on-lines=0 off-lines=0", Fault: "write-error-hidden", Promise: "reg=EFAULT lines=0 on-lines=0 off-lines=0"},
		},
	},
	// On g3 the limit of access_ok is the processor's and not the address
	// space's: with address masking it lies at 1<<63 (USER_PTR_MAX).
	{
		ID:        "align/user-limit",
		Purpose:   "the last word below TASK_SIZE_MAX may be registered, the first behind it may not",
		Questions: []string{"return-states"},
		Expect:    only(G1, "last=ok behind=EFAULT"),
	},
	{
		ID:        "align/refused-makes-no-event",
		Purpose:   "a registration refused for its address leaves no event behind",
		Claims:    []int{4},
		Questions: []string{"failed-enabler"},
		Expect:    remote("reg=EINVAL listed=no more=0"),
	},
	{
		ID:        "align/words-of-eight-bytes",
		Purpose:   "a word of eight bytes has to be aligned to eight",
		Questions: []string{"word-size"},
		Expect:    only(G3, "taken=0,8"),
	},
	{
		ID:        "align/end-of-page-eight-bytes",
		Purpose:   "the last eight bytes of a page are a word, of which the kernel writes nothing beyond",
		Questions: []string{"word-size"},
		Expect:    only(G3, "last=ok low=0x00000000 high=0x80000000 next-page=0x00000000 straddles=EINVAL"),
	},
}

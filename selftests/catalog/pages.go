package catalog

import "uetest/internal/feature"

// pagesTests is the area of the kinds of pages that a word may lie in. A page
// that can't be written now is missed until a later toggle on g1, and brought in
// behind the call on g3.
var pagesTests = []Test{
	{
		ID:      "pages/behind-the-file",
		Purpose: "a page of a mapping behind the end of its file is refused, or logged",
		Claims:  []int{9},
		Needs:   []feature.Name{feature.Memfd},
		Expect: map[Generation]Expect{
			G1: {Saw: "reg=ok reg-lines=1 on-lines=1 other=1"},
			G3: {Saw: "reg=ENOMEM reg-lines=0 on-lines=0 other=1"},
		},
	},
	{
		ID:      "pages/below-the-stack",
		Purpose: "registering an address below the stack does not make the stack grow",
		Claims:  []int{9},
		Expect: map[Generation]Expect{
			G1: {Saw: "reg=ok reg-lines=1 on-lines=1 other=1"},
			G3: {Saw: "reg=ENOMEM reg-lines=0 on-lines=0 other=1"},
		},
	},
	{
		ID:      "pages/bss",
		Purpose: "a word among the zeroed variables of the program is told",
		Claims:  []int{1},
		Expect:  onPlaces("reg=ok reg-lines=0 on=1 on-lines=0 off=0 off-lines=0"),
	},
	// The kernel writes pages back by itself, every 30 seconds by default: on g1 a
	// word in a shared mapping of a file on a disk loses its updates then.
	{
		ID:      "pages/device-after-msync",
		Purpose: "a word whose file page was written back since, and so write-protected, is told",
		Claims:  []int{9},
		Needs:   []feature.Name{feature.RAMDisk},
		Expect: map[Generation]Expect{
			G1: {Saw: "reg=ok reg-lines=0 on=0 on-lines=1 stored=0 written-off=0 written-off-lines=0 written-on=1 written-on-lines=0", Fault: "page-not-faulted-in", Promise: "reg=ok reg-lines=0 on=1 on-lines=0 stored=1 written-off=0 written-off-lines=0 written-on=1 written-on-lines=0"},
			G3: {Saw: "reg=ok reg-lines=0 on=1 on-lines=0 stored=1 written-off=0 written-off-lines=0 written-on=1 written-on-lines=0"},
		},
	},
	{
		ID:      "pages/device-gets-the-bit",
		Purpose: "a word in a shared file mapping: the kernel's write is written back to the device",
		Claims:  []int{1, 5},
		Needs:   []feature.Name{feature.RAMDisk},
		Expect:  onPlaces("reg=ok reg-lines=0 on=1 on-lines=0 stored=1"),
	},
	{
		ID:      "pages/dropped-shared",
		Purpose: "a shared page that the program dropped with MADV_DONTNEED is told all the same",
		Claims:  []int{9},
		Expect: map[Generation]Expect{
			G1: {Saw: "reg=ok reg-lines=0 on=1 on-lines=0 dropped-lines=1 off=1 touched=1 touched-lines=0 touched-off=0 touched-off-lines=0", Fault: "page-not-faulted-in", Promise: "reg=ok reg-lines=0 on=1 on-lines=0 dropped-lines=0 off=0 touched=1 touched-lines=0 touched-off=0 touched-off-lines=0"},
			G3: {Saw: "reg=ok reg-lines=0 on=1 on-lines=0 dropped-lines=0 off=0 touched=1 touched-lines=0 touched-off=0 touched-off-lines=0"},
		},
	},
	{
		ID:        "pages/dropped-while-on",
		Purpose:   "a word whose page the program dropped is told again at the next toggle",
		Claims:    []int{9},
		Questions: []string{"retry-after-fault"},
		Expect: map[Generation]Expect{
			G1: {Saw: "reg=ok reg-lines=0 on=1 on-lines=0 off-lines=1 read=0 again=0 again-lines=1 written-off=0 written-off-lines=0 written-on=1 written-on-lines=0", Fault: "page-not-faulted-in", Promise: "reg=ok reg-lines=0 on=1 on-lines=0 off-lines=0 read=0 again=1 again-lines=0 written-off=0 written-off-lines=0 written-on=1 written-on-lines=0"},
			G3: {Saw: "reg=ok reg-lines=0 on=1 on-lines=0 off-lines=0 read=0 again=1 again-lines=0 written-off=0 written-off-lines=0 written-on=1 written-on-lines=0"},
		},
	},
	{
		ID:      "pages/executable",
		Purpose: "a word in memory that may be written and executed is told",
		Claims:  []int{1},
		Expect:  onPlaces("reg=ok reg-lines=0 on=1 on-lines=0 off=0 off-lines=0"),
	},
	{
		ID:      "pages/file-truncated",
		Purpose: "a word that its file was cut off below is logged, and told again once the file is long and the page read",
		Claims:  []int{9},
		Needs:   []feature.Name{feature.Memfd},
		Expect:  onPlaces("reg=ok reg-lines=0 cut-lines=1 long=0 off=0 off-lines=0 on=1 on-lines=0"),
	},
	{
		ID:      "pages/freed-lazily",
		Purpose: "the kernel's write keeps a page that was given up with MADV_FREE",
		Claims:  []int{1},
		Needs:   []feature.Name{feature.Pagemap},
		Expect:  onPlaces("reg=ok reg-lines=0 on-lines=0 on=1 off=0 off-lines=0"),
	},
	{
		ID:      "pages/freed-lazily-while-on",
		Purpose: "the kernel's clearing of a bit keeps a page that was given up with MADV_FREE",
		Claims:  []int{1, 2},
		Needs:   []feature.Name{feature.Pagemap},
		Expect:  onPlaces("reg=ok reg-lines=0 on=1 off-lines=0 off=0 beside=0x0000600d"),
	},
	{
		ID:      "pages/huge",
		Purpose: "a word in the middle of a transparent huge page is told, and the page stays huge",
		Claims:  []int{1},
		Needs:   []feature.Name{feature.HugePages, feature.SMP},
		Expect:  onPlaces("huge=yes reg=ok reg-lines=0 on=1 on-lines=0 off=0 off-lines=0 still-huge=yes"),
	},
	{
		ID:      "pages/huge-read",
		Purpose: "a word in a huge page that was only read, the huge zero page, is told",
		Claims:  []int{9},
		Needs:   []feature.Name{feature.HugePages},
		Expect: map[Generation]Expect{
			G1: {Saw: "reg=ok reg-lines=1 on=0 on-lines=1 off=0 off-lines=1", Fault: "page-not-faulted-in", Promise: "reg=ok reg-lines=0 on=1 on-lines=0 off=0 off-lines=0"},
			G3: {Saw: "reg=ok reg-lines=0 on=1 on-lines=0 off=0 off-lines=0"},
		},
	},
	// g1 asks for the page with FOLL_NOFAULT under event_mutex, and 6.1 brings it in
	// nevertheless (follow_hugetlb_page of mm/hugetlb.c does not know the flag).
	{
		ID:        "pages/hugetlb-untouched",
		Purpose:   "a word in a page of hugetlb that was never touched is told: registering brings the page in",
		Claims:    []int{1},
		Questions: []string{"waits-for-fault"},
		Needs:     []feature.Name{feature.Hugetlb},
		Expect:    onPlaces("reg=ok reg-lines=0 faulted-in=1 on=1 on-lines=0 off=0 off-lines=0"),
	},
	{
		ID:      "pages/ksm-merged",
		Purpose: "a word in a page that KSM has merged is told, and the other page is not written",
		Claims:  []int{9},
		Needs:   []feature.Name{feature.KSM, feature.Pagemap},
		Expect: map[Generation]Expect{
			G1: {Saw: "reg=ok reg-lines=1 on=0 on-lines=1 off=0 off-lines=1 other-page=0x00000000", Fault: "page-not-faulted-in", Promise: "reg=ok reg-lines=0 on=1 on-lines=0 off=0 off-lines=0 other-page=0x00000000"},
			G3: {Saw: "reg=ok reg-lines=0 on=1 on-lines=0 off=0 off-lines=0 other-page=0x00000000"},
		},
	},
	{
		ID:      "pages/locked",
		Purpose: "a word in memory that was locked, and so brought in, is told",
		Claims:  []int{1},
		Expect:  onPlaces("reg=ok reg-lines=0 on=1 on-lines=0 off=0 off-lines=0"),
	},
	{
		ID:      "pages/moved",
		Purpose: "a word that was moved by mremap is not followed: its old address is logged",
		Claims:  []int{9},
		Expect:  onPlaces("reg=ok reg-lines=0 on=1 on-lines=0 moved=1 off-lines=1 stays=1 again-lines=1"),
	},
	// Where the page can't be brought in g3 says ENOMEM: user_event_enabler_create
	// returns no enabler, whatever the reason.
	{
		ID:      "pages/no-access",
		Purpose: "a word in memory without access is refused, or logged",
		Claims:  []int{9},
		Expect: map[Generation]Expect{
			G1: {Saw: "reg=ok reg-lines=1 on-lines=1 other=1"},
			G3: {Saw: "reg=ENOMEM reg-lines=0 on-lines=0 other=1"},
		},
	},
	{
		ID:        "pages/no-access-for-a-while",
		Purpose:   "a word whose memory was without access during one toggle is told again at the next",
		Claims:    []int{1, 9},
		Questions: []string{"retry-after-fault"},
		Expect:    onPlaces("reg=ok reg-lines=0 on=1 on-lines=0 hidden-lines=1 back=1 again=1 again-lines=0 off=0 off-lines=0"),
	},
	// On g3 the child inherits the enabler and not the page: a line a toggle.
	{
		ID:      "pages/not-forked",
		Purpose: "with MADV_DONTFORK the parent goes on being told after a fork",
		Claims:  []int{6},
		Expect: map[Generation]Expect{
			G1: {Saw: "reg=ok reg-lines=0 on=1 on-lines=0 off=0 off-lines=0"},
			G3: {Saw: "reg=ok reg-lines=0 on=1 on-lines=1 off=0 off-lines=1"},
		},
	},
	{
		ID:      "pages/page-starts",
		Purpose: "words at the very start of pages with nothing mapped beside them are told, and nothing else is written",
		Claims:  []int{1, 2},
		Expect:  onPlaces("reg=ok reg-lines=0 first=0x80000001 last=0x80000002 first-off=0x80000000 last-off=0x80000000 all-lines=0"),
	},
	{
		ID:      "pages/populated",
		Purpose: "a word in memory that MAP_POPULATE brought in is told",
		Claims:  []int{1},
		Expect:  onPlaces("reg=ok reg-lines=0 on=1 on-lines=0 off=0 off-lines=0"),
	},
	{
		ID:      "pages/populated-read",
		Purpose: "a word in memory that MADV_POPULATE_READ brought in is told",
		Claims:  []int{9},
		Expect: map[Generation]Expect{
			G1: {Saw: "reg=ok reg-lines=1 on=0 on-lines=1 off=0 off-lines=1", Fault: "page-not-faulted-in", Promise: "reg=ok reg-lines=0 on=1 on-lines=0 off=0 off-lines=0"},
			G3: {Saw: "reg=ok reg-lines=0 on=1 on-lines=0 off=0 off-lines=0"},
		},
	},
	{
		ID:      "pages/populated-write",
		Purpose: "a word in memory that MADV_POPULATE_WRITE brought in is told",
		Claims:  []int{1},
		Expect:  onPlaces("reg=ok reg-lines=0 on=1 on-lines=0 off=0 off-lines=0"),
	},
	{
		ID:      "pages/program-text",
		Purpose: "a word in the program's own code is refused, or logged",
		Claims:  []int{9},
		Expect: map[Generation]Expect{
			G1: {Saw: "reg=ok reg-lines=1 on-lines=1 other=1"},
			G3: {Saw: "reg=ENOMEM reg-lines=0 on-lines=0 other=1"},
		},
	},
	{
		ID:      "pages/read-only",
		Purpose: "a word in read-only memory is refused, or logged",
		Claims:  []int{9},
		Expect: map[Generation]Expect{
			G1: {Saw: "reg=ok reg-lines=1 on-lines=1 other=1"},
			G3: {Saw: "reg=ENOMEM reg-lines=0 on-lines=0 other=1"},
		},
	},
	{
		ID:        "pages/read-only-for-a-while",
		Purpose:   "a word that was read-only during one toggle is told again at the next, and not before",
		Claims:    []int{1, 9},
		Questions: []string{"retry-after-fault"},
		Expect:    onPlaces("reg=ok reg-lines=0 on=0 on-lines=1 writable=0 off=0 off-lines=0 again=1 again-lines=0"),
	},
	// g3 does the same, but has a way out: the program has to unregister first, see
	// reused-memory-unregistered. On g1 it would have to close the file, and so give
	// up whatever else it registered there.
	{
		ID:      "pages/reused-memory",
		Purpose: "after munmap the kernel leaves alone what is mapped at the address next",
		Expect: map[Generation]Expect{
			G1: {Saw: "reg=ok reg-lines=0 written=0xaaaaaaab on-lines=0 cleared=0x55555554 off-lines=0", Fault: "write-into-reused-memory", Promise: "reg=ok reg-lines=0 written=0xaaaaaaaa on-lines=0 cleared=0x55555555 off-lines=0"},
			G3: {Saw: "reg=ok reg-lines=0 written=0xaaaaaaab on-lines=0 cleared=0x55555554 off-lines=0"},
		},
	},
	{
		ID:      "pages/reused-memory-unregistered",
		Purpose: "a place that was unregistered before munmap is not written again",
		Expect: map[Generation]Expect{
			G3: {Saw: "reg=ok reg-lines=0 unreg=ok on-lines=0 written=0xaaaaaaaa"},
		},
	},
	// The page is there and may be written, but not by the kernel: g3 faults it in
	// and tries again, ten times (user_event_mm_fault_in), then gives up.
	{
		ID:        "pages/secret-memory",
		Purpose:   "a word in memfd_secret memory is refused, or logged",
		Claims:    []int{9},
		Questions: []string{"retry-after-fault"},
		Needs:     []feature.Name{feature.SecretMemory},
		Isolation: Fresh,
		Machine:   Machine{Append: []string{"secretmem.enable=1"}}, // the default from 6.5 on
		Expect: map[Generation]Expect{
			G1: {Saw: "reg=ok reg-lines=1 on=0 on-lines=1 other=1"},
			G3: {Saw: "reg=ENOMEM reg-lines=0 on=0 on-lines=0 other=1"},
		},
	},
	{
		ID:      "pages/soft-dirty-cleared",
		Purpose: "a word whose page is write-protected to track writes is told, and the write is tracked",
		Claims:  []int{9},
		Needs:   []feature.Name{feature.Pagemap, feature.SoftDirty},
		Expect: map[Generation]Expect{
			G1: {Saw: "reg=ok reg-lines=1 on=0 soft-dirty=no on-lines=1 off=0 off-lines=0", Fault: "page-not-faulted-in", Promise: "reg=ok reg-lines=0 on=1 soft-dirty=yes on-lines=0 off=0 off-lines=0"},
			G3: {Saw: "reg=ok reg-lines=0 on=1 soft-dirty=yes on-lines=0 off=0 off-lines=0"},
		},
	},
	{
		ID:      "pages/stack",
		Purpose: "a word on the main thread's stack is told",
		Claims:  []int{1},
		Expect:  onPlaces("reg=ok reg-lines=0 on=1 on-lines=0 off=0 off-lines=0"),
	},
	// The other bits of the word, 0x100, come back with the page.
	{
		ID:      "pages/swapped-out",
		Purpose: "a word whose page is swapped out is told",
		Claims:  []int{9},
		Needs:   []feature.Name{feature.Pagemap, feature.RAMDisk, feature.Swap},
		Expect: map[Generation]Expect{
			G1: {Saw: "reg=ok reg-lines=1 swapped=yes on=256 on-lines=1 off=256 off-lines=1", Fault: "page-not-faulted-in", Promise: "reg=ok reg-lines=0 swapped=no on=257 on-lines=0 off=256 off-lines=0"},
			G3: {Saw: "reg=ok reg-lines=0 swapped=no on=257 on-lines=0 off=256 off-lines=0"},
		},
	},
	{
		ID:      "pages/unmapped",
		Purpose: "a word where nothing is mapped is refused, or logged",
		Claims:  []int{9},
		Expect: map[Generation]Expect{
			G1: {Saw: "reg=ok reg-lines=1 on-lines=1 other=1"},
			G3: {Saw: "reg=ENOMEM reg-lines=0 on-lines=0 other=1"},
		},
	},
	{
		ID:      "pages/unmapped-while-on",
		Purpose: "a word that was unmapped costs a line a toggle and no harm to others",
		Claims:  []int{9},
		Expect:  onPlaces("reg=ok reg-lines=0 on=1 on-lines=0 off-lines=1 again-lines=1 other=1"),
	},
	{
		ID:        "pages/userfault-holds-no-other",
		Purpose:   "while a page is awaited from userfaultfd, registering and enabling others goes on",
		Questions: []string{"bad-address-delay", "waits-for-fault"},
		Needs:     []feature.Name{feature.Userfault, feature.SMP},
		Expect:    onPlaces("reg=ok reg-lines=0 other-event=1 same-event=1 same-event-off=0 waited=no off=0"),
	},
	// On g1 the fault is tried under event_mutex, but without the permission to wait,
	// so that handle_userfault refuses.
	{
		ID:        "pages/userfault-hugetlb",
		Purpose:   "registering a word in a hugetlb page under userfaultfd asks for the page, and waits",
		Claims:    []int{9},
		Questions: []string{"waits-for-fault"},
		Needs:     []feature.Name{feature.Hugetlb, feature.Userfault},
		Expect: map[Generation]Expect{
			G1: {Saw: "reg=ok reg-lines=1 faults=0 waited=no", Fault: "page-not-faulted-in", Promise: "reg=ok reg-lines=0 faults=1 waited=yes"},
			G3: {Saw: "reg=ok reg-lines=0 faults=1 waited=yes"},
		},
	},
	{
		ID:        "pages/userfault-missing-on",
		Purpose:   "enabling an event whose word is in a page under userfaultfd asks for the page and does not wait",
		Claims:    []int{9},
		Questions: []string{"waits-for-fault"},
		Needs:     []feature.Name{feature.Userfault, feature.SMP},
		Expect: map[Generation]Expect{
			G1: {Saw: "reg=ok reg-lines=0 waited=no faults=0 on-lines=1 on=0", Fault: "page-not-faulted-in", Promise: "reg=ok reg-lines=0 waited=no faults=1 on-lines=0 on=1"},
			G3: {Saw: "reg=ok reg-lines=0 waited=no faults=1 on-lines=0 on=1"},
		},
	},
	{
		ID:        "pages/userfault-missing-reg",
		Purpose:   "registering a word in a page under userfaultfd asks for the page, and waits",
		Claims:    []int{9},
		Questions: []string{"waits-for-fault"},
		Needs:     []feature.Name{feature.Userfault},
		Expect: map[Generation]Expect{
			G1: {Saw: "reg=ok reg-lines=1 faults=0 waited=no", Fault: "page-not-faulted-in", Promise: "reg=ok reg-lines=0 faults=1 waited=yes"},
			G3: {Saw: "reg=ok reg-lines=0 faults=1 waited=yes"},
		},
	},
	{
		ID:        "pages/userfault-write-protected",
		Purpose:   "enabling an event whose word userfaultfd protects asks for leave, and does not wait",
		Claims:    []int{9},
		Questions: []string{"waits-for-fault"},
		Needs:     []feature.Name{feature.Userfault, feature.UserfaultWP},
		Expect: map[Generation]Expect{
			G1: {Saw: "reg=ok reg-lines=0 on=0 on-lines=1 faults=0 waited=no", Fault: "page-not-faulted-in", Promise: "reg=ok reg-lines=0 on=1 on-lines=0 faults=1 waited=no"},
			G3: {Saw: "reg=ok reg-lines=0 on=1 on-lines=0 faults=1 waited=no"},
		},
	},
	{
		ID:      "pages/vdso",
		Purpose: "a word in the vDSO is refused, or logged",
		Claims:  []int{9},
		Expect: map[Generation]Expect{
			G1: {Saw: "reg=ok reg-lines=1 on-lines=1 other=1"},
			G3: {Saw: "reg=ENOMEM reg-lines=0 on-lines=0 other=1"},
		},
	},
	// What is not copied is not write-protected: on g1 this is how a program can fork
	// and be told. The child starts with a zero page although the event is on.
	{
		ID:      "pages/wiped-on-fork",
		Purpose: "with MADV_WIPEONFORK the parent goes on being told after a fork",
		Claims:  []int{6, 7},
		Expect: map[Generation]Expect{
			G1: {Saw: "reg=ok reg-lines=0 on=1 on-lines=0 child=0 off=0 off-lines=0 again=1 again-lines=0 child-again=0"},
			G3: {Saw: "reg=ok reg-lines=0 on=1 on-lines=0 child=0 off=0 off-lines=0 again=1 again-lines=0 child-again=1"},
		},
	},
}

package catalog

import "uetest/internal/feature"

// compatTests is the area of 32-bit callers. Keys that begin with "32-" are
// what the twin for 32 bits saw, those with "64-" what the other program saw in its
// place.
var compatTests = []Test{
	{
		ID:      "compat/data-file",
		Purpose: "what user_events_data answers without a registration is the same for a 32-bit program",
		Needs:   []feature.Name{feature.Compat32},
		Expect:  everywhere(dataFileOfBoth),
	},
	{
		ID:      "compat/dynamic-events",
		Purpose: "a 32-bit program makes, enables and removes an event by way of dynamic_events",
		Needs:   []feature.Name{feature.Compat32},
		Expect:  everywhere(dynamicEventsOfBoth),
	},
	{
		ID:        "compat/exec-keeps-memory",
		Purpose:   "a 32-bit program that a registrar becomes by exec keeps its memory, and may write by the descriptor",
		Claims:    []int{11, 12},
		Questions: []string{"lifetime-with-file"},
		Needs:     []feature.Name{feature.Compat32},
		// The event is off again when it is written, so the write says what a
		// disabled event's write says. Both toggles fail on g1, whose enabler
		// still has the old memory; g3 takes the places back at the exec.
		Expect: map[Generation]Expect{
			G0:       {Saw: execOfBoth("0", "8")},
			G0Stable: {Saw: execOfBoth("0", "EBADF")},
			G1:       {Saw: execOfBoth("2", "8")},
			G3:       {Saw: execOfBoth("0", "EBADF")},
		},
	},
	{
		ID:      "compat/inherited-write",
		Purpose: "a 32-bit program writes by an inherited descriptor and index, also gathered from its own kind of iovec",
		Needs:   []feature.Name{feature.Compat32},
		Expect: everywhere("64-write=8 64-short=EINVAL 64-other=ENOENT 64-pwrite=8 64-writev=8 " +
			"32-write=8 32-short=EINVAL 32-other=ENOENT 32-pwrite=8 32-writev=8 " +
			"trace=36346162,36346162,36346162,33326162,33326162,33326162"),
	},
	{
		ID:      "compat/ioctl-numbers",
		Purpose: "a 32-bit program gets ENOTTY for REG, DEL and UNREG with its own numbers and with those of 64 bits",
		Needs:   []feature.Name{feature.Compat32},
		// There is no compat_ioctl in any generation. A 64-bit program with the
		// numbers of 32 bits gets ENOTTY as well.
		Expect: map[Generation]Expect{
			G0: {Saw: ioctlsOfBoth("ENOTTY")},
			G1: {Saw: ioctlsOfBoth("ENOTTY")},
			G3: {Saw: ioctlsOfBoth("EFAULT")},
		},
	},
	{
		ID:      "compat/low-address",
		Purpose: "a word below 4 GiB is told, and what a 32-bit program has at that address is left alone",
		Claims:  []int{1},
		Needs:   []feature.Name{feature.Compat32},
		Expect:  everywhere("32-on=0x00005a00 32-off=0x00005a00 32-lines=0 on=1 off=0"),
	},
	{
		ID:      "compat/packed-struct",
		Purpose: "struct user_reg as a 32-bit compiler lays it out, 28 bytes, is what a 64-bit program registers",
		Needs:   []feature.Name{feature.Compat32, feature.Memfd},
		Expect:  remote("32-size=28 32-index-at=24 reg=ok index=0 on=0x00000020 off=0x00000000"),
	},
	{
		ID:      "compat/perf",
		Purpose: "a perf event that a 32-bit program opens enables the event, counts and samples it",
		Claims:  []int{1},
		Needs:   []feature.Name{feature.Compat32, feature.Memfd, feature.Perf},
		Expect:  everywhere(perfOfBoth),
	},
	{
		ID:      "compat/sent-descriptor",
		Purpose: "a 32-bit program that was sent the descriptor in a message writes by it",
		Needs:   []feature.Name{feature.Compat32},
		Expect:  everywhere("64-write=8 32-write=8 trace=36346162,33326162"),
	},
	{
		ID:      "compat/shared-word",
		Purpose: "a 32-bit program toggles an event, and is told in a shared word that a 64-bit program registered",
		Claims:  []int{1, 5},
		Needs:   []feature.Name{feature.Compat32, feature.Memfd},
		Expect:  everywhere("64-before=0 64-on=1 64-off=0 32-before=0 32-on=1 32-off=0"),
	},
	{
		ID:      "compat/status-file",
		Purpose: "user_events_status reads, and maps where it has a page, for a 32-bit program as for a 64-bit one",
		Claims:  []int{10},
		Needs:   []feature.Name{feature.Compat32},
		Expect: map[Generation]Expect{
			G0: {Saw: statusFileOfBoth("1")},
			G1: {Saw: statusFileOfBoth("ENODEV")},
			G3: {Saw: statusFileOfBoth("ENODEV")},
		},
	},
}

const (
	dataFileOfBoth = "read=EINVAL seek=ESPIPE short=EFAULT unregistered=ENOENT other-command=ENOTTY " +
		"32-read=EINVAL 32-seek=ESPIPE 32-short=EFAULT 32-unregistered=ENOENT 32-other-command=ENOTTY"
	dynamicEventsOfBoth = "make=ok exists=yes on=ok busy=EBUSY off=ok remove=ok gone=yes " +
		"32-make=ok 32-exists=yes 32-on=ok 32-busy=EBUSY 32-off=ok 32-remove=ok 32-gone=yes"
	perfOfBoth = "64-open=1 64-write=8 64-count=1 64-samples=64ab,. 64-closed=0 " +
		"32-open=1 32-write=8 32-count=1 32-samples=32ab,. 32-closed=0"
)

// execOfBoth is compat/exec-keeps-memory by the failures that are logged and
// what the write gives.
func execOfBoth(lines, write string) string {
	return "64-on=0x00005a00 64-off=0x00005a00 64-lines=" + lines + " 64-write=" + write +
		" 32-on=0x00005a00 32-off=0x00005a00 32-lines=" + lines + " 32-write=" + write
}

// ioctlsOfBoth is compat/ioctl-numbers by what UNREG of NULL gives to a 64-bit
// program.
func ioctlsOfBoth(unreg string) string {
	return "reg32=ENOTTY reg64=ok del32=ENOTTY del64=ENOENT unreg32=ENOTTY unreg64=" + unreg + " exists=yes " +
		"32-reg32=ENOTTY 32-reg64=ENOTTY 32-del32=ENOTTY 32-del64=ENOTTY 32-unreg32=ENOTTY 32-unreg64=ENOTTY 32-exists=no"
}

// statusFileOfBoth is compat/status-file by what the page shows.
func statusFileOfBoth(page string) string {
	return "64-listed=yes 64-used-by=ftrace 64-write=EINVAL 64-ioctl=ENOTTY 64-page=" + page +
		" 32-listed=yes 32-used-by=ftrace 32-write=EINVAL 32-ioctl=ENOTTY 32-page=" + page
}

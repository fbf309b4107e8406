// Compat is the area of 32-bit programs on a 64-bit kernel. The image has it
// twice: in the guest's own machine code and as a twin for 386, from the same
// source (initramfs.Build). A test does in one program what it does in the
// other, so that both show in its observation; the keys of the twin begin with
// "32-".
package main

import "uetest/selftests/kit"

func main() {
	kit.Main(kit.Tests{
		"compat/ioctl-numbers":  both(ioctlNumbers),
		"compat/data-file":      both(dataFile),
		"compat/dynamic-events": both(dynamicEvents),

		"compat/inherited-write": inheritedWrite,
		"compat/sent-descriptor": sentDescriptor,
		"compat/shared-word":     sharedWord,
		"compat/packed-struct":   packedStruct,
		"compat/perf":            perf,
		"compat/status-file":     statusFile,

		"compat/exec-keeps-memory": execKeepsMemory,
		"compat/low-address":       lowAddress,
	})
}

// both makes a test of a body that does the same in both programs, each with
// what it made itself.
func both(body func(*kit.T)) func(*kit.T) {
	return func(t *kit.T) {
		body(t)
		if t.Args() == nil {
			t.Run(kit.Part{Twin: true, Args: []string{"twin"}})
		}
	}
}

// each has both programs do the same part of a test.
func each(t *kit.T, p kit.Part) {
	p.Prefix = "64"
	t.Run(p)
	p.Prefix, p.Twin = "", true
	t.Run(p)
}

// Package wire is the one language that host and guest speak: JSON messages,
// one a line, over a virtio-serial port that is not the console.
//
// The guest speaks first with Hello and last with Bye. Between them it answers
// each Run with Start, any number of Saw, Log and Output, and exactly one End.
// Kernel log records are interleaved in the order in which the guest read them,
// so a splat stands between the Start and the End of the test that caused it.
//
// A guest that has said Hello may be saved: asked to Settle, it brings to an end
// what it still does behind Hello, says Settled, and is silent until it is
// spoken to. Each guest restored from that has to be told the time of day and
// given random bytes, with Wake, and answers with a Hello of its own.
//
// Of a guest that has done its tests the host may ask what has leaked, with
// Scan: a Leak each object, then Scanned.
//
// Silence is failure: a stream that ends without Bye, or a Run without End, is
// an error of the run and never a pass.
package wire

import (
	"time"

	"uetest/internal/feature"
)

// Version is the protocol version. Host and guest are built from the same
// tree; a mismatch means a stale image and is refused at Hello.
const Version = 2

// PortName is the name of the virtio-serial port; the guest finds the port by
// it under /sys/class/virtio-ports (Documentation/ABI/testing/sysfs-class-... "name").
const PortName = "org.uetest.results"

// MaxLine is the longest line that either side accepts, in bytes. Longer text
// is cut by the sender.
const MaxLine = 64 << 10

// EndLimit is how much later than a Run's Timeout and Hold the guest's End may come. The
// guest says where the test hangs, waits for its processes to die, and sends
// what the kernel logged; each of that has its own limit.
const EndLimit = 12 * time.Second

// WakeBytes is how many random bytes a Wake should have: as many as the kernel's
// generator takes for a seed (POOL_INIT_BITS, drivers/char/random.c).
const WakeBytes = 32

// Kind names a message.
type Kind string

// The messages. The direction is in the comment.
const (
	Hello  Kind = "hello"  // guest → host: handshake, what this kernel is
	Run    Kind = "run"    // host → guest: run one test
	Start  Kind = "start"  // guest → host: the test's process started
	Saw    Kind = "saw"    // guest → host: one observation, Key and Value
	Log    Kind = "log"    // guest → host: a line for people, from the test
	Output Kind = "output" // guest → host: what the test's process printed
	Kmsg   Kind = "kmsg"   // guest → host: one /dev/kmsg record
	End    Kind = "end"    // guest → host: the test is over, Status says how
	Stop   Kind = "stop"   // host → guest: say Bye and power off
	Shell  Kind = "shell"  // both ways, instead of the others: see Command
	Bye    Kind = "bye"    // guest → host: nothing follows

	Settle  Kind = "settle"  // host → guest: come to rest, to be saved
	Settled Kind = "settled" // guest → host: nothing follows before the host speaks
	Wake    Kind = "wake"    // host → guest: it was restored; answered with Hello

	Scan    Kind = "scan"    // host → guest: look for memory that has leaked
	Leak    Kind = "leak"    // guest → host: one object that has, as kmemleak shows it
	Scanned Kind = "scanned" // guest → host: that was all
)

// Status is how a test's process ended, as the guest saw it. It is not a
// verdict: that is made on the host from the observations.
type Status string

// The ways for a test to end.
const (
	Done    Status = "done"    // it ran to its end; the observations count
	Skipped Status = "skipped" // Text names what is missing
	Failed  Status = "failed"  // the test could not do its work; Text says why
	Crashed Status = "crashed" // the process died; Text has signal or exit code
	Timeout Status = "timeout" // the guest's watchdog ended it
)

// Message is one line of the stream. Fields that do not belong to the Kind
// are empty.
type Message struct {
	Kind Kind   `json:"kind"`
	ID   string `json:"id,omitempty"` // the test, where there is one

	// Hello.
	Version int   `json:"version,omitempty"`
	Guest   Guest `json:"guest,omitzero"`

	// Run.
	Program string        `json:"program,omitempty"` // selftest area: /selftests/NAME in the guest
	Timeout time.Duration `json:"timeout,omitempty"` // ns; the guest's watchdog
	Hold    time.Duration `json:"hold,omitempty"`    // ns; how long the test is left as it is after that, for the host to look

	// Start: ids of processes and threads from here on are those of this test,
	// until the next Start; 0 if the guest can't tell. The kernel gives them in
	// rising order, up to kernel.pid_max.
	PID int `json:"pid,omitempty"`

	// Saw.
	Key   string `json:"key,omitempty"`
	Value string `json:"value,omitempty"`

	// Log: what the line says, for a program that draws it.
	Sample *Sample `json:"sample,omitempty"`

	// Log, Output, Kmsg, Leak, End, Bye; Run: the program's standard input.
	Text string `json:"text,omitempty"`

	// Kmsg: syslog level 0-7, facility, sequence number, time since boot. Facility 0 is
	// the kernel: no program can write it (Documentation/ABI/testing/dev-kmsg).
	// Caller is who printed it, thread "T42" or CPU "C1" outside of any, if the
	// kernel says (CONFIG_PRINTK_CALLER).
	Level    int           `json:"level,omitempty"`
	Facility int           `json:"facility,omitempty"`
	Seq      uint64        `json:"seq,omitempty"`
	Caller   string        `json:"caller,omitempty"`
	At       time.Duration `json:"at,omitempty"` // ns since boot, on Hello too; on End: how long the test took

	// End.
	Status Status `json:"status,omitempty"`

	// Wake: the time of day, and bytes that no other guest gets, to reseed the
	// kernel's random number generator from; WakeBytes of them are enough.
	Now    time.Time `json:"now,omitzero"`
	Random []byte    `json:"random,omitempty"`

	// Shell.
	Shell *Session `json:"shell,omitempty"`
}

// Sample is a number that a test measured. It changes from run to run, so it is no
// observation and counts for nothing.
type Sample struct {
	Of   string  `json:"of"`   // what was measured: "processor time to enable an event"
	X    float64 `json:"x"`    // at how many
	Per  string  `json:"per"`  // of what: "places"
	Y    float64 `json:"y"`    // how much it was
	Unit string  `json:"unit"` // of what: "µs"
}

// Guest is what the agent found out about the running kernel by asking it.
type Guest struct {
	Release    string         `json:"release"`    // uname -r
	Machine    string         `json:"machine"`    // uname -m
	CPUs       int            `json:"cpus"`       //
	Generation string         `json:"generation"` // user_events generation: g0, g0+stable, g1, g2, g3, or "" if the kernel has no user_events
	Taint      uint64         `json:"taint"`      // /proc/sys/kernel/tainted at Hello
	Missing    []feature.Name `json:"missing"`    // features that this kernel lacks

	Kmemleak bool `json:"kmemleak,omitempty"` // it keeps track of what it allocates, and may be asked to Scan
}

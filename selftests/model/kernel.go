package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"uetest/internal/model"
	"uetest/selftests/kit"
)

// arena is where the pages of programs are: the same address in every process,
// away from where the loader, the heap and mmap(2) put anything. There is a
// page that is never mapped between two, so that mappings are not merged.
const arena = 0x60000000

// wordAt is where a page's words are.
const wordAt = 256

// flushSize is how much of a program's observations is reported at once; a
// line of the stream has to hold it.
const flushSize = 16 << 10

// kernel is the running kernel and the processes of the present program.
type kernel struct {
	t      *kit.T
	log    *kit.KernelLog
	root   *kit.Child // all others come from it: a fork of the area's own process costs ten times as much
	events [model.Events]*kit.Event
	told   [model.Events]*kit.Registration // g0: the bit in the status page
	where  map[string]int                  // event by name

	instance *kit.Instance
	memfd    int // what programs map; empty at the start of each
	bounce   int // a file through which words get into and out of a process
	sockets  [2]int

	// Of the present program.
	procs [model.Processes]*process
	index map[[2]int]uint32 // the write index of file and event
	perf  [model.Events]*kit.PerfEvent
	on    map[model.Op]bool // what has to be disabled
}

type process struct {
	*kit.Child
	fds    [model.Files]int
	memory *kit.Memory // nil: runs another image
}

// descriptions of the events, without their names.
var fields = [model.Events]string{" u32 count", " u32 count", ""}

func newKernel(t *kit.T) *kernel {
	k := &kernel{t: t, where: map[string]int{}}
	k.log = t.KernelLog()
	// Closing perf events and removing triggers wait for grace periods, some
	// ten milliseconds each; expedited they take one.
	// A kernel for one CPU has none to wait for, and lets nobody write the file.
	const expedited = "/sys/kernel/rcu_expedited"
	if err := os.WriteFile(expedited, []byte("1"), 0); !errors.Is(err, fs.ErrPermission) {
		t.Check(err)
		t.Cleanup(func() { t.Check(os.WriteFile(expedited, []byte("0"), 0)) })
	}
	for i := range k.events {
		k.events[i] = t.Event(strings.TrimSpace(fields[i]))
		k.where[k.events[i].Name] = i
		// So that nobody's last reference takes the event away.
		t.AppendFile("dynamic_events", "u:"+k.events[i].Desc)
		if t.StatusPage() {
			k.told[i] = t.Open().Register(k.events[i], kit.Bit{})
		}
	}
	k.instance = t.Instance()
	k.memfd, k.bounce = t.Memfd(1), t.Memfd(1)
	var err error
	k.sockets, err = unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	t.Check(err)
	k.root = t.Lineage(1 + model.Processes).Start()
	return k
}

// carryOut carries a task's program out, with a start and an end of its own.
func (k *kernel) carryOut(number int, task model.Task) {
	k.begin()
	defer k.end()
	var seen []string
	size := 0
	flush := func() {
		if len(seen) > 0 {
			k.t.Saw(fmt.Sprint(number), strings.Join(seen, ";"))
		}
		seen, size = nil, 0
	}
	defer flush()
	for i, o := range task.Program {
		got := k.do(o, task.Expect[i])
		text := got.String()
		if size += len(text); size > flushSize {
			flush()
		}
		seen = append(seen, text)
		if !got.Equal(task.Expect[i]) {
			return
		}
	}
}

// begin makes a program's first process.
func (k *kernel) begin() {
	k.t.Check(unix.Ftruncate(k.memfd, 0))
	k.t.Check(unix.Ftruncate(k.memfd, int64(os.Getpagesize())))
	k.procs = [model.Processes]*process{}
	k.index, k.on = map[[2]int]uint32{}, map[model.Op]bool{}
	c := k.root.Fork()
	k.procs[0] = &process{Child: c, memory: c.Memory()}
}

// end leaves nothing of a program. What the kernel logs meanwhile is nobody's.
func (k *kernel) end() {
	for i := range k.procs {
		k.gone(i)
	}
	for o := range k.on {
		o.Verb = model.Disable
		k.toggle(o)
	}
	k.log.Count("user_events: ")
}

// gone ends a process, if it is there.
func (k *kernel) gone(n int) {
	p := k.procs[n]
	if p == nil {
		return
	}
	p.Kill()
	if p.memory != nil {
		p.memory.Close()
	}
	k.procs[n] = nil
}

// do carries one operation out. Where the kernel does things later, it waits
// for what is expected.
func (k *kernel) do(o model.Op, expect model.Observation) model.Observation {
	result, err := kit.Value(k.operate(o))
	k.t.Check(err)
	seen := model.Observation{Result: result}
	k.t.Await(func() bool {
		seen.Lines += k.log.Count("user_events: ")
		seen.State = k.state()
		return seen.Result != expect.Result || seen.Equal(expect)
	})
	return seen
}

// state is what there is, in the order of the model.
func (k *kernel) state() []string {
	var s []string
	for n, p := range k.procs {
		if p == nil || p.memory == nil {
			continue
		}
		present := p.memory.Present(arena, 2*model.Pages)
		for page := range model.Pages {
			if !present[2*page] {
				continue
			}
			var words [model.Words]uint32
			for i := range words {
				words[i] = p.memory.Word(uint64(address(model.Place{Page: page, Word: i})))
			}
			s = append(s, model.PageState(n, page, words))
		}
	}
	for name, line := range k.t.Status().Events {
		if n, ok := k.where[name]; ok && line.UsedBy != "" {
			s = append(s, model.EventState(n, line.UsedBy))
		}
	}
	for n, r := range k.told {
		if r != nil && r.Enabled() == 1 {
			s = append(s, model.BitState(n))
		}
	}
	slices.Sort(s)
	return s
}

// address is where a place is in every process; 0 is null.
func address(p model.Place) uintptr {
	if p.Null {
		return 0
	}
	return arena + uintptr(2*p.Page*os.Getpagesize()+wordAt+wordStep()*p.Word)
}

// wordStep is how far apart the words of a page are: side by side on x86, where
// the kernel of g1 can write both. Elsewhere the second would be the end of it
// (catalog: unaligned-trap).
func wordStep() int {
	if runtime.GOARCH == "amd64" {
		return 4
	}
	return 8
}

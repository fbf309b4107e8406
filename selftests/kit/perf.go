package kit

import (
	"encoding/binary"
	"errors"
	"os"
	"strconv"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"

	"uetest/internal/feature"
)

// PerfEvent is a perf event that counts and samples a user event for the test's
// own thread.
type PerfEvent struct {
	t    *T
	fd   int
	ring *Mem // one page for the header, one for the samples
}

// PerfTarget is whom a perf event watches, see perf_event_open(2).
type PerfTarget struct {
	PID, CPU int  // 0 is the test's own thread, -1 is any
	Disabled bool // until Enable
}

// PerfOpen opens a perf event on ev, which has to be registered already.
// While it is open the user event is enabled.
func (t *T) PerfOpen(ev *Event) *PerfEvent { return t.PerfOpenOn(ev, PerfTarget{PID: 0, CPU: -1}) }

// perfAttr samples each occurrence of ev.
func (t *T) perfAttr(ev *Event) unix.PerfEventAttr {
	if _, err := os.Stat("/proc/sys/kernel/perf_event_paranoid"); err != nil {
		t.Skip(feature.Perf)
	}
	id, err := strconv.ParseUint(t.ReadFile(ev.Path("id")), 10, 64)
	t.Check(err)
	return unix.PerfEventAttr{
		Type:        unix.PERF_TYPE_TRACEPOINT,
		Size:        uint32(unsafe.Sizeof(unix.PerfEventAttr{})),
		Config:      id,
		Sample:      1, // each event
		Sample_type: unix.PERF_SAMPLE_RAW,
	}
}

// PerfAttr is what PerfOpen asks for, in memory that a child of a later fork
// shares, so that the test may change it.
func (t *T) PerfAttr(ev *Event) *unix.PerfEventAttr {
	attr := (*unix.PerfEventAttr)(t.SharedAnonymous(1).Pointer(0))
	*attr = t.perfAttr(ev)
	return attr
}

// PerfOpen opens a perf event on the child itself, in the child.
func (c *Child) PerfOpen(attr *unix.PerfEventAttr) (fd int, err error) {
	const self, anyCPU, noGroup = 0, ^uintptr(0), ^uintptr(0)
	return c.Syscall(unix.SYS_PERF_EVENT_OPEN, uintptr(unsafe.Pointer(attr)), self, anyCPU, noGroup, unix.PERF_FLAG_FD_CLOEXEC)
}

// PerfOpenOn is PerfOpen for another target than the test's own thread.
func (t *T) PerfOpenOn(ev *Event, on PerfTarget) *PerfEvent {
	attr := t.perfAttr(ev)
	if on.Disabled {
		attr.Bits = unix.PerfBitDisabled
	}
	fd, err := unix.PerfEventOpen(&attr, on.PID, on.CPU, -1, unix.PERF_FLAG_FD_CLOEXEC)
	if errors.Is(err, unix.ENOSYS) {
		t.Skip(feature.Perf)
	}
	if err != nil {
		t.Fatalf("perf_event_open of %s, id %d: %v", ev.Name, attr.Config, err)
	}
	p := &PerfEvent{t: t, fd: fd}
	t.later(undoUsers, p.close)
	return p
}

func (p *PerfEvent) close() error {
	if p.fd < 0 {
		return nil
	}
	fd := p.fd
	p.fd = -1
	if p.ring != nil {
		// The mapping holds the event as well.
		if err := p.ring.unmap(); err != nil {
			return err
		}
	}
	return unix.Close(fd)
}

// Close closes the perf event.
func (p *PerfEvent) Close() { p.t.Check(p.close()) }

// Enable starts to count, PERF_EVENT_IOC_ENABLE.
func (p *PerfEvent) Enable() { p.ioctl(unix.PERF_EVENT_IOC_ENABLE) }

// Disable stops to count, PERF_EVENT_IOC_DISABLE.
func (p *PerfEvent) Disable() { p.ioctl(unix.PERF_EVENT_IOC_DISABLE) }

func (p *PerfEvent) ioctl(cmd uint) {
	if err := unix.IoctlSetInt(p.fd, cmd, 0); err != nil {
		p.t.Fatalf("perf ioctl %#x: %v", cmd, err)
	}
}

// FD is the descriptor.
func (p *PerfEvent) FD() int { return p.fd }

// Sample makes room for samples; it has to be called before they are made.
func (p *PerfEvent) Sample() {
	p.ring = p.t.Map(p.fd, 2, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
}

// Count returns how often the event occurred.
func (p *PerfEvent) Count() int {
	var b [8]byte
	if n, err := unix.Read(p.fd, b[:]); err != nil || n != len(b) {
		p.t.Fatalf("read a perf count: %d, %v", n, err)
	}
	return int(binary.NativeEndian.Uint64(b[:]))
}

// Records returns the samples made so far: what was written after the index,
// padded by perf to 4 modulo 8 bytes. The page holds some dozens.
func (p *PerfEvent) Records() [][]byte {
	header := (*unix.PerfEventMmapPage)(p.ring.Pointer(0))
	head := atomic.LoadUint64(&header.Data_head)
	data := p.ring.b[header.Data_offset:][:header.Data_size]
	if head > header.Data_size {
		p.t.Fatalf("perf ring of %d bytes has gone round: %d", header.Data_size, head)
	}
	records, err := perfSamples(data[:head])
	p.t.Check(err)
	return records
}

// perfSamples returns the raw data of PERF_RECORD_SAMPLE records that hold
// nothing else (perf_event_open(2)): header u32 type, u16 misc, u16 size; then
// u32 size and the trace entry.
func perfSamples(data []byte) ([][]byte, error) {
	const header = 8
	var records [][]byte
	ne := binary.NativeEndian
	for len(data) > 0 {
		if len(data) < header {
			return nil, errors.New("perf record without a whole header")
		}
		size := int(ne.Uint16(data[6:]))
		if size < header || size > len(data) {
			return nil, errors.New("perf record larger than what is there")
		}
		if ne.Uint32(data) == unix.PERF_RECORD_SAMPLE {
			body := data[header:size]
			if len(body) < 4 || int(ne.Uint32(body)) > len(body)-4 || ne.Uint32(body) < commonSize {
				return nil, errors.New("perf sample without its raw data")
			}
			records = append(records, append([]byte(nil), body[4+commonSize:4+ne.Uint32(body)]...))
		}
		data = data[size:]
	}
	return records, nil
}

package agent

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"uetest/internal/feature"
	"uetest/internal/uapi"
	"uetest/internal/wire"
)

const (
	// Programs is the directory of the test programs in the guest.
	Programs = "/selftests"

	// portLimit is how long the results port may take to appear: the ports of a
	// virtio-serial device are announced by messages after its probe.
	portLimit = 2 * time.Second
	// probeLimit is how long the kernel may take to say its generation. The
	// probe calls into the code under test, which may hang.
	probeLimit = 2 * time.Second
	// byeTime is how long the guest stays up behind Bye. A write to a virtio
	// port returns before the host has taken the data (__send_to_port,
	// drivers/char/virtio_console.c); a reset would drop it.
	byeTime = 30 * time.Millisecond
)

// Init is the main program of PID 1. It does not return: at its end it resets
// the machine, which ends a QEMU that runs with -no-reboot. becomes tells which
// programs the guest program is besides.
func Init(becomes func(program string) bool) {
	if os.Getpid() != 1 {
		fmt.Fprintln(os.Stderr, "this is the init of a uetest guest; it runs as PID 1 and nowhere else")
		os.Exit(2)
	}
	shield()
	go func() {
		why := boot(becomes)
		fmt.Fprintln(os.Stderr, "uetest:", why)
		time.Sleep(byeTime)
		// Reset and not power off: without ACPI microvm has no power switch, and
		// every machine can reset.
		err := unix.Reboot(unix.LINUX_REBOOT_CMD_RESTART)
		fmt.Fprintln(os.Stderr, "uetest: reboot:", err)
	}()
	select {}
}

// boot sets the guest up and serves whoever it is for. It returns why that
// ended.
func boot(becomes func(program string) bool) string {
	notes := setUp()
	cmdline, _ := os.ReadFile("/proc/cmdline")
	if hasOption(string(cmdline), wire.ShellOption) {
		return shell(notes)
	}
	path, err := findPort("/sys/class/virtio-ports", wire.PortName, portLimit)
	if err != nil {
		return shell(append(notes, err.Error()))
	}
	port, err := openPort(path)
	if err != nil {
		return shell(append(notes, err.Error()))
	}
	guest, more := inspect()
	notes = append(notes, more...)
	if hasOption(string(cmdline), wire.ShellForHost) {
		if err := remoteShell(port, guest, notes); err != nil {
			return "shell for the host: " + err.Error()
		}
		return "stopped by the host"
	}
	kmsg, err := os.OpenFile("/dev/kmsg", os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		kmsg, notes = nil, append(notes, "no kernel log: "+err.Error())
	}
	// Not before Hello: nobody has to wait for it.
	settled := make(chan struct{})
	go func() {
		defer close(settled)
		reserveThreads()
		if err := prefer(); err != nil {
			fmt.Fprintln(os.Stderr, "uetest: scheduling:", err)
		}
	}()
	err = Serve(Config{Port: port, Kmsg: kmsg, Programs: Programs, Guest: guest, Notes: notes, Pinned: leftPinned,
		Scratch: []string{"/tmp", "/dev/shm"}, Settled: settled, Wake: wake,
		Prepare: func() { growTrace(tracefs + "/buffer_size_kb") },
		Zygote:  Programs + "/" + Zygote,
		Becomes: becomes})
	if err != nil {
		return "results port: " + err.Error()
	}
	return "stopped by the host"
}

func hasOption(cmdline, option string) bool {
	for _, word := range strings.Fields(cmdline) {
		if word == option {
			return true
		}
	}
	return false
}

// inspect asks the kernel what it is.
func inspect() (g wire.Guest, notes []string) {
	var u unix.Utsname
	if err := unix.Uname(&u); err == nil {
		g.Release = unix.ByteSliceToString(u.Release[:])
		g.Machine = unix.ByteSliceToString(u.Machine[:])
	}
	g.CPUs = runtime.NumCPU()
	g.Taint = taint()
	generation, err := probe(probeLimit)
	if err != nil {
		notes = append(notes, "generation: "+err.Error())
	}
	g.Generation = string(generation)
	g.Missing = feature.Missing()
	g.Kmemleak = tracksLeaks()
	return g, notes
}

// probe asks for the generation on a thread of its own: if the kernel faults it
// ends that thread, and PID 1 lives on.
func probe(limit time.Duration) (uapi.Generation, error) {
	type answer struct {
		g   uapi.Generation
		err error
	}
	c := make(chan answer, 1)
	go func() {
		runtime.LockOSThread()
		g, err := uapi.Probe(tracefs)
		c <- answer{g, err}
	}()
	select {
	case a := <-c:
		return a.g, a.err
	case <-time.After(limit):
		return uapi.None, fmt.Errorf("the kernel did not answer within %v", limit)
	}
}

// findPort returns the device of the virtio port with the given name. class is
// /sys/class/virtio-ports, where each port has a file "name".
func findPort(class, name string, limit time.Duration) (string, error) {
	var seen []string
	for end := time.Now().Add(limit); ; time.Sleep(200 * time.Microsecond) {
		seen = nil
		entries, err := os.ReadDir(class)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return "", err
		}
		for _, e := range entries {
			b, err := os.ReadFile(class + "/" + e.Name() + "/name")
			if err != nil {
				continue // the port is there before its name
			}
			if strings.TrimSpace(string(b)) == name {
				return "/dev/" + e.Name(), nil
			}
			seen = append(seen, e.Name()+"="+strings.TrimSpace(string(b)))
		}
		if time.Now().After(end) {
			return "", fmt.Errorf("no virtio port named %s within %v; there are: %s", name, limit, strings.Join(seen, ", "))
		}
	}
}

// A port is an open virtio port.
type port struct{ f *os.File }

func openPort(path string) (*port, error) {
	end := time.Now().Add(portLimit)
	for {
		f, err := os.OpenFile(path, os.O_RDWR|unix.O_NONBLOCK, 0)
		if err == nil {
			return &port{f}, nil
		}
		// devtmpfs makes the node in a thread of its own.
		if !errors.Is(err, os.ErrNotExist) || time.Now().After(end) {
			return nil, err
		}
		time.Sleep(200 * time.Microsecond)
	}
}

func (p *port) Write(b []byte) (int, error) { return p.f.Write(b) }

// Read waits for the host, for as long as it takes. Reading the port gives an
// end of file while nobody is connected at the other side (port_fops_read,
// drivers/char/virtio_console.c); the next one may come at any time.
func (p *port) Read(b []byte) (int, error) {
	for {
		n, err := p.f.Read(b)
		if n > 0 || err != nil && err != io.EOF {
			return n, err
		}
		time.Sleep(10 * time.Millisecond)
	}
}

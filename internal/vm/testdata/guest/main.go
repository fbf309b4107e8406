// Command guest is the init of the guests that the tests of package vm boot: it
// opens the virtio port "test", says "hello", and does what it is told there,
// a word a line.
package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

func main() {
	if os.Getpid() != 1 { // the child of "work"
		fmt.Printf("%s child", strings.Join(os.Args[1:], " "))
		return
	}
	for _, m := range [][2]string{{"proc", "/proc"}, {"sysfs", "/sys"}, {"devtmpfs", "/dev"}} {
		if err := unix.Mount(m[0], m[1], m[0], 0, ""); err != nil {
			fmt.Println("guest: mount", m[1], err)
		}
	}
	if err := serve(); err != nil {
		fmt.Println("guest:", err)
	}
	reset()
}

func reset() {
	fmt.Println("guest: reboot:", unix.Reboot(unix.LINUX_REBOOT_CMD_RESTART))
}

func serve() error {
	port, err := open("test")
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(port, "hello"); err != nil {
		return err
	}
	lines := bufio.NewScanner(port)
	var memory []byte
	for lines.Scan() {
		word, rest, _ := strings.Cut(lines.Text(), " ")
		switch word {
		case "echo":
			fmt.Fprintln(port, rest)
		case "cat":
			b, err := os.ReadFile(rest)
			fmt.Fprintf(port, "%q %v\n", b, err)
		case "flood": // 1,000 lines of 200 bytes
			line := strings.Repeat("x", 199) + "\n"
			for range 1000 {
				fmt.Fprint(port, line)
			}
		case "clocks": // since the epoch, since the boot without and with time asleep
			fmt.Fprintln(port, clock(unix.CLOCK_REALTIME), clock(unix.CLOCK_MONOTONIC), clock(unix.CLOCK_BOOTTIME))
		case "nap": // as a goroutine, then as a system call
			d, _ := time.ParseDuration(rest)
			begin := clock(unix.CLOCK_MONOTONIC)
			time.Sleep(d)
			middle := clock(unix.CLOCK_MONOTONIC)
			ts := unix.NsecToTimespec(int64(d))
			err := unix.Nanosleep(&ts, &ts)
			for err == unix.EINTR { // Go's runtime has its own use for signals
				err = unix.Nanosleep(&ts, &ts)
			}
			fmt.Fprintln(port, middle-begin, clock(unix.CLOCK_MONOTONIC)-middle, err)
		case "timer": // fires later
			d, _ := time.ParseDuration(rest)
			begin := clock(unix.CLOCK_MONOTONIC)
			time.AfterFunc(d, func() { fmt.Fprintln(port, "fired", clock(unix.CLOCK_MONOTONIC)-begin) })
			fmt.Fprintln(port, "armed")
		case "fill": // memory of some MB and a file with a byte
			var b byte
			var size int
			if _, err := fmt.Sscanf(rest, "%c %d", &b, &size); err != nil {
				fmt.Fprintln(port, err)
				continue
			}
			memory = bytes.Repeat([]byte{b}, size<<20)
			fmt.Fprintln(port, os.WriteFile("/file", memory[:1<<20], 0o600))
		case "sum": // of both
			file, err := os.ReadFile("/file")
			fmt.Fprintf(port, "%d %x %x %v\n", len(memory), sha256.Sum256(memory), sha256.Sum256(file), err)
		case "work": // fork, exec, a pipe, a file, a hash
			out, err := exec.Command("/proc/self/exe", strings.Fields(rest)...).Output()
			fmt.Fprintf(port, "%s %v\n", out, err)
		case "print":
			fmt.Println(rest)
		case "type": // a line from the console
			line, err := bufio.NewReader(os.Stdin).ReadString('\n')
			fmt.Fprintf(port, "%q %v\n", line, err)
		case "sleep": // so long by the guest's clock
			d, err := time.ParseDuration(rest)
			begin := time.Now()
			time.Sleep(d)
			fmt.Fprintf(port, "slept %f %v\n", time.Since(begin).Seconds(), err)
		case "spin": // and go on
			fmt.Fprintln(port, "spinning")
			go func() {
				for n := 0; ; n++ {
					_ = n
				}
			}()
		case "panic": // sysrq
			_ = os.WriteFile("/proc/sysrq-trigger", []byte("c"), 0)
		case "exit": // panics too: init may not end
			os.Exit(3)
		case "hang":
			for {
				time.Sleep(time.Hour)
			}
		case "reset":
			time.Sleep(20 * time.Millisecond) // the port's data has left
			reset()
		case "poweroff":
			fmt.Println("guest: poweroff:", unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF))
		}
	}
	return lines.Err()
}

// clock is a clock's time in ns.
func clock(id int32) int64 {
	var ts unix.Timespec
	_ = unix.ClockGettime(id, &ts)
	return ts.Nano()
}

// open opens the port of that name, which appears some time after the device.
func open(name string) (*os.File, error) {
	for end := time.Now().Add(3 * time.Second); time.Now().Before(end); time.Sleep(200 * time.Microsecond) {
		entries, _ := os.ReadDir("/sys/class/virtio-ports")
		for _, e := range entries {
			b, _ := os.ReadFile("/sys/class/virtio-ports/" + e.Name() + "/name")
			if strings.TrimSpace(string(b)) == name {
				return os.OpenFile("/dev/"+e.Name(), os.O_RDWR, 0)
			}
		}
	}
	return nil, fmt.Errorf("no virtio port %q", name)
}

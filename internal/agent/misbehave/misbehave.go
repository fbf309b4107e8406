// Package misbehave is a test program for the agent: it does all that a test
// program may do and much that it must not. The agent's unit tests run it on
// the machine they run on, the tests of the guest image run it in a guest.
//
// The behaviour is the part of the test's id behind the slash.
package misbehave

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"uetest/internal/wire"
)

// Main runs the program with the arguments of os.Args, as the agent starts it.
func Main() {
	if len(os.Args) != 3 || os.Args[1] != "-run" {
		fmt.Fprintf(os.Stderr, "arguments %q, want -run ID\n", os.Args[1:])
		os.Exit(64)
	}
	name := path.Base(os.Args[2])
	all := behaviours()
	maps.Copy(all, deaths())
	f, ok := all[name]
	if !ok {
		fmt.Fprintf(os.Stderr, "no behaviour %q; there are %q\n", name, slices.Sorted(maps.Keys(all)))
		os.Exit(64)
	}
	f()
}

var report = wire.NewEncoder(os.NewFile(3, "report"))

func say(m wire.Message) {
	if err := report.Encode(m); err != nil {
		fmt.Fprintln(os.Stderr, "report:", err)
		os.Exit(65)
	}
}

func saw(key, value string)         { say(wire.Message{Kind: wire.Saw, Key: key, Value: value}) }
func end(s wire.Status, why string) { say(wire.Message{Kind: wire.End, Status: s, Text: why}) }
func raw(s string)                  { _, _ = os.NewFile(3, "report").WriteString(s) }
func done()                         { end(wire.Done, "") }

func behaviours() map[string]func() {
	return map[string]func(){
		// As it should be.
		"done":    func() { saw("word", "1"); say(wire.Message{Kind: wire.Log, Text: "a line"}); saw("other", "0"); done() },
		"skipped": func() { end(wire.Skipped, "needs hugetlb") },
		"failed":  func() { end(wire.Failed, "open: no such file") },
		"prints":  func() { fmt.Println("to stdout"); fmt.Fprint(os.Stderr, "to stderr, no newline"); done() },
		"context": context,
		"input": func() {
			text, err := io.ReadAll(os.Stdin)
			saw("input", fmt.Sprintf("%d,%x,%v", len(text), sha256.Sum256(text), err))
			done()
		},
		"guest": guest,
		"clone": clone,

		// Ends that are none.
		"silent":      func() {},
		"exits":       func() { done(); os.Exit(3) },
		"panics":      func() { panic("on purpose") },
		"segfaults":   func() { die(syscall.SIGSEGV) },
		"killed":      func() { done(); die(syscall.SIGKILL) },
		"loops":       func() { fmt.Println("looping"); spin() },
		"sleeps":      func() { done(); time.Sleep(time.Hour) },
		"ignores":     ignore,
		"garbage":     func() { raw("hello\n"); done() },
		"half a line": func() { raw(`{"kind":"end","status":"done"}`) },
		"two ends":    func() { done(); end(wire.Failed, "again") },
		"bad status":  func() { end("fine", "") },
		"bad kind":    func() { say(wire.Message{Kind: wire.Hello}); done() },
		"long line":   func() { raw(strings.Repeat("x", 1<<20) + "\n"); done() },

		// Floods.
		"floods output": floodOutput,
		"floods report": func() {
			for i := range 20000 {
				saw("i", fmt.Sprint(i))
			}
			done()
		},
		"floods kmsg": floodKmsg,

		// Descendants.
		"leaves a child":       func() { spawn("lingers"); done() },
		"leaves a deep child":  func() { spawn("spawns"); time.Sleep(200 * time.Millisecond); done() },
		"spawns":               func() { spawn("lingers") },
		"lingers":              func() { time.Sleep(time.Hour) },
		"hydra":                func() { spawn("head"); done() },
		"head":                 func() { spawn("head") },
		"bomb":                 func() { bomb() },
		"bombs and ends":       func() { go bomb(); time.Sleep(200 * time.Millisecond); done() },
		"child keeps the pipe": func() { spawn("lingers", 3); done() },

		// Aimed at the agent.
		"signals init": signalInit,

		// Memory.
		"hogs memory": hog,

		// The kernel log.
		"dumps":  func() { sysrq('w'); done() },
		"splats": func() { kmsg("<2>uetest: BUG: made up"); done() },
	}
}

// hog takes memory until somebody ends it. It must not run on a machine that
// matters.
func hog() {
	var all [][]byte
	for {
		b := make([]byte, 1<<20)
		for i := 0; i < len(b); i += 4096 {
			b[i] = 1
		}
		all = append(all, b)
		if len(all) == 1<<20 {
			end(wire.Failed, "a terabyte is not enough")
			return
		}
	}
}

// context shows what the agent gives a program.
func context() {
	saw("args", strings.ReplaceAll(strings.Join(os.Args, ","), " ", "_"))
	saw("timeout", os.Getenv("UETEST_TIMEOUT"))
	pid := os.Getpid()
	sid, _, _ := syscall.Syscall(syscall.SYS_GETSID, 0, 0, 0)
	saw("leads_session", fmt.Sprint(int(sid) == pid))
	saw("leads_group", fmt.Sprint(syscall.Getpgrp() == pid))
	stdin, err := os.Readlink("/proc/self/fd/0")
	saw("stdin", fmt.Sprint(stdin, err))
	var fds []string
	for fd := range 32 {
		// Only what the agent could have left open by mistake: the Go runtime
		// opens files of its own.
		target, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd))
		kind, _, _ := strings.Cut(target, ":")
		if err == nil && (kind == "pipe" || kind == "socket") {
			fds = append(fds, fmt.Sprintf("%d=%s", fd, kind))
		}
	}
	saw("pipes", strings.Join(fds, ","))
	done()
}

func addr(sa *[32]uint64) uintptr { return uintptr(unsafe.Pointer(sa)) }

// guest shows what the agent has made of the guest.
func guest() {
	mounts, _ := os.ReadFile("/proc/mounts")
	for _, line := range strings.Split(strings.TrimSpace(string(mounts)), "\n") {
		f := strings.Fields(line)
		saw("mount", f[1]+":"+f[2])
	}
	hostname, _ := os.Hostname()
	saw("hostname", hostname)
	if info, err := os.Stat("/tmp"); err == nil {
		saw("tmp", fmt.Sprintf("%o", info.Mode().Perm()|os.FileMode(info.Sys().(*syscall.Stat_t).Mode&0o7000)))
	}
	var nofile syscall.Rlimit
	err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &nofile)
	saw("nofile", fmt.Sprint(nofile.Cur, err))
	lo, _ := os.ReadFile("/sys/class/net/lo/operstate")
	flags, _ := os.ReadFile("/sys/class/net/lo/flags")
	saw("lo", strings.TrimSpace(string(lo))+strings.TrimSpace(string(flags)))
	for _, name := range []string{"kernel/printk_devkmsg", "kernel/kptr_restrict", "vm/oom_dump_tasks"} {
		value, _ := os.ReadFile("/proc/sys/" + name)
		saw(name, strings.TrimSpace(string(value)))
	}
	for _, name := range []string{"PATH", "HOME", "TMPDIR"} {
		saw(name, os.Getenv(name))
	}
	self, err := os.Executable()
	saw("self", fmt.Sprint(self, err))
	status, _ := os.ReadFile("/proc/self/status")
	for _, line := range strings.Split(string(status), "\n") {
		if name, value, _ := strings.Cut(line, ":"); name == "SigBlk" || name == "SigIgn" {
			saw(name, strings.TrimSpace(value))
		}
	}
	nice, _, _ := syscall.Syscall(syscall.SYS_GETPRIORITY, 0, 0, 0)
	saw("nice", fmt.Sprint(20-int(nice))) // the system call gives 1 to 40
	done()
}

// clone shows what two guests from one snapshot must not share, and that the
// time passes.
func clone() {
	random := make([]byte, 16)
	_, err := rand.Read(random)
	saw("random", fmt.Sprintf("%x,%v", random, err))
	uuid, err := os.ReadFile("/proc/sys/kernel/random/uuid")
	saw("uuid", fmt.Sprintf("%s,%v", strings.TrimSpace(string(uuid)), err))
	maps, _ := os.ReadFile("/proc/self/maps")
	for _, line := range strings.Split(string(maps), "\n") {
		if strings.HasSuffix(line, "[stack]") {
			saw("stack", line[:strings.IndexByte(line, '-')])
		}
	}
	saw("now", fmt.Sprint(time.Now().UnixNano()))
	begin := time.Now()
	time.Sleep(100 * time.Millisecond)
	saw("slept", fmt.Sprint(int64(time.Since(begin))))
	done()
}

// signalInit sends PID 1 every signal but the three that the Go runtime turns
// into panics, many times: some of them come while it is busy with another one.
func signalInit() {
	for range 400 {
		for sig := syscall.Signal(1); sig <= 64; sig++ {
			if sig != syscall.SIGSEGV && sig != syscall.SIGBUS && sig != syscall.SIGFPE {
				_ = syscall.Kill(1, sig)
			}
		}
	}
	done()
}

func sysrq(command byte) {
	if err := os.WriteFile("/proc/sysrq-trigger", []byte{command}, 0); err != nil {
		end(wire.Skipped, err.Error())
		os.Exit(0)
	}
}

func die(sig syscall.Signal) {
	// Past the runtime, which would turn SIGSEGV into a panic with a status.
	var sa [32]uint64 // struct sigaction of zeros: SIG_DFL
	_, _, _ = syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(sig), addr(&sa), 0, 8, 0, 0)
	_ = syscall.Kill(os.Getpid(), sig)
	time.Sleep(time.Minute)
}

func spin() {
	for n := 0; ; n++ { // past the end of a test, whenever that is
		_ = n
	}
}

func ignore() {
	for sig := syscall.SIGHUP; sig < 32; sig++ {
		sa := [32]uint64{1} // SIG_IGN
		_, _, _ = syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(sig), addr(&sa), 0, 8, 0, 0)
	}
	spin()
}

func floodOutput() {
	line := []byte(strings.Repeat("flood ", 20) + "\n")
	chunk := bytes.Repeat(line, 100)
	fmt.Println("the first line")
	for range 800 { // 9.7 MB
		_, _ = os.Stdout.Write(chunk)
	}
	fmt.Println("the last line")
	done()
}

func floodKmsg() {
	for i := range 20000 {
		kmsg(fmt.Sprintf("<6>uetest: line %d", i))
	}
	done()
}

func kmsg(line string) {
	f, err := os.OpenFile("/dev/kmsg", os.O_WRONLY, 0)
	if err == nil {
		_, err = f.WriteString(line + "\n")
		_ = f.Close()
	}
	if err != nil {
		end(wire.Skipped, err.Error())
		os.Exit(0)
	}
}

// spawn starts the program again, in a session of its own, and does not wait
// for it. It inherits the descriptors named.
func spawn(behaviour string, fds ...uintptr) int {
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	files := append([]uintptr{0, 0, 0}, fds...)
	pid, err := syscall.ForkExec(self, []string{os.Args[0], "-run", "misbehave/" + behaviour}, &syscall.ProcAttr{
		Env:   os.Environ(),
		Files: files,
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, "spawn:", err)
	}
	return pid
}

// bomb makes processes that make processes, until it is killed.
func bomb() {
	for {
		if spawn("bomb") == 0 {
			time.Sleep(10 * time.Millisecond)
		}
	}
}

// Command make provokes reports of the kernel, one a boot, and keeps what the
// console shows:
//
//	CGO_ENABLED=0 go build -o make . && ./make DIR NAME=VMLINUX... [FORM...]
//
// forms.txt says what is done on which kernel; DIR gets FORM.log. The program is
// its own PID 1 in the guest, where /do holds the steps.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/u-root/u-root/pkg/cpio"
)

func main() {
	if os.Getpid() == 1 {
		guest()
		return
	}
	if len(os.Args) > 1 && os.Args[1] == "step" {
		step(os.Args[2:])
		return
	}
	if len(os.Args) == 3 && os.Args[1] == "trim" {
		if err := trim(os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if err := host(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// host runs the forms of forms.txt: lines of name, kernel, seconds, further
// kernel parameters; then, indented, the steps.
func host(dir string, args []string) error {
	kernels, only := map[string]string{}, []string{}
	for _, a := range args {
		if name, path, ok := strings.Cut(a, "="); ok {
			kernels[name] = path
		} else {
			only = append(only, a)
		}
	}
	forms, err := os.ReadFile("forms.txt")
	if err != nil {
		return err
	}
	for _, form := range strings.Split(string(forms), "\n\n") {
		head, steps, _ := strings.Cut(strings.TrimSpace(form), "\n")
		f := strings.Fields(head)
		if len(f) < 3 || f[0][0] == '#' || kernels[f[1]] == "" || len(only) > 0 && !slices.Contains(only, f[0]) {
			continue
		}
		limit, err := time.ParseDuration(f[2])
		if err == nil {
			err = boot(filepath.Join(dir, f[0]+".log"), kernels[f[1]], limit, strings.Join(f[3:], " "), steps)
		}
		if err == nil {
			err = trim(filepath.Join(dir, f[0]+".log"))
		}
		fmt.Println(f[0], err)
	}
	return nil
}

func boot(log, kernel string, limit time.Duration, params, steps string) error {
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		return err
	}
	var image bytes.Buffer
	w := cpio.Newc.Writer(&image)
	for _, r := range []cpio.Record{
		cpio.Directory("dev", 0o755), cpio.Directory("proc", 0o755), cpio.Directory("sys", 0o755),
		cpio.CharDev("dev/console", 0o600, 5, 1),
		cpio.StaticFile("init", string(self), 0o755), cpio.StaticFile("do", steps, 0o644),
	} {
		if err := w.WriteRecord(r); err != nil {
			return err
		}
	}
	if err := cpio.WriteTrailer(w); err != nil {
		return err
	}
	initrd := log + ".cpio"
	if err := os.WriteFile(initrd, image.Bytes(), 0o644); err != nil {
		return err
	}
	defer os.Remove(initrd)
	_ = os.Remove(log)
	cmd := exec.Command("qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none", "-nic", "none",
		"-machine", "microvm", "-accel", "tcg", "-cpu", "max,la57=off", "-smp", "2", "-m", "256",
		"-kernel", kernel, "-initrd", initrd, "-serial", "file:"+log,
		"-append", "console=ttyS0 reboot=t tsc=reliable tsc_early_khz=2000000 nokaslr "+params)
	if !slices.Contains(strings.Fields(params), "panic=1") {
		cmd.Args = append(cmd.Args, "-no-reboot")
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return err
	}
	timer := time.AfterFunc(limit, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	var exit *exec.ExitError
	if err := cmd.Wait(); err != nil && !errors.As(err, &exit) {
		return err
	}
	return nil
}

// trim leaves of each boot the banner and what follows the start of init, or
// the last lines if there was none.
func trim(log string) error {
	const banner, start, last = "Linux version ", "Run /init as init process", 60
	text, err := os.ReadFile(log)
	if err != nil {
		return err
	}
	var boots [][]string
	for line := range strings.Lines(strings.ReplaceAll(string(text), "\r\n", "\n")) {
		if strings.Contains(line, banner) || len(boots) == 0 {
			boots = append(boots, nil)
		}
		boots[len(boots)-1] = append(boots[len(boots)-1], line)
	}
	var kept strings.Builder
	for _, lines := range boots {
		from := slices.IndexFunc(lines, func(l string) bool { return strings.Contains(l, start) })
		if from < 0 {
			from = max(0, len(lines)-last)
		}
		if from > 0 && strings.Contains(lines[0], banner) {
			kept.WriteString(lines[0])
		}
		kept.WriteString(strings.Join(lines[from:], ""))
	}
	return os.WriteFile(log, []byte(kept.String()), 0o644)
}

// guest does the steps and powers off. Each is done by a process of its own,
// which the kernel may end.
func guest() {
	for target, kind := range map[string]string{"/dev": "devtmpfs", "/proc": "proc", "/sys": "sysfs"} {
		_ = syscall.Mount(kind, target, kind, 0, "")
	}
	_ = syscall.Mount("debugfs", "/sys/kernel/debug", "debugfs", 0, "")
	text, _ := os.ReadFile("/do")
	for line := range strings.Lines(string(text)) {
		var both sync.WaitGroup
		for _, one := range strings.Split(strings.TrimSpace(line), " & ") {
			cmd := exec.Command("/proc/self/exe", append([]string{"step"}, strings.Fields(one)...)...)
			cmd.Stdout, cmd.Stderr = os.Stdout, os.Stdout
			both.Go(func() {
				if err := cmd.Run(); err != nil {
					fmt.Printf("init: %s: %v\n", one, err)
				}
			})
		}
		both.Wait()
	}
	time.Sleep(300 * time.Millisecond)
	_ = syscall.Reboot(syscall.LINUX_REBOOT_CMD_RESTART)
}

func step(f []string) {
	switch f[0] {
	case "write": // PATH TEXT...
		if err := os.WriteFile(f[1], []byte(strings.Join(f[2:], " ")), 0o644); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	case "cat":
		b, err := os.ReadFile(f[1])
		fmt.Printf("%s%v\n", b, err)
	case "sleep":
		d, _ := time.ParseDuration(f[1])
		time.Sleep(d)
	case "eat": // memory without end
		for {
			b := make([]byte, 1<<20)
			for i := 0; i < len(b); i += 4096 {
				b[i] = 1
			}
			eaten = append(eaten, b)
		}
	}
}

var eaten [][]byte

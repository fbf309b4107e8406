package vm

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"uetest/internal/paired"
)

// Each benchmark takes turns with QEMU alone, on the same kernel with the same
// arguments.

// What Start and the channel cost beside QEMU itself: from the start to the
// guest's first message.
func BenchmarkBoot(b *testing.B) {
	cfg := linux(b)
	cfg.Console = filepath.Join(b.TempDir(), "console")
	complete, err := cfg.complete()
	if err != nil {
		b.Fatal(err)
	}
	// Without -S: nobody speaks to its monitor.
	args := slices.DeleteFunc(complete.Args(), func(a string) bool { return a == "-S" })
	var times paired.Times
	for b.Loop() {
		times.Add(func() {
			if err := boot(b, cfg).Close(); err != nil {
				b.Fatal(err)
			}
		}, func() { bare(b, exec.Command(complete.QEMU, args...), nil, "", "", "hello\n") })
	}
	times.Report(b, "vm", "bare")
}

// What Restore costs beside QEMU itself: from the start to the guest's answer to
// what it is told, and to its end. The bare QEMU finds all that the monitor has
// to say in its socket when it starts, and the guest the question.
func BenchmarkRestore(b *testing.B) {
	for _, m := range []Machine{Microvm, Q35} {
		b.Run(m.Type, func(b *testing.B) {
			cfg := linux(b)
			cfg.Machine = m
			cfg, dir := saved(b, cfg)
			cfg.Console = filepath.Join(b.TempDir(), "console")
			same := cfg
			same.restored = true
			same, err := same.complete()
			if err != nil {
				b.Fatal(err)
			}
			const monitor = `{"execute":"qmp_capabilities"}
{"execute":"migrate-set-capabilities","arguments":{"capabilities":[{"capability":"x-ignore-shared","state":true}]}}
{"execute":"migrate-incoming","arguments":{"uri":"fd:7"}}
`
			var times paired.Times
			for b.Loop() {
				times.Add(func() {
					v, err := Restore(b.Context(), cfg, dir)
					if err != nil {
						b.Fatal(err)
					}
					g := guest{VM: v, lines: bufio.NewReader(v.Channel())}
					if got := g.ask(b, "echo x"); got != "x" {
						b.Errorf("guest said %q", got)
					}
					if err := v.Close(); err != nil {
						b.Fatal(err)
					}
				}, func() {
					bare(b, exec.Command(same.QEMU, same.Args()...), bareFiles(b, dir), monitor, "echo x\n", "x\n")
				})
			}
			times.Report(b, "vm", "bare")
		})
	}
}

// bareFiles are the descriptors of a restored guest behind the channel.
func bareFiles(b *testing.B, dir string) []*os.File {
	var files []*os.File
	for _, name := range []string{os.DevNull, filepath.Join(dir, memoryName), filepath.Join(dir, stateName)} {
		f, err := os.OpenFile(name, os.O_RDWR, 0)
		if err != nil {
			b.Fatal(err)
		}
		files = append(files, f)
	}
	return files
}

// bare runs QEMU to the line that is wanted from the guest. What the monitor and
// the guest are told waits for them.
func bare(b *testing.B, cmd *exec.Cmd, files []*os.File, monitor, say, want string) {
	var ours []net.Conn
	for _, words := range []string{monitor, say} {
		conn, file, err := socketPair()
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.WriteString(conn, words); err != nil {
			b.Fatal(err)
		}
		ours, cmd.ExtraFiles = append(ours, conn), append(cmd.ExtraFiles, file)
	}
	cmd.ExtraFiles = append(cmd.ExtraFiles, files...)
	err := cmd.Start()
	closeAll(cmd.ExtraFiles)
	if err != nil {
		b.Fatal(err)
	}
	stop := time.AfterFunc(bootLimit, func() { _ = cmd.Process.Kill() })
	defer stop.Stop()
	if line, err := bufio.NewReader(ours[1]).ReadString('\n'); line != want {
		b.Errorf("guest said %q, %v", line, err)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait() // killed
	for _, c := range ours {
		_ = c.Close()
	}
}

// What VM.Channel costs beside read(2) of the same socket: 1,000 lines of 200
// bytes from one guest, which are read whole.
func BenchmarkChannel(b *testing.B) {
	const lines, size = 1000, 200
	g := boot(b, linux(b))
	raw, err := g.Channel().(*net.UnixConn).File() // the same open socket
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = raw.Close() }()
	fd := int(raw.Fd())
	var times paired.Times
	flood := func() {
		if _, err := fmt.Fprintln(g.Channel(), "flood"); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		times.Add(func() {
			flood()
			for range lines {
				if got := g.read(b); len(got) != size-1 {
					b.Fatalf("a line of %d bytes", len(got))
				}
			}
		}, func() {
			flood()
			buf := make([]byte, 64<<10)
			for bytesLeft, ends := lines*size, 0; bytesLeft > 0 || ends != lines; {
				poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
				if n, err := unix.Poll(poll, int(bootLimit.Milliseconds())); err != nil && err != unix.EINTR || n == 0 && err == nil {
					b.Fatalf("poll: %d, %v", n, err)
				}
				n, err := unix.Read(fd, buf)
				if err == unix.EAGAIN || err == unix.EINTR {
					continue
				}
				if err != nil || n == 0 {
					b.Fatalf("read: %d, %v", n, err)
				}
				bytesLeft -= n
				ends += bytes.Count(buf[:n], []byte("\n"))
			}
		})
	}
	times.Report(b, "vm", "bare")
}

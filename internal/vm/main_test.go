package vm

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"uetest/internal/proc"
)

// helperEnv makes the test binary play uetest: it starts a virtual machine with
// the kernel that the variable names and waits to be killed.
const helperEnv = "UETEST_VM_HELPER"

func TestMain(m *testing.M) {
	if kernel := os.Getenv(helperEnv); kernel != "" {
		if err := helper(kernel); err != nil {
			fmt.Println("helper:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if args := os.Getenv(saverEnv); args != "" {
		if err := saver(args); err != nil {
			fmt.Println("saver:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	code := m.Run()
	for _, name := range NotClosed() {
		fmt.Println("a virtual machine was not closed:", name)
		code = 1
	}
	os.Exit(code)
}

func helper(kernel string) error {
	dir, remove, err := proc.TempDir("vm-*")
	if err != nil {
		return err
	}
	defer remove()
	v, err := Start(context.Background(), Config{Kernel: kernel, Port: "test", Console: filepath.Join(dir, "console")})
	if err != nil {
		return err
	}
	fmt.Println(v.Pid(), dir)
	<-v.Done()
	return v.Close()
}

// needQEMU skips a test on a machine without QEMU, saying so.
func needQEMU(t testing.TB) {
	t.Helper()
	if _, err := proc.LookPath(Microvm.QEMU); err != nil {
		t.Skip(err)
	}
}

// Code of guests, in 32-bit protected mode: see pvhImage.
var (
	codeHalt = []byte{0xf4, 0xeb, 0xfd} // 1: hlt; jmp 1b
	// The loaded interrupt table, 8 bytes of zero behind the code, has no entry
	// for the exception: a triple fault. lidt 0x100fe0; ud2
	codeTripleFault = []byte{0x0f, 0x01, 0x1d, 0xe0, 0x0f, 0x10, 0x00, 0x0f, 0x0b}
	// mov $1, %al; mov $0x505, %dx; out %al, (%dx): PVPANIC_PANICKED
	// (docs/specs/pvpanic.txt of QEMU)
	codePanic = []byte{0xb0, 0x01, 0x66, 0xba, 0x05, 0x05, 0xee}
	// mov $0x2000, %ax; mov $0x604, %dx; out %ax, (%dx): SLP_EN to the PM1
	// control register where q35's firmware puts it
	codePowerOff = []byte{0x66, 0xb8, 0x00, 0x20, 0x66, 0xba, 0x04, 0x06, 0x66, 0xef}
)

// codePrint is code that prints text on the serial port, which may be up to
// 2 KB, and goes on with what follows in the image.
func codePrint(then ...byte) []byte {
	return append([]byte{
		0xbe, 0x00, 0x08, 0x10, 0x00, // mov $0x100800, %esi: the text
		0x66, 0xba, 0xf8, 0x03, // mov $0x3f8, %dx
		0xac,       // 1: lodsb
		0x84, 0xc0, // test %al, %al
		0x74, 0x03, // jz 2f
		0xee,       // out %al, (%dx)
		0xeb, 0xf8, // jmp 1b; 2:
	}, then...)
}

// kernel writes an image of code and text as a kernel.
func kernel(t testing.TB, text string, code ...[]byte) string {
	t.Helper()
	mem := make([]byte, 4096)
	n := 0
	for _, c := range code {
		n += copy(mem[n:], c)
	}
	copy(mem[0x800:0xfd0], text)
	path := filepath.Join(t.TempDir(), "kernel")
	if err := os.WriteFile(path, pvhImage(mem), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// start starts a virtual machine that is closed at the end of the test.
func start(t testing.TB, cfg Config) *VM {
	t.Helper()
	if cfg.Port == "" {
		cfg.Port = "test"
	}
	if cfg.Console == "" {
		cfg.Console = filepath.Join(t.TempDir(), "console")
	}
	v, err := Start(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := v.Close(); err != nil {
			t.Error(err)
		}
	})
	return v
}

// ends waits for the end of a virtual machine.
func ends(t testing.TB, v *VM, limit time.Duration) {
	t.Helper()
	select {
	case <-v.Done():
	case <-time.After(limit):
		t.Fatalf("still %s after %v; console: %q", v.End(), limit, v.ConsoleTail(10))
	}
}

// eventually fails the test if cond does not hold within limit.
func eventually(t testing.TB, limit time.Duration, what string, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(limit); !cond(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("after %v not yet: %s", limit, what)
		}
	}
}

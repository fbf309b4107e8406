package vm

import (
	"context"
	"errors"
	"os"
	"strconv"
	"sync"

	"uetest/internal/blame"
)

// consoleInput is what can be typed at the guest's console.
//
// QEMU writes the console to a file by itself, a byte at a time and without
// anybody's help. A socket that it logs to a file would carry input too, but
// somebody would have to read those bytes as fast as they come. So the console
// gets its input only when somebody asks for it, from a pipe that QEMU has
// inherited for that.
type consoleInput struct {
	pipe *os.File

	mu        sync.Mutex
	connected bool
}

// ConsoleInput returns what types at the guest's serial console: the guest
// reads what is written to it, and what it prints goes on to go to the console
// file. A write waits for a guest that does not read once 64 KiB are on their
// way, and may be given a deadline; Close ends it.
func (v *VM) ConsoleInput(ctx context.Context) (*os.File, error) {
	if v.cfg.Clock.logs() {
		return nil, blame.On(blame.Host, errors.New("a guest that is recorded or replayed has no input on its console: it would not be in the log"))
	}
	v.input.mu.Lock()
	defer v.input.mu.Unlock()
	if v.input.connected {
		return v.input.pipe, nil
	}
	// chardev-change (qapi/char.json) puts another back end behind the serial
	// port. The option -chardev file has an input of QEMU 8.0 on only.
	file := map[string]any{"out": v.cfg.Console, "append": true, "in": "/dev/fd/" + strconv.Itoa(inputFD)}
	err := v.monitor.Run(ctx, "chardev-change", map[string]any{
		"id":      consoleID,
		"backend": map[string]any{"type": "file", "data": file},
	}, nil)
	if err != nil {
		return nil, blame.On(blame.Host, err)
	}
	v.input.connected = true
	return v.input.pipe, nil
}

package qmp

import "context"

// Status is the guest's run state (query-status, qapi/run-state.json).
type Status struct {
	Running bool   `json:"running"`
	State   string `json:"status"` // RunState: running, paused, prelaunch, guest-panicked, shutdown, …
}

// Status asks for the guest's run state.
func (c *Client) Status(ctx context.Context) (Status, error) {
	var s Status
	err := c.Run(ctx, "query-status", nil, &s)
	return s, err
}

// Stop stops the vCPUs.
func (c *Client) Stop(ctx context.Context) error { return c.Run(ctx, "stop", nil, nil) }

// Cont lets the vCPUs go on.
func (c *Client) Cont(ctx context.Context) error { return c.Run(ctx, "cont", nil, nil) }

// SystemReset resets the machine; with -no-reboot QEMU exits instead.
func (c *Client) SystemReset(ctx context.Context) error {
	return c.Run(ctx, "system_reset", nil, nil)
}

// Quit has QEMU exit. That the connection ends before the reply is no error.
func (c *Client) Quit(ctx context.Context) error {
	err := c.Run(ctx, "quit", nil, nil)
	if c.filter.ended() {
		return nil
	}
	return err
}

// SaveMemory writes size bytes of the guest's memory to a file, from a virtual
// address as the first CPU has it mapped (memsave, qapi/machine.json). The guest
// need not be stopped.
func (c *Client) SaveMemory(ctx context.Context, addr, size uint64, file string) error {
	return c.Run(ctx, "memsave", map[string]any{"val": int64(addr), "size": size, "filename": file}, nil)
}

// ignoreShared is the capability by which memory that others map is no part of
// the stream (qapi/migration.json, x-ignore-shared).
const ignoreShared = "x-ignore-shared"

// IgnoreShared leaves shared memory out of a migration. Both sides have to ask
// for it, before it begins.
func (c *Client) IgnoreShared(ctx context.Context) error {
	type capability struct {
		Capability string `json:"capability"`
		State      bool   `json:"state"`
	}
	return c.Run(ctx, "migrate-set-capabilities", map[string]any{"capabilities": []capability{{ignoreShared, true}}}, nil)
}

// Migrate begins to send the guest's state to uri, such as fd:NUMBER of an
// inherited descriptor. Migration tells how it goes.
func (c *Client) Migrate(ctx context.Context, uri string) error {
	return c.Run(ctx, "migrate", map[string]string{"uri": uri}, nil)
}

// MigrateIncoming has a QEMU that was started with "-incoming defer" read the
// guest's state from uri. It reads after it has answered: at the end there is a
// Resumed event, or QEMU ends with what is wrong on its standard error.
func (c *Client) MigrateIncoming(ctx context.Context, uri string) error {
	return c.Run(ctx, "migrate-incoming", map[string]string{"uri": uri}, nil)
}

// Migration is how a migration goes (query-migrate, qapi/migration.json).
type Migration struct {
	Status string `json:"status"`     // MigrationStatus: setup, active, completed, failed, cancelled, …
	Error  string `json:"error-desc"` // of failed, in QEMU's words
}

// Migration asks how the migration that Migrate began goes.
func (c *Client) Migration(ctx context.Context) (Migration, error) {
	var m Migration
	err := c.Run(ctx, "query-migrate", nil, &m)
	return m, err
}

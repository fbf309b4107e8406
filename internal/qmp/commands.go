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

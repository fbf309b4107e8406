package wire

// ShellOption on the kernel's command line asks for a shell in place of the
// tests. The kernel ignores unknown options with a dot. Alone it is a shell on
// the console; with "=host" the guest says Hello and then waits for a Session
// that says what to run and where.
const (
	ShellOption  = "uetest.shell"
	ShellForHost = ShellOption + "=host"
)

// Session is what a Shell message says, one of its fields: the host begins with
// Command, then sends Window or Input as they come; the guest sends Output and at
// last Exit, after which it waits for the end of the machine.
type Session struct {
	Command *Command `json:"command,omitempty"`
	Window  *Window  `json:"window,omitempty"`
	Input   *Bytes   `json:"input,omitempty"`
	Output  *Bytes   `json:"output,omitempty"`
	Exit    *Exit    `json:"exit,omitempty"`
}

// Command is what a guest is to run.
type Command struct {
	Script  string   `json:"script,omitempty"`  // for the shell; empty: what it reads from its standard input
	Console bool     `json:"console,omitempty"` // the console is its terminal; else Input and Output are its streams
	Env     []string `json:"env,omitempty"`     // KEY=VALUE, beside the guest's own
	Window  Window   `json:"window,omitzero"`
}

// Window is the size of the terminal in characters; zero is unknown.
type Window struct {
	Rows uint16 `json:"rows,omitempty"`
	Cols uint16 `json:"cols,omitempty"`
}

// MaxBytes is how many bytes of a stream fit one message with certainty.
const MaxBytes = 32 << 10

// Bytes are a piece of a stream, of at most MaxBytes.
type Bytes struct {
	Data []byte `json:"data,omitempty"`
	Err  bool   `json:"err,omitempty"` // of standard error, not standard output
	End  bool   `json:"end,omitempty"` // the end of the stream
}

// Exit is how a command ended.
type Exit struct {
	Status int    `json:"status"`          // as a shell has it in $?: 128 and more for a signal
	Error  string `json:"error,omitempty"` // why it did not start
}

package qmp

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// rightsReader reads from a socket and keeps the descriptors that come along.
type rightsReader struct {
	conn *net.UnixConn
	fds  []int
}

func (r *rightsReader) Read(b []byte) (int, error) {
	oob := make([]byte, unix.CmsgSpace(4*4))
	n, oobn, _, _, err := r.conn.ReadMsgUnix(b, oob)
	if err != nil {
		return n, err
	}
	if n == 0 {
		return 0, io.EOF
	}
	messages, err := unix.ParseSocketControlMessage(oob[:oobn])
	if err != nil {
		return n, err
	}
	for _, m := range messages {
		fds, err := unix.ParseUnixRights(&m)
		if err != nil {
			return n, err
		}
		r.fds = append(r.fds, fds...)
	}
	return n, nil
}

// A file goes with its own command and with no other.
func TestFileIsPassedWithItsCommand(t *testing.T) {
	ours, theirs := pair(t)
	got := make(chan string, 100) // of getfd: its name and the file's content
	go func() {
		r := &rightsReader{conn: theirs.(*net.UnixConn)}
		_, _ = io.WriteString(theirs, greeting+"\r\n")
		defer close(got)
		for dec := json.NewDecoder(r); ; {
			var c struct {
				Execute   string
				Arguments map[string]string
			}
			if err := dec.Decode(&c); err != nil {
				return
			}
			if (c.Execute == "getfd") != (len(r.fds) == 1) {
				got <- c.Execute + " with the wrong number of files"
			}
			for _, fd := range r.fds {
				f := os.NewFile(uintptr(fd), "passed")
				content, err := io.ReadAll(f)
				f.Close()
				if err != nil {
					got <- err.Error()
				}
				got <- c.Arguments["fdname"] + " " + string(content)
			}
			r.fds = nil
			_, _ = io.WriteString(theirs, accepted)
		}
	}()
	c, err := Connect(t.Context(), ours)
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for _, name := range []string{"one", "two"} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte("of "+name), 0o600); err != nil {
			t.Fatal(err)
		}
		all.Go(func() {
			for range 10 {
				f, err := os.Open(path)
				if err != nil {
					t.Error(err)
					return
				}
				if err := c.PassFile(t.Context(), name, f); err != nil {
					t.Error(err)
				}
				f.Close()
				if err := c.Stop(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	_ = c.Close()
	seen := map[string]int{}
	for s := range got {
		seen[s]++
	}
	if len(seen) != 2 || seen["one of one"] != 10 || seen["two of two"] != 10 {
		t.Errorf("the server got %v", seen)
	}
}

func TestFileCannotBePassedOverWhatIsNoSocket(t *testing.T) {
	ours, theirs := net.Pipe()
	f := &fake{t: t, conn: theirs, answer: ok}
	go f.serve()
	c, err := Connect(t.Context(), ours)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = null.Close() }()
	if err := c.PassFile(t.Context(), "x", null); !errors.Is(err, ErrClosed) {
		t.Errorf("got %v", err)
	}
}

func TestMigrationCommandsSendWhatTheyName(t *testing.T) {
	var mu sync.Mutex
	var sent []string
	c, _ := connect(t, func(_ *fake, command string, args json.RawMessage) string {
		mu.Lock()
		defer mu.Unlock()
		sent = append(sent, command+" "+string(args))
		if command == "query-migrate" {
			return `{"return": {"status": "failed", "error-desc": "no space", "ram": {"total": 1}}}`
		}
		return `{"return": {}}`
	})
	ctx := t.Context()
	for _, err := range []error{c.IgnoreShared(ctx), c.Migrate(ctx, "fd:state"), c.MigrateIncoming(ctx, "fd:7")} {
		if err != nil {
			t.Error(err)
		}
	}
	if m, err := c.Migration(ctx); err != nil || m != (Migration{"failed", "no space"}) {
		t.Errorf("got %+v, %v", m, err)
	}
	const want = `migrate-set-capabilities {"capabilities":[{"capability":"x-ignore-shared","state":true}]}
migrate {"uri":"fd:state"}
migrate-incoming {"uri":"fd:7"}
query-migrate `
	mu.Lock()
	defer mu.Unlock()
	if got := strings.Join(sent, "\n"); got != want {
		t.Errorf("sent %s", got)
	}
}

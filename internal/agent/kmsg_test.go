package agent

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"uetest/internal/wire"
)

// The records are as 6.1 gives them (devkmsg_read, kernel/printk/printk.c).
func TestRecordIsRead(t *testing.T) {
	for _, tt := range []struct {
		name, record string
		want         wire.Message
	}{
		{"plain", "6,339,5140900,-;NET: Registered protocol family 10\n",
			wire.Message{Kind: wire.Kmsg, Level: 6, Seq: 339, At: 5140900 * time.Microsecond, Text: "NET: Registered protocol family 10"}},
		{"with a dictionary", "7,160,424069,-;pci_root PNP0A03:00: host bridge window (ignored)\n SUBSYSTEM=acpi\n DEVICE=+acpi:PNP0A03:00\n",
			wire.Message{Kind: wire.Kmsg, Level: 7, Seq: 160, At: 424069 * time.Microsecond, Text: "pci_root PNP0A03:00: host bridge window (ignored)"}},
		{"from a program", "30,340,5690716,-;udevd[80]: starting version 181\n",
			wire.Message{Kind: wire.Kmsg, Level: 6, Facility: 3, Seq: 340, At: 5690716 * time.Microsecond, Text: "udevd[80]: starting version 181"}},
		{"with a caller", "4,1,2,c,caller=T1;part",
			wire.Message{Kind: wire.Kmsg, Level: 4, Seq: 1, At: 2 * time.Microsecond, Caller: "T1", Text: "part"}},
		{"escaped", `4,0,0,-;a\x0ab\x5cx41 \xe2\x82\xac \x4` + "\n",
			wire.Message{Kind: wire.Kmsg, Level: 4, Text: "a\nb\\x41 € \\x4"}},
		{"empty", "4,0,0,-;\n", wire.Message{Kind: wire.Kmsg, Level: 4}},
		{"semicolons", "4,0,0,-;a;b\n", wire.Message{Kind: wire.Kmsg, Level: 4, Text: "a;b"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parseRecord([]byte(tt.record))
			if err != nil {
				t.Fatal(err)
			}
			if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", tt.want) {
				t.Errorf("got  %+v\nwant %+v", got, tt.want)
			}
		})
	}
}

func TestBadRecordIsAnErrorThatShowsIt(t *testing.T) {
	for _, record := range []string{"", "hello\n", "6,1,2;x\n", "a,1,2,-;x\n", "6,-1,2,-;x\n", "6,1,9223372036854775807,-;x\n"} {
		if m, err := parseRecord([]byte(record)); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%.20q", record)[1:len(fmt.Sprintf("%.20q", record))-1]) {
			t.Errorf("parseRecord(%q) = %+v, %v; want an error that quotes it", record, m, err)
		}
	}
}

func FuzzRecord(f *testing.F) {
	f.Add([]byte("6,339,5140900,-;NET: Registered protocol family 10\n SUBSYSTEM=x\n"))
	f.Add([]byte(`4,0,0,c,caller=C0;a\x0ab\x5c\xzz\x`))
	f.Add([]byte("4294967295,18446744073709551615,9223372036854775,-;\n"))
	f.Fuzz(func(t *testing.T, record []byte) {
		m, err := parseRecord(record)
		if err != nil {
			return
		}
		if m.Level < 0 || m.Level > 7 || m.Facility < 0 || m.At < 0 {
			t.Errorf("parseRecord(%q) = %+v", record, m)
		}
		if len(m.Text) > len(record) {
			t.Errorf("text %q is longer than its record %q", m.Text, record)
		}
	})
}

func TestGapInTheKernelLogIsReported(t *testing.T) {
	reader, writer := kmsgPair(t)
	var got []wire.Message
	k, err := newKernelLog(reader, func(m wire.Message) { got = append(got, m) })
	if err != nil {
		t.Fatal(err)
	}
	for _, record := range []string{"4,0,1,-;first\n", "4,1,2,-;second\n", "nonsense", "4,7,3,-;third\n"} {
		if _, err := writer.WriteString(record); err != nil {
			t.Fatal(err)
		}
	}
	k.drain(patience)
	var texts []string
	for _, m := range got {
		texts = append(texts, string(m.Kind)+" "+m.Text)
	}
	want := []string{"kmsg first", "kmsg second", "log /dev/kmsg: record without", "log kernel log: 5 records lost before number 7", "kmsg third"}
	if len(texts) != len(want) {
		t.Fatalf("got %q, want %q", texts, want)
	}
	for i := range want {
		if !strings.HasPrefix(texts[i], want[i]) {
			t.Errorf("message %d is %q, want %q…", i, texts[i], want[i])
		}
	}
}

func TestDrainEndsThoughTheKernelLogsOn(t *testing.T) {
	reader, writer := kmsgPair(t)
	k, err := newKernelLog(reader, func(wire.Message) {})
	if err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				_, _ = fmt.Fprintf(writer, "4,%d,1,-;again\n", i)
			}
		}
	}()
	begin := time.Now()
	k.drain(100 * time.Millisecond)
	if took := time.Since(begin); took > patience/2 {
		t.Errorf("drain took %v, its limit was 100ms", took)
	}
	close(stop)
	k.drain(patience) // the writer may be waiting for room
	<-stopped
}

func TestStallIsTheKernelsWord(t *testing.T) {
	for line, want := range map[string]bool{
		"INFO: task misbehave:64 blocked for more than 2 seconds.":        true,
		"watchdog: BUG: soft lockup - CPU#1 stuck for 3s! [misbehave:64]": true,
		"rcu: INFO: rcu_sched self-detected stall on CPU":                 true,
		"rcu: INFO: rcu_sched detected stalls on CPUs/tasks:":             true,
		"rcu: Hierarchical SRCU implementation.":                          false,
		"INFO: NMI handler took too long":                                 false,
		"":                                                                false,
	} {
		if got := isStall(line); got != want {
			t.Errorf("%q: %v, want %v", line, got, want)
		}
	}
}

package manpage

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

func tree() (root, verb, topic *cobra.Command) {
	nothing := func(*cobra.Command, []string) {}
	root = &cobra.Command{Use: "prog", Short: "does - things", Run: nothing}
	verb = &cobra.Command{Use: "verb [FILE]", Short: "one thing", Run: nothing, Example: "  prog verb   # 'now'\n  prog verb \\"}
	verb.Long = "First <ADDRESS> of\na paragraph.\n.dots begin it\n\nSecond:\n  0    zero\n  130  more\nend"
	verb.Flags().IntP("jobs", "j", 1, "guests at a time")
	verb.Flags().String("llvm", "", "build with `TOOLS` (default: $LLVM)")
	verb.Flags().Lookup("llvm").NoOptDefVal = "1"
	verb.Flags().StringSlice("on", nil, "which")
	verb.Flags().Bool("secret", false, "not told")
	_ = verb.Flags().MarkHidden("secret")
	topic = &cobra.Command{Use: "topic", Short: "what is", Long: "text"}
	hidden := &cobra.Command{Use: "hidden", Run: nothing, Hidden: true}
	root.AddCommand(verb, topic, hidden)
	return root, verb, topic
}

func write(t *testing.T, c *cobra.Command) string {
	t.Helper()
	var b strings.Builder
	if err := Write(&b, c); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestPageHasTheTextAsItIs(t *testing.T) {
	_, verb, _ := tree()
	want := `.TH "PROG\-VERB" "1" "" "prog" "prog manual"
.SH "NAME"
prog\-verb \- one thing
.SH "SYNOPSIS"
\fBprog verb\fR [FILE] [flags]
.SH "DESCRIPTION"
First <ADDRESS> of
a paragraph.
\&.dots begin it
.PP
Second:
.PP
.nf
  0    zero
  130  more
.fi
.PP
end
.SH "OPTIONS"
.TP
\fB\-j\fR, \fB\-\-jobs\fR \fIint\fR
guests at a time (default 1)
.TP
\fB\-\-llvm\fR[=\fITOOLS\fR]
build with TOOLS (default: $LLVM)
.TP
\fB\-\-on\fR \fIstrings\fR
which
.SH "EXAMPLES"
.nf
  prog verb   # \(aqnow\(aq
  prog verb \e
.fi
.SH "SEE ALSO"
\fBprog\fR(1), \fBprog\-topic\fR(7)
`
	if got := write(t, verb); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestTopicsAreOfSectionSeven(t *testing.T) {
	root, _, topic := tree()
	if got := write(t, topic); !strings.HasPrefix(got, `.TH "PROG\-TOPIC" "7"`) || strings.Contains(got, "SYNOPSIS") {
		t.Errorf("topic:\n%s", got)
	}
	got := write(t, root)
	if !strings.Contains(got, ".SH \"COMMANDS\"\n.TP\n\\fBprog\\-verb\\fR(1)\none thing\n.SH") || !strings.Contains(got, `\fBprog\-topic\fR(7)`) {
		t.Errorf("root:\n%s", got)
	}
	var names []string
	for _, c := range Pages(root) {
		names = append(names, Name(c)+"."+Section(c))
	}
	if got := strings.Join(names, " "); got != "prog.1 prog-topic.7 prog-verb.1" {
		t.Errorf("pages %s", got)
	}
}

package report

import (
	"path"

	"uetest/internal/results"
	"uetest/internal/runs"
)

// underTest is what a record is about: the patch that was tested, and which of its
// kernels have it.
type underTest struct {
	rec *runs.Record

	re      results.Mail // what is replied to
	patched []kernel     // with it
	without []kernel     // the controls
}

// patchOf decides what a record is about, of which these are the kernels: the last
// patch of the first one that has any that was posted.
func patchOf(rec *runs.Record, all []kernel) underTest {
	m := underTest{rec: rec}
	found := false
	for _, k := range all {
		if mail, ok := lastMail(k.Run); ok && !found {
			m.re, found = mail, true
		}
	}
	for _, k := range all {
		has := !found
		for _, mail := range k.Kernel.Mails {
			has = has || mail.SHA256 == m.re.SHA256
		}
		if has {
			m.patched = append(m.patched, k)
		} else {
			m.without = append(m.without, k)
		}
	}
	return m
}

// lastMail is the last patch of a kernel that somebody has posted: it says who
// wrote it. What the series itself puts below does not.
func lastMail(run *results.Run) (results.Mail, bool) {
	for i := len(run.Kernel.Mails) - 1; i >= 0; i-- {
		if m := run.Kernel.Mails[i]; m.From != "" || m.ID != "" {
			return m, true
		}
	}
	if n, top := len(run.Kernel.Mails), len(run.Kernel.Top); top > 0 && n > 0 {
		return run.Kernel.Mails[n-1], true // a diff without a header
	}
	return results.Mail{}, false
}

// proven reports whether every kernel with the patch is known to be what was
// posted. What a user puts on top without an index line can't be.
func (m *underTest) proven() bool {
	for _, k := range m.patched {
		if len(k.Kernel.Unproven) > 0 {
			return false
		}
		for _, b := range k.Kernel.Blobs {
			if b.Got != b.Want {
				return false
			}
		}
	}
	return true
}

// name is the patch's subject, or its file; empty if there is no patch.
func (m *underTest) name() string {
	if m.re.Subject != "" || m.re.File == "" {
		return m.re.Subject
	}
	return path.Base(m.re.File)
}

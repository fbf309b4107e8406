package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// pageSource says what a kernel was made of, and how it is known.
type pageSource struct {
	Name    string
	Ref     string
	With    bool
	Items   []item
	Patches []posting
	Options int    // that the configuration sets
	Config  string // them
	Again   string
}

// item is a line of a list of facts.
type item struct {
	Name string
	Text string
	Code string // shown as it is, behind Text
	mark        // without a sign there is nothing to say of it
}

// source is of the first run of a kernel: the others are of the same image.
func (b *builder) source(of *side) pageSource {
	k := of.runs[0]
	s := pageSource{Name: of.name, Ref: b.ref("kernel", of.name), With: of.with}
	if k.Repeat != "" {
		s.Again = "uetest run " + k.Repeat
	}
	add := func(name, text, code string, m mark) {
		if text != "" || code != "" {
			s.Items = append(s.Items, item{name, text, code, m})
		}
	}
	plainly := mark{}
	add("release", strings.TrimSpace(k.Guest.Release+" "+k.arch()), "", plainly)
	add("source", k.Kernel.Source, "", plainly)
	add("commit", k.Kernel.Describe, k.Kernel.Commit, plainly)
	for _, bl := range k.Kernel.Blobs {
		m := markGood.say("as the series names it")
		if of.with {
			m.Word = "as posted"
		}
		if bl.Got != bl.Want {
			m = markBad.say("not the posted one, " + bl.Want)
		}
		add("blob", bl.Path, bl.Got, m)
	}
	for i := range k.Kernel.Top {
		t := &k.Kernel.Top[i]
		for j := range t.Files {
			m := markWarn
			if t.Files[j].Proven {
				m = markGood
			}
			add("patched", t.Files[j].Path, "", m.say(t.Files[j].Base()))
			for _, moved := range t.Files[j].Moved {
				add("moved", t.Files[j].Path+": "+moved, "", markWarn)
			}
		}
		if t.Restored != "" {
			m := markGood
			if t.Restored != "proven" {
				m = markWarn
			}
			add("restored", t.File+" had lost its whitespace", "", m.say(t.Restored))
		}
	}
	for _, u := range k.Kernel.Unproven {
		add("unproven", u, "", markBad)
	}
	generation := k.Generation
	if k.Kernel.Declared != "" && k.Kernel.Declared != k.Generation {
		generation += ", declared " + k.Kernel.Declared
	}
	add("ABI generation", generation, "", plainly)
	add("variant", k.Kernel.Variant, "", plainly)
	add("configuration", k.Kernel.Config, "", plainly)
	if k.Kernel.ConfigHash != "" {
		add("configuration", "sha256", k.Kernel.ConfigHash, plainly)
	}
	for _, l := range k.Kernel.Lacks {
		add("lacks", l.String(), "", markWarn)
	}
	add("image", k.Kernel.Form, "", plainly)
	add("compiler", k.Kernel.Compiler, "", plainly)
	add("built", instrumented(k.Run), "", plainly)
	add("QEMU", strings.TrimPrefix(k.QEMU, "QEMU emulator version "), "", plainly)
	add("accelerator", strings.TrimSuffix(k.Accel+", "+k.AccelWhy, ", "), "", plainly)
	add("guests", guests(k), "", plainly)
	add("kernel parameters", "", strings.Join(k.Machine.Append, " "), plainly)
	if k.Machine.Memory > 0 {
		add("memory", fmt.Sprintf("%d MiB", k.Machine.Memory), "", plainly)
	}
	for _, id := range slices.Sorted(maps.Keys(k.Kernel.Expects)) {
		add("expected otherwise", id+": "+k.Kernel.Expects[id], "", markWarn)
	}
	for _, r := range k.Retries {
		add("tried again", r, "", plainly)
	}
	if c, ok := b.rec.Config(k.Kernel.ConfigHash); ok && c.Text != "" && !b.configured[c.SHA256] {
		b.configured[c.SHA256] = true // it stands with the first kernel that has it
		s.Config, s.Options = c.Text, 1+strings.Count(c.Text, "\n")
	}
	for _, m := range k.Kernel.Mails {
		s.Patches = append(s.Patches, b.posting(m))
	}
	return s
}

// guests says how the tests came to their kernels.
func guests(k kernel) string {
	if k.Boots == 0 && k.Restored == 0 {
		return ""
	}
	text := numbered(k.Boots, "boot")
	if k.Restored > 0 {
		text += fmt.Sprintf(", %d restored from a snapshot", k.Restored)
	}
	if k.Guest.CPUs > 0 {
		text += ", " + numbered(k.Guest.CPUs, "CPU")
	}
	if k.NoSnapshot != "" {
		text += "; each was booted: " + k.NoSnapshot
	}
	if k.OneCPU != "" {
		text += "; none had two CPUs: " + k.OneCPU
	}
	return text
}

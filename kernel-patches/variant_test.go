package kernelpatches

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestEveryVariantSaysWhatItFinds(t *testing.T) {
	s, err := Load("rfc")
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Variants()) < 8 {
		t.Errorf("variants %v", s.VariantNames())
	}
	for _, v := range s.Variants() {
		if v.Finds == "" {
			t.Errorf("%s: config/variants.json does not have what it finds", v.Name)
		}
		k, err := s.Kernel("upstream+" + v.Name)
		if err != nil {
			t.Fatal(err)
		}
		config, err := s.Config(k)
		if last := config[len(config)-1]; err != nil || last.Name != "kernel-patches/rfc/config/variant/"+v.Name+".config" || last.Text == "" {
			t.Errorf("%s: the last fragment is %s, %v", v.Name, last.Name, err)
		}
	}
}

// Two names of one kernel would be built twice: the name is in the release.
func TestVariantsInAnyOrderAreOneKernel(t *testing.T) {
	s, err := Load("rfc")
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range []struct{ name, text string }{{"z.config", "CONFIG_Z=y\n"}, {"a.config", "CONFIG_A=y\n"}} {
		if s, err = s.WithFragment(o.name, "some/"+o.name, []byte(o.text)); err != nil {
			t.Fatal(err)
		}
	}
	// The user's in the order in which he has them: the later wins.
	const want = "rfc+kasan+nosmp+z.config+a.config"
	for _, name := range []string{
		want, "rfc+nosmp+kasan+z.config+a.config", "rfc+a.config+nosmp+z.config+kasan", "rfc+kasan+kasan+a.config+nosmp+z.config+kasan",
	} {
		k, err := s.Kernel(name)
		if err != nil {
			t.Fatal(err)
		}
		if k.Name != want || !k.In("kasan") || !k.In("nosmp") || !k.In("a.config") || k.In("lockdep") {
			t.Errorf("%s is %s", name, k.Name)
		}
		config, err := s.Config(k)
		if err != nil {
			t.Fatal(err)
		}
		var tail []string
		for _, f := range config[len(config)-4:] {
			tail = append(tail, f.Name)
		}
		if want := []string{"kernel-patches/rfc/config/variant/kasan.config", "kernel-patches/rfc/config/variant/nosmp.config", "some/z.config", "some/a.config"}; !slices.Equal(tail, want) {
			t.Errorf("%s: the last fragments are %q, want %q", name, tail, want)
		}
	}
}

func TestOneVariantMoreTakesWhatAllTake(t *testing.T) {
	k := Kernel{Variants: []Variant{
		{Slower: 3, Memory: 768}, {Slower: 0, CPUs: 2, Lacks: []string{"smp"}}, {Slower: 1.5, Memory: 64},
	}}
	g := k.Guest()
	if g.Slower != 4.5 || g.Memory != 768 || g.CPUs != 2 || !slices.Equal(g.Lacks, []string{"smp"}) {
		t.Errorf("%+v", g)
	}
	if g := (Kernel{}).Guest(); g.Slower != 1 || g.Memory != 0 || g.CPUs != 0 || g.Lacks != nil {
		t.Errorf("a kernel without variants takes %+v", g)
	}
}

func TestVariantsThatAreNone(t *testing.T) {
	s, err := Load("rfc")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Kernel("rfc+kasn"); !errors.Is(err, ErrUnknown) || !strings.Contains(err.Error(), "fault-injection, kasan, kcsan") {
		t.Errorf("an unknown variant: %v, want the list of those there are", err)
	}
	if _, err := s.WithFragment("kasan", "my/kasan", nil); err == nil {
		t.Error("a fragment takes the name of a variant")
	}
	if _, err := s.WithFragment("a name with blanks.config", "x", nil); err == nil {
		t.Error("a name that no release can hold was taken")
	}
	for text, want := range map[string]string{
		`{"none": {"finds": "x"}}`:                 "there is no config/variant/none.config",
		`{"small": {}}`:                            `"finds" is missing`,
		`{"small": {"finds": "x", "slower": 0.5}}`: `"slower" is 0.5`,
		`{"small": {"finds": "x", "memory": -1}}`:  `"memory" is -1`,
		`{"small": {"finds": "x", "slow": 2}}`:     `unknown field "slow"`,
	} {
		dir := ownSeries(t, map[string]string{
			"series.json": smallJSON, "0001-x.patch": "text", "config/variant/small.config": "CONFIG_SLOB=y\n", "config/variants.json": text,
		})
		if _, err := LoadDir(dir, s); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "config/variants.json") {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

func TestOwnSeriesHasTheVariantsOfTheBasisToo(t *testing.T) {
	rfc, err := Load("rfc")
	if err != nil {
		t.Fatal(err)
	}
	s, err := LoadDir(ownSeries(t, map[string]string{
		"series.json": smallJSON, "0001-x.patch": "text", "config/variant/small.config": "CONFIG_SLOB=y\n",
		"config/variants.json": `{"small": {"finds": "x", "memory": 64}, "kasan": {"finds": "as I like it", "slower": 9}}`,
	}), rfc)
	if err != nil {
		t.Fatal(err)
	}
	names := append([]string{"small"}, rfc.VariantNames()...)
	slices.Sort(names)
	if !slices.Equal(s.VariantNames(), names) {
		t.Errorf("variants %q, want %q", s.VariantNames(), names)
	}
	for name, want := range map[string]Guest{
		"mine+small": {Slower: 1, Memory: 64}, "mine+kasan": {Slower: 9}, "mine+kcsan": {Slower: 4, CPUs: 2},
	} {
		k, err := s.Kernel(name)
		if g := k.Guest(); err != nil || g.Slower != want.Slower || g.Memory != want.Memory || g.CPUs != want.CPUs {
			t.Errorf("%s takes %+v, %v, want %+v", name, g, err, want)
		}
	}
}

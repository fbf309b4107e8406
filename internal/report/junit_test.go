package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"

	"uetest/internal/results"
)

// jenkins is junit-10.xsd of jenkinsci/xunit-plugin
// (src/main/resources/org/jenkinsci/plugins/xunit/types/model/xsd): what elements
// there are, what they may hold, which attributes they may and must have. The ones
// for reruns, which uetest does not write, are left out.
var jenkins = map[string]struct {
	holds, may, must []string
	text             bool
}{
	"":           {holds: []string{"testsuites", "testsuite"}},
	"testsuites": {holds: []string{"testsuite"}, may: []string{"name", "time", "tests", "failures", "errors"}},
	"testsuite": {
		holds: []string{"testsuite", "properties", "testcase", "system-out", "system-err"},
		may:   []string{"group", "time", "skipped", "timestamp", "hostname", "id", "package", "file", "log", "url"},
		must:  []string{"name", "tests", "failures", "errors"},
	},
	"properties": {holds: []string{"property"}},
	"property":   {must: []string{"name", "value"}},
	"testcase":   {holds: []string{"skipped", "error", "failure", "system-out", "system-err"}, may: []string{"time", "classname", "group"}, must: []string{"name"}},
	"skipped":    {may: []string{"type", "message"}, text: true},
	"error":      {may: []string{"type", "message"}, text: true},
	"failure":    {may: []string{"type", "message"}, text: true},
	"system-out": {text: true},
	"system-err": {text: true},
}

// surefireTime is SUREFIRE_TIME of that schema.
var surefireTime = regexp.MustCompile(`^(([0-9]{0,3},)*[0-9]{3}|[0-9]{0,3})*(\.[0-9]*)?$`)

// checkJenkins checks a document against the schema.
func checkJenkins(text string) error {
	open := []string{""}
	dec := xml.NewDecoder(strings.NewReader(text))
	for {
		tok, err := dec.Token()
		if err == io.EOF && len(open) == 1 {
			return nil
		}
		if err != nil {
			return err
		}
		in := open[len(open)-1]
		switch e := tok.(type) {
		case xml.StartElement:
			name := e.Name.Local
			rule, known := jenkins[name]
			if !known || !slices.Contains(jenkins[in].holds, name) {
				return fmt.Errorf("<%s> in <%s>", name, in)
			}
			var has []string
			for _, a := range e.Attr {
				has = append(has, a.Name.Local)
				if !slices.Contains(rule.may, a.Name.Local) && !slices.Contains(rule.must, a.Name.Local) {
					return fmt.Errorf("<%s> with %s", name, a.Name.Local)
				}
				if a.Name.Local == "time" && name != "testcase" && !surefireTime.MatchString(a.Value) {
					return fmt.Errorf("<%s time=%q>", name, a.Value)
				}
			}
			for _, m := range rule.must {
				if !slices.Contains(has, m) {
					return fmt.Errorf("<%s> without %s", name, m)
				}
			}
			open = append(open, name)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			if !jenkins[in].text && strings.TrimSpace(string(e)) != "" {
				return fmt.Errorf("text in <%s>: %q", in, e)
			}
		}
	}
}

func junitOf(t *testing.T) string {
	t.Helper()
	f, _ := FormatByName("junit")
	return render(t, f, several())
}

func TestJUnitIsValidForJenkins(t *testing.T) {
	f, _ := FormatByName("junit")
	for _, rec := range []string{junitOf(t), render(t, f, inTurns()), render(t, f, hostile()), render(t, f, recordOf())} {
		if err := checkJenkins(rec); err != nil {
			t.Errorf("%v in\n%s", err, rec)
		}
	}
	for _, bad := range []string{"<testsuite/>", `<testsuites><testcase name="a"/></testsuites>`, `<testsuites skipped="1"/>`, `<testsuites time="1s"/>`, "<testsuites>text</testsuites>"} {
		if checkJenkins(bad) == nil {
			t.Errorf("the check has nothing against %s", bad)
		}
	}
}

type junitDoc struct {
	Tests    int `xml:"tests,attr"`
	Failures int `xml:"failures,attr"`
	Errors   int `xml:"errors,attr"`
	Suites   []struct {
		Name    string `xml:"name,attr"`
		Tests   int    `xml:"tests,attr"`
		Skipped int    `xml:"skipped,attr"`
		Cases   []struct {
			Class   string  `xml:"classname,attr"`
			Name    string  `xml:"name,attr"`
			Failure *string `xml:"failure"`
			Error   *string `xml:"error"`
			Skipped *struct {
				Message string `xml:"message,attr"`
			} `xml:"skipped"`
			Out string `xml:"system-out"`
		} `xml:"testcase"`
	} `xml:"testsuite"`
}

// GitLab keeps one result of each class name and name
// (lib/gitlab/ci/reports/test_case.rb), and shows the text in the body.
func TestJUnitNamesAreUniqueAndBodiesHaveText(t *testing.T) {
	var doc junitDoc
	if err := xml.Unmarshal([]byte(junitOf(t)), &doc); err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	got := map[string]int{}
	for _, s := range doc.Suites {
		for _, c := range s.Cases {
			if names[c.Name] {
				t.Errorf("%s is there twice", c.Name)
			}
			names[c.Name] = true
			got["tests"]++
			switch {
			case c.Failure != nil:
				got["failures"]++
				if !strings.Contains(*c.Failure, "\n") {
					t.Errorf("%s: body %q", c.Name, *c.Failure)
				}
			case c.Error != nil:
				got["errors"]++
			}
		}
	}
	for _, want := range []string{"fork/private [rfc x86_64]", "fork/private [rfc x86_64 repeat 2]", "bits/each [rfc+kasan arm64]", "boot/kernel [mine unknown]"} {
		if !names[want] {
			t.Errorf("no %s among %v", want, names)
		}
	}
	if got["tests"] != doc.Tests || got["failures"] != doc.Failures || got["errors"] != doc.Errors {
		t.Errorf("got %v, the attributes say %d tests, %d failures, %d errors", got, doc.Tests, doc.Failures, doc.Errors)
	}
}

func FuzzJUnitStaysValid(f *testing.F) {
	f.Add("a/b", "detail", "log", "k")
	f.Add("]]>", "\x00<", "&\xff", "\"")
	f.Fuzz(func(t *testing.T, id, detail, log, kernel string) {
		run := &results.Run{Schema: results.Schema, Kernel: results.Kernel{Name: kernel}, Tests: []results.Test{{ID: id, Verdict: results.Errored, Detail: detail, Log: []string{log}}}}
		format, _ := FormatByName("junit")
		if got := render(t, format, recordOf(run)); checkJenkins(got) != nil {
			t.Errorf("%v in\n%s", checkJenkins(got), got)
		}
	})
}

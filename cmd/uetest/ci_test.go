package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"uetest/internal/needs"
)

const recipes = "../../docs/ci"

func TestCIPageHasTheRecipes(t *testing.T) {
	page, err := os.ReadFile("../../docs/ci.md")
	if err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(recipes)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		text, err := os.ReadFile(filepath.Join(recipes, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		kind := map[string]string{".yml": "yaml", ".sh": "bash"}[filepath.Ext(f.Name())]
		if want := "```" + kind + "\n" + string(text) + "```\n"; !strings.Contains(string(page), want) {
			t.Errorf("docs/ci.md does not show docs/ci/%s as it is", f.Name())
		}
	}
}

// workflow is what is read of a GitHub workflow.
type workflow struct {
	Env  map[string]string `yaml:"env"`
	Jobs map[string]struct {
		Env      map[string]string `yaml:"env"`
		Defaults struct {
			Run struct {
				Shell string `yaml:"shell"`
			} `yaml:"run"`
		} `yaml:"defaults"`
		Strategy struct {
			Matrix map[string][]string `yaml:"matrix"`
		} `yaml:"strategy"`
		Steps []struct {
			Name string            `yaml:"name"`
			Uses string            `yaml:"uses"`
			If   string            `yaml:"if"`
			Run  string            `yaml:"run"`
			Env  map[string]string `yaml:"env"`
			With map[string]string `yaml:"with"`
		} `yaml:"steps"`
	} `yaml:"jobs"`
}

func readYAML(t *testing.T, name string, to any) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(recipes, name))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(data, to); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

var expression = regexp.MustCompile(`\$\{\{\s*(.*?)\s*\}\}`)

// evaluate puts values for GitHub's expressions. One that it does not know fails
// the test.
func evaluate(t *testing.T, text string, values map[string]string) string {
	t.Helper()
	return expression.ReplaceAllStringFunc(text, func(e string) string {
		name := expression.FindStringSubmatch(e)[1]
		v, ok := values[name]
		if !ok {
			t.Errorf("expression %s: not known", e)
		}
		return v
	})
}

// someTests are those that the recipes are run with.
const someTests = "enable/event-file|align/plus-one|align/kernel-address"

// TestGitHubWorkflow does what a runner does with the steps that run something. The
// others are GitHub's own: what they name is looked at.
// A workflow that GitHub refuses is found out when it is pushed, or by this.
func TestGitHubWorkflowIsFreeOfLint(t *testing.T) {
	actionlint, err := exec.LookPath("actionlint")
	if err != nil {
		t.Skip("there is no actionlint: go install github.com/rhysd/actionlint/cmd/actionlint@latest")
	}
	if out, err := exec.CommandContext(t.Context(), actionlint, "../../docs/ci/github.yml").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestGitHubWorkflow(t *testing.T) {
	var w workflow
	readYAML(t, "github.yml", &w)
	job, ok := w.Jobs["uetest"]
	if !ok || len(w.Jobs) != 1 || !slices.Contains(job.Strategy.Matrix["kernel"], "rfc") {
		t.Fatalf("jobs %v", slices.Collect(maps.Keys(w.Jobs)))
	}
	if job.Defaults.Run.Shell != "bash" {
		t.Fatalf("steps are run by %q; here by bash", job.Defaults.Run.Shell)
	}
	dir, env := cleanClone(t)
	values := map[string]string{"matrix.kernel": "rfc", "inputs.tests": someTests, "github.run_id": "1", "!cancelled()": "true"}
	temp := t.TempDir()
	for _, name := range []string{"GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH"} {
		env[name] = filepath.Join(temp, name)
		if err := os.WriteFile(env[name], nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	maps.Copy(env, map[string]string{"CI": "true", "GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": dir, "RUNNER_TEMP": temp})
	var said string
	for i, step := range job.Steps {
		if strings.Contains(step.Run, "${{") {
			t.Errorf("step %d puts an expression into a script; that is how text of strangers becomes commands", i)
		}
		for _, v := range step.With {
			evaluate(t, v, values)
		}
		switch {
		case step.If != "" && evaluate(t, step.If, values) != "true":
			continue
		case strings.HasPrefix(step.Uses, "actions/upload-artifact@"):
			for _, path := range strings.Fields(step.With["path"]) {
				if _, err := os.Stat(filepath.Join(dir, path)); err != nil {
					t.Errorf("step %d keeps what is not there: %v", i, err)
				}
			}
			continue
		case strings.HasPrefix(step.Uses, "actions/cache@"):
			if paths := strings.Fields(step.With["path"]); !slices.Contains(paths, "~/.cache/uetest") {
				t.Errorf("step %d caches %q", i, paths)
			}
			continue
		case step.Uses != "":
			continue
		}
		stepEnv := map[string]string{}
		for _, level := range []map[string]string{w.Env, job.Env, step.Env} {
			for name, v := range level {
				stepEnv[name] = evaluate(t, v, values)
			}
		}
		// As GitHub has it for "shell: bash".
		script := filepath.Join(temp, fmt.Sprintf("step-%d.sh", i))
		if err := os.WriteFile(script, []byte(step.Run), 0o666); err != nil {
			t.Fatal(err)
		}
		bash := []string{"bash", "--noprofile", "--norc", "-eo", "pipefail", script}
		if step.Name == "Test" { // and one that fails fails the job
			wrong := maps.Clone(env)
			wrong["TESTS"], wrong["GITHUB_STEP_SUMMARY"] = "nosuch/test", filepath.Join(temp, "wrong")
			if out, code := inClone(t, dir, stepEnv, wrong, bash...); code != 4 {
				t.Errorf("a step without any test: exit code %d\n%s", code, out)
			}
		}
		out, code := inClone(t, dir, stepEnv, env, bash...)
		if code != 0 {
			t.Fatalf("step %d, %s: exit code %d\n%s", i, step.Name, code, out)
		}
		said += out
	}
	wantResults(t, filepath.Join(dir, "results"))
	summary, err := os.ReadFile(env["GITHUB_STEP_SUMMARY"])
	if err != nil || !bytes.Contains(summary, []byte("rfc")) || len(summary) > 1<<20 {
		t.Errorf("step summary of %d bytes, %v:\n%.500s", len(summary), err, summary)
	}
	if strings.Contains(said, "::error") || !strings.Contains(said, "The main job can be done") {
		t.Errorf("the steps said:\n%s", said)
	}
}

// TestGitLabJob does what a runner does with a job's script: bash, stopped by the
// first command that fails.
func TestGitLabJob(t *testing.T) {
	var file map[string]struct {
		Image     string            `yaml:"image"`
		Variables map[string]string `yaml:"variables"`
		Script    []string          `yaml:"script"`
		Cache     struct {
			Paths []string `yaml:"paths"`
		} `yaml:"cache"`
		Artifacts struct {
			Paths   []string          `yaml:"paths"`
			Reports map[string]string `yaml:"reports"`
			When    string            `yaml:"when"`
		} `yaml:"artifacts"`
	}
	readYAML(t, "gitlab.yml", &file)
	job, ok := file["uetest"]
	if !ok || len(file) != 1 || job.Image != "debian:12" || job.Artifacts.When != "always" {
		t.Fatalf("jobs %+v", file)
	}
	dir, env := cleanClone(t)
	for name, v := range job.Variables {
		job.Variables[name] = os.Expand(v, func(of string) string {
			if of != "CI_PROJECT_DIR" {
				t.Errorf("variable %s: $%s is not known", name, of)
			}
			return dir
		})
		below := strings.HasPrefix(job.Variables[name], dir+"/")
		if below && !slices.ContainsFunc(job.Cache.Paths, func(p string) bool { return strings.HasPrefix(job.Variables[name], filepath.Join(dir, p)+"/") }) {
			t.Errorf("%s=%s is not among what is cached: %v", name, v, job.Cache.Paths)
		}
	}
	maps.Copy(env, map[string]string{"CI": "true", "GITLAB_CI": "true", "CI_PROJECT_DIR": dir, "KERNELS": "rfc", "TESTS": someTests})
	out, code := inClone(t, dir, job.Variables, env, "bash", "-eo", "pipefail", "-c", strings.Join(job.Script, "\n"))
	if code != 0 || !strings.Contains(out, "\nrfc: 3 tests: ") {
		t.Fatalf("exit code %d\n%s", code, out)
	}
	wantResults(t, filepath.Join(dir, "results"))
	for _, path := range append(job.Artifacts.Paths, job.Artifacts.Reports["junit"]) {
		if _, err := os.Stat(filepath.Join(dir, path)); err != nil || path == "" {
			t.Errorf("artefact %q: %v", path, err)
		}
	}
}

// wantResults looks at the files that both recipes write.
func wantResults(t *testing.T, dir string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "junit.xml"))
	if err != nil {
		t.Fatal(err)
	}
	cases := 0
	for dec := xml.NewDecoder(bytes.NewReader(data)); ; {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("junit.xml: %v", err)
		}
		if start, ok := token.(xml.StartElement); ok && start.Name.Local == "testcase" {
			cases++
		}
	}
	if cases < 3 {
		t.Errorf("junit.xml has %d cases", cases)
	}
	ktap, err := os.ReadFile(filepath.Join(dir, "results.ktap"))
	if err != nil || !bytes.HasPrefix(ktap, []byte("KTAP version 1\n")) || bytes.Contains(ktap, []byte("not ok")) {
		t.Errorf("results.ktap: %v\n%.300s", err, ktap)
	}
	for _, name := range []string{"run.json", "report.html"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// cleanClone clones the repository, with what is changed and new in the work tree,
// and returns the variables that its scripts are run with, over those of a recipe:
// they use the caches of this machine and install nothing.
func cleanClone(t *testing.T) (dir string, env map[string]string) {
	t.Helper()
	if testing.Short() {
		t.Skip("sets uetest up and boots a kernel; not with -short")
	}
	for _, program := range []string{"git", "bash", "dpkg-query"} {
		if _, err := exec.LookPath(program); err != nil {
			lacking(t, err.Error())
		}
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, ".git")); err != nil {
		t.Skipf("%s is no git repository that can be cloned", root)
	}
	for _, pkg := range setupPackages(t) {
		if out, err := exec.CommandContext(t.Context(), "dpkg-query", "-W", "-f", "${db:Status-Status}", pkg).Output(); err != nil || string(out) != "installed" {
			lacking(t, "scripts/setup would install "+pkg)
		}
	}
	dir = filepath.Join(t.TempDir(), "clone")
	output(t, "git", "clone", "--quiet", "--shared", root, dir)
	for _, name := range strings.Split(strings.TrimSuffix(output(t, "git", "-C", root, "ls-files", "-z", "--modified", "--others", "--exclude-standard"), "\x00"), "\x00") {
		if name == "" {
			continue
		}
		data, err := os.ReadFile(filepath.Join(root, name))
		if errors.Is(err, os.ErrNotExist) {
			err = os.Remove(filepath.Join(dir, name))
		} else if err == nil {
			var info os.FileInfo
			info, err = os.Stat(filepath.Join(root, name))
			if err == nil {
				err = errors.Join(os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o777), os.WriteFile(filepath.Join(dir, name), data, info.Mode()))
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	bin := t.TempDir()
	for _, name := range []string{"apt-get", "sudo"} {
		if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\necho \"a test installs nothing: $0 $*\" >&2\nexit 97\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	cache, err := cacheDir()
	if err != nil {
		t.Fatal(err)
	}
	env = map[string]string{
		"PATH": bin + ":" + os.Getenv("PATH"), "HOME": t.TempDir(), "UETEST_CACHE": cache, "UETEST_ROOT": "",
		// The recipe's limit would clear this machine's cache.
		limitVariable: "none",
	}
	for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOTOOLCHAIN", "GOPROXY"} {
		env[name] = strings.TrimSpace(output(t, "go", "env", name))
	}
	return dir, env
}

// lacking skips a test for want of something that a test machine is set up to have.
func lacking(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("UETEST_STRICT") != "" {
		t.Fatal(what)
	}
	t.Skip(what)
}

// setupPackages are those that scripts/setup installs where there is a Go. Debian
// has the source of a kernel other than the series' own among its security updates:
// where apt does not know it scripts/setup goes on without.
func setupPackages(t *testing.T) []string {
	t.Helper()
	list := []string{shipped().Source}
	for _, n := range needs.All() {
		if n.Setup && n.Arch == "" && n.Package != "golang-go" {
			list = append(list, n.Package)
		}
	}
	for _, k := range shipped().Kernels {
		if k.Source == "" || slices.Contains(list, k.Source) {
			continue
		}
		if exec.CommandContext(t.Context(), "apt-cache", "show", k.Source).Run() == nil {
			list = append(list, k.Source)
		}
	}
	return list
}

// inClone runs a command there, with the environment of a recipe and that of this
// machine, which wins.
func inClone(t *testing.T, dir string, recipe, machine map[string]string, args ...string) (out string, code int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	cmd.Dir = dir
	vars := maps.Clone(recipe)
	maps.Copy(vars, machine)
	for name, v := range vars {
		cmd.Env = append(cmd.Env, name+"="+v)
	}
	data, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(data), cmd.ProcessState.ExitCode()
}

// What docs/ci/kcidb.sh sends is the file, with the token in a header, and nothing
// else sends anything.
func TestKCIDBRecipeSendsTheFile(t *testing.T) {
	for _, program := range []string{"bash", "curl"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%v: apt-get install %s", err, program)
		}
	}
	type request struct{ path, token, body string }
	got := make(chan request, 10)
	status := http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- request{r.Method + " " + r.URL.Path, r.Header.Get("Authorization"), string(body)}
		w.WriteHeader(status)
	}))
	defer server.Close()
	bin := t.TempDir()
	const stub = `#!/bin/bash
[ "$1 $2" = "report 20261122" ] && [ "$5 $6" = "--origin somebody" ] && [ "$3" = --out ] || exit 2
printf '{"version":{"major":5}}' >"${4#kcidb=}"
`
	if err := os.WriteFile(filepath.Join(bin, "uetest"), []byte(stub), 0o755); err != nil {
		t.Fatal(err)
	}
	temp := t.TempDir()
	send := func() (string, error) {
		cmd := exec.CommandContext(t.Context(), "bash", filepath.Join(recipes, "kcidb.sh"), "20261122")
		cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "TMPDIR="+temp,
			"KCIDB_ORIGIN=somebody", "KCIDB_TOKEN=s3cret", "KCIDB_URL="+server.URL, "NO_PROXY=127.0.0.1")
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := send(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	want := request{"POST /submit", "Bearer s3cret", `{"version":{"major":5}}`}
	select {
	case r := <-got:
		if r != want {
			t.Errorf("sent %+v, want %+v", r, want)
		}
	default:
		t.Error("nothing was sent")
	}
	status = http.StatusUnauthorized
	if out, err := send(); err == nil {
		t.Errorf("a submission that is refused is none:\n%s", out)
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

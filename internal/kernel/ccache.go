package kernel

import (
	"os"
	"path/filepath"

	"uetest/internal/proc"
)

// hasCcache tells whether the compilers can be run through ccache.
func hasCcache() bool {
	_, err := proc.LookPath("ccache")
	return err == nil
}

// ccacheDir is where ccache keeps what was compiled, below the root of the cache,
// if the user's CCACHE_DIR does not say. It is ccache's own to keep small.
const ccacheDir = "ccache"

// ccacheEnv has build directories share what ccache has compiled for one of them:
// it sees paths below the build directory as relative to where the compiler runs,
// obj (ccache(1), base_dir). What the user has set wins.
func (m *maker) ccacheEnv() []string {
	if !hasCcache() {
		return nil
	}
	var env []string
	for _, v := range []struct{ name, value string }{
		{"CCACHE_DIR", filepath.Join(m.b.abs, ccacheDir)},
		{"CCACHE_BASEDIR", m.dir.dir},
	} {
		if os.Getenv(v.name) == "" {
			env = append(env, v.name+"="+v.value)
		}
	}
	return env
}

// ccacheMaps take away what such a relative path begins with: the debug
// information and the text of a WARN have to be those of a build without ccache.
var ccacheMaps = []string{"-fdebug-prefix-map=../src=.", "-fdebug-prefix-map=../src/=", "-fmacro-prefix-map=../src/="}

// Command agent is /init of the guest image, and every selftest program of it:
// which one it is, its name says. One program is smaller than twenty and loads
// once.
package main

import (
	"os"
	"path/filepath"

	"uetest/internal/agent"
)

func main() {
	if area, ok := areas[filepath.Base(os.Args[0])]; ok {
		area()
		return
	}
	agent.Init()
}

// Neither at its start nor each second does a program of the guest ask how many
// CPUs a container gives it (runtime/cgroup_linux.go): there is none.
//
//go:debug containermaxprocs=0
//go:debug updatemaxprocs=0

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
	name := filepath.Base(os.Args[0])
	if name == agent.Zygote {
		name = agent.Become()
	}
	if area, ok := areas[name]; ok {
		area()
		return
	}
	agent.Init(func(name string) bool { return areas[name] != nil })
}

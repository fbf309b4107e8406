//go:build !amd64

package vm

const haveCounter = false

func rdtsc() uint64 { panic("no time stamp counter") }

package vm

const haveCounter = true

// rdtsc reads the time stamp counter.
func rdtsc() uint64

// Command misbehave is the agent's test program, for the guests of package
// pipeline's tests.
package main

import "uetest/internal/agent/misbehave"

func main() { misbehave.Main() }

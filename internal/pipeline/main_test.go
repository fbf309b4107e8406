package pipeline

import (
	"fmt"
	"os"
	"testing"
)

// scratch is a directory for what tests share, and is removed at their end.
var scratch string

func TestMain(m *testing.M) {
	var err error
	if scratch, err = os.MkdirTemp("", "uetest-pipeline-*"); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	code := m.Run()
	if err := os.RemoveAll(scratch); err != nil {
		fmt.Println(err)
		code = 1
	}
	os.Exit(code)
}

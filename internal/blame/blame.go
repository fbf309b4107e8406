// Package blame says who is at fault for an error: the command line, the
// patch, the build, the kernel under test, or the harness and its host.
//
// A stage marks the errors it can place; the command line turns the mark into
// an exit code. It is a leaf package so that every stage can use it without
// the stages knowing each other.
package blame

import (
	"errors"
	"syscall"
)

// A Party is who has to act on an error. Its value is the exit code of uetest.
type Party int

// The parties, in the order of the exit codes documented by "uetest help".
const (
	Test    Party = 1 // a test failed, a known fault vanished, a result is missing
	Usage   Party = 2 // the command line
	Patch   Party = 3 // the patch does not restore, apply or build
	Nothing Party = 4 // nothing was selected or nothing ran
	Kernel  Party = 5 // the kernel crashed or did not boot
	Host    Party = 6 // the harness or the machine it runs on
	User    Party = 130
)

func (p Party) String() string {
	switch p {
	case Test:
		return "test"
	case Usage:
		return "usage"
	case Patch:
		return "patch"
	case Nothing:
		return "nothing ran"
	case Kernel:
		return "kernel"
	case Host:
		return "host"
	case User:
		return "interrupted"
	}
	return "unknown"
}

// Ended says why something came to an end of which p is to blame.
func (p Party) Ended() string {
	switch p {
	case User, Nothing:
		return p.String()
	}
	return "fault of: " + p.String()
}

type blamed struct {
	party Party
	err   error
}

func (b *blamed) Error() string { return b.err.Error() }
func (b *blamed) Unwrap() error { return b.err }

// On marks err as the fault of p. It returns nil for a nil error. The
// innermost mark wins: who was blamed first knew more.
func On(p Party, err error) error {
	if err == nil {
		return nil
	}
	return &blamed{p, err}
}

// Of returns who is at fault for err. A full disk and a missing executable
// are the host's fault whatever the stage said; an error nobody marked is the
// harness's. Of several errors that were joined the first that is marked counts:
// what was wrong first led to the others.
func Of(err error) Party {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return Host
	}
	if p, ok := innermost(err); ok {
		return p
	}
	return Host
}

// innermost returns the innermost mark on err.
func innermost(err error) (party Party, ok bool) {
	for err != nil {
		switch e := err.(type) {
		case *blamed:
			party, ok = e.party, true
		case interface{ Unwrap() []error }:
			for _, err := range e.Unwrap() {
				if p, marked := innermost(err); marked {
					return p, true
				}
			}
			return party, ok
		}
		err = errors.Unwrap(err)
	}
	return party, ok
}

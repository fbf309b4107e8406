package vm

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"uetest/internal/cache"
)

// verdictFile is the name of the remembered verdict in the cache.
const verdictFile = "kvm.json"

// verdict is what a probe of KVM found.
type verdict struct {
	Key   key    `json:"key"`
	Works bool   `json:"works"`
	Why   string `json:"why"`
}

// key is everything that a verdict depends on and that can change.
type key struct {
	Probe string `json:"probe"` // its code, limit and CPU
	Boot  string `json:"boot"`  // /proc/sys/kernel/random/boot_id: modules and their parameters, microcode, the hypervisor below
	QEMU  string `json:"qemu"`  // path, size, time of change
	KVM   string `json:"kvm"`   // device number, mode, owner, time of change
}

func (cfg ProbeConfig) key() (key, error) {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return key{}, err
	}
	qemu, err := os.Stat(cfg.QEMU)
	if err != nil {
		return key{}, err
	}
	var kvm unix.Stat_t
	if err := unix.Stat(kvmDevice, &kvm); err != nil {
		return key{}, fmt.Errorf("%s: %w", kvmDevice, err)
	}
	return key{
		Probe: fmt.Sprintf("%x %v %s", probeCode, probeLimit, Microvm.CPU[KVM]),
		Boot:  strings.TrimSpace(string(boot)),
		QEMU:  fmt.Sprintf("%s %d %d", cfg.QEMU, qemu.Size(), qemu.ModTime().UnixNano()),
		KVM:   fmt.Sprintf("%x %o %d:%d %d", kvm.Rdev, kvm.Mode, kvm.Uid, kvm.Gid, kvm.Ctim.Nano()),
	}, nil
}

// recall returns the verdict for k, if there is one. What cannot be read as a
// verdict is none.
func recall(dir string, k key) (verdict, bool) {
	b, err := os.ReadFile(filepath.Join(dir, verdictFile))
	if err != nil {
		return verdict{}, false
	}
	var v verdict
	if json.Unmarshal(b, &v) != nil || v.Key != k || v.Why == "" {
		return verdict{}, false
	}
	return v, true
}

// remember keeps v for recall.
func remember(dir string, v verdict) error {
	b, err := json.MarshalIndent(v, "", "\t")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return cache.WriteFile(filepath.Join(dir, verdictFile), append(b, '\n'))
}

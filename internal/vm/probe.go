package vm

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"uetest/internal/blame"
	"uetest/internal/proc"
	"uetest/internal/qmp"
)

// probeLimit is how long a guest may take to execute the probe's instructions,
// from the moment at which QEMU's monitor answers.
const probeLimit = time.Second

// kvmDevice is what QEMU opens for -accel kvm.
const kvmDevice = "/dev/kvm"

// ProbeConfig says what to probe.
type ProbeConfig struct {
	// QEMU is the executable; empty is the machine's.
	QEMU string
	// Arch is the guest's; empty is x86_64.
	Arch string
	// Want is "auto", "kvm" or "tcg"; empty is "auto".
	Want string
	// Cache is a directory in which a verdict is remembered until the host is
	// booted again or QEMU or /dev/kvm change; empty remembers nothing.
	Cache string
	// Recall has no guest run: an accelerator that was not probed before is
	// taken for TCG, unless KVM is wanted.
	Recall bool
}

// ProbeAccel chooses the accelerator and says why, in words for people. KVM is
// chosen only if a guest has run under it: /dev/kvm may be there, open, make
// virtual machines, and never execute one instruction of them. "kvm" without a
// usable KVM is an error of the host, another word than the three is one of
// usage.
func ProbeAccel(ctx context.Context, cfg ProbeConfig) (Accel, string, error) {
	switch cfg.Want {
	case "", "auto", "kvm":
	case "tcg":
		return TCG, "asked for", nil
	default:
		return TCG, "", blame.On(blame.Usage, fmt.Errorf("accelerator %q: want auto, kvm or tcg", cfg.Want))
	}
	m, ok := MachineFor(cfg.Arch)
	if !ok {
		return TCG, "", blame.On(blame.Usage, fmt.Errorf("no machine for %s", cfg.Arch))
	}
	cfg.Arch, cfg.QEMU = m.Arch, cmp.Or(cfg.QEMU, m.QEMU)
	qemu, err := proc.LookPath(cfg.QEMU)
	if err != nil {
		return TCG, "", err
	}
	cfg.QEMU = qemu
	works, why, err := cfg.kvm(ctx)
	switch {
	case err != nil:
		return TCG, "", err
	case works:
		return KVM, why, nil
	case cfg.Want == "kvm":
		return TCG, "", blame.On(blame.Host, fmt.Errorf("KVM does not work here: %s", why))
	}
	return TCG, why, nil
}

// goArch is what Go calls the architectures.
var goArch = map[string]string{"x86_64": "amd64", "arm64": "arm64", "riscv64": "riscv64"}

// kvm tells whether a guest runs under KVM. The error is that of a probe that
// could not be carried out.
func (cfg ProbeConfig) kvm(ctx context.Context) (works bool, why string, err error) {
	if hostArch := goArch[cfg.Arch]; hostArch != runtime.GOARCH {
		return false, fmt.Sprintf("a guest of %s needs emulation on %s", cfg.Arch, runtime.GOARCH), nil
	}
	if cfg.Arch != Microvm.Arch {
		// The guest that proves KVM is made of x86 instructions.
		return false, fmt.Sprintf("whether KVM works can be found out for %s guests only", Microvm.Arch), nil
	}
	f, err := os.OpenFile(kvmDevice, os.O_RDWR, 0)
	if err != nil {
		return false, fmt.Sprintf("%s cannot be opened: %v", kvmDevice, errors.Unwrap(err)), nil
	}
	_ = f.Close()

	key, keyErr := cfg.key()
	if keyErr == nil && cfg.Cache != "" {
		if v, ok := recall(cfg.Cache, key); ok {
			return v.Works, v.Why + " (probed earlier)", nil
		}
	}
	if cfg.Recall {
		return cfg.Want == "kvm", "not known yet: a run would find out whether KVM works here, by a guest", nil
	}
	works, why, err = runProbe(ctx, cfg.QEMU, KVM, probeImage())
	if err != nil {
		return false, "", err
	}
	if cfg.Cache == "" {
		return works, why, nil
	}
	if keyErr == nil {
		keyErr = remember(cfg.Cache, verdict{Key: key, Works: works, Why: why})
	}
	if keyErr != nil { // the verdict holds, the next run probes again
		why += fmt.Sprintf(" (not remembered: %v)", keyErr)
	}
	return works, why, nil
}

// runProbe runs a guest under a. It works if the guest gets through all of its
// instructions; if it does not, why says what happened instead.
func runProbe(ctx context.Context, qemu string, a Accel, image []byte) (works bool, why string, err error) {
	dir, remove, err := proc.TempDir("probe-*")
	if err != nil {
		return false, "", err
	}
	defer remove()
	kernel, mark := filepath.Join(dir, "kernel"), filepath.Join(dir, "mark")
	if err := os.WriteFile(kernel, image, 0o600); err != nil {
		return false, "", blame.On(blame.Host, err)
	}
	ours, theirs, err := socketPair()
	if err != nil {
		return false, "", blame.On(blame.Host, err)
	}
	// The machine and the way of booting are those of a real guest.
	p, err := proc.Start(ctx, proc.Cmd{
		Path: qemu,
		Args: append([]string{"-nodefaults", "-no-user-config", "-display", "none", "-nic", "none", "-no-reboot", "-S",
			"-machine", Microvm.Type, "-accel", a.String(), "-cpu", Microvm.CPU[a], "-m", "32", "-kernel", kernel,
			"-chardev", "file,id=mark,path=" + escape(mark),
			"-device", fmt.Sprintf("isa-debugcon,iobase=%#x,chardev=mark", markPort),
			"-device", fmt.Sprintf("isa-debug-exit,iobase=%#x,iosize=4", exitPort)},
			monitor{fd: monitorFD}.args()...),
		ExtraFiles: []*os.File{theirs},
		Grace:      100 * time.Millisecond,
	})
	_ = theirs.Close()
	if err != nil {
		_ = ours.Close()
		return false, "", err
	}
	defer func() {
		p.Kill()
		_ = p.Wait() // how it ends when it is not needed any more says nothing
	}()
	// The limit counts from the start of the guest, so that a slow start of QEMU
	// is not held against KVM.
	var events <-chan qmp.Event
	if monitor, err := run(ctx, ours, resume); err == nil {
		defer func() { _ = monitor.Close() }()
		events = monitor.Events()
	} // else QEMU has ended, or the guest will be out of time
	for limit := time.After(probeLimit); ; {
		select {
		case <-p.Done():
			if ctx.Err() != nil {
				return false, "", context.Cause(ctx)
			}
			works, why = probed(p.Wait())
			return works, why, nil
		case e, open := <-events:
			if !open {
				events = nil
			}
			if e.Event == qmp.Stopped { // with run state internal-error
				return false, kvmDevice + " opens but KVM gave up on one of a guest's instructions (internal error)", nil
			}
		case <-limit:
			b, err := os.ReadFile(mark)
			if err == nil && len(b) > 0 {
				return false, fmt.Sprintf("%s opens but a guest ran too few instructions in %v: that is no hardware", kvmDevice, probeLimit), nil
			}
			return false, fmt.Sprintf("%s opens but a guest ran no instruction in %v", kvmDevice, probeLimit), nil
		}
	}
}

// probed judges how QEMU ended.
func probed(err error) (works bool, why string) {
	var exit *proc.ExitError
	switch {
	case errors.As(err, &exit) && exit.Code == probeExit:
		return true, "a guest ran"
	case exit != nil:
		return false, (&qemuError{"QEMU failed", exit}).Error()
	case err != nil:
		return false, err.Error()
	}
	return false, "QEMU ended and its guest had not run"
}

package console

// What the kernel reports next may come of what it reported before: it goes on
// with memory that it has found to be broken, it prints the trap that a BUG()
// is, it ends a thread in the middle of something.

// preludes are printed before the WARN() or BUG() that they are the text of.
var preludes = map[Kind]bool{
	Refcount: true, List: true, Usercopy: true, Fortify: true, ODEBUG: true, DebugVM: true, Oops: true,
}

// detections say that memory is broken, and let the kernel go on with it.
var detections = map[Kind]bool{
	KASAN: true, KFENCE: true, KMSAN: true, UBSAN: true, Slab: true, List: true, Refcount: true, ODEBUG: true, BadPage: true,
}

// faults end the thread.
var faults = map[Kind]bool{
	NullPointer: true, PageFault: true, Protection: true, DivideError: true, InvalidOpcode: true,
	Stack: true, DoubleFault: true, Oops: true, KernelBUG: true,
}

// takes reports whether a line of form f, printed by the report's printer,
// belongs to the report instead of beginning one.
func (r *report) takes(f *form, caller string) bool {
	near := r.open || r.behind
	switch {
	case r.died && len(caller) > 0 && caller[0] == 'T':
		return true // the thread is on its way out, whatever else it does wrong there
	case near && (f.kind == Panic || r.fatal):
		return true // panic_on_warn, "Fatal exception", what a panic brings with it
	case !near:
		return false
	case r.open && !r.died && faults[f.kind] && (faults[r.kind] || preludes[r.kind]):
		return true // the trap of a BUG(), the error code of a fault
	case preludes[r.kind] && f.kind == Warning:
		return r.open
	case detections[r.kind] && r.kind != f.kind:
		return f.kind == Warning || f.kind == List || f.kind == Refcount || faults[f.kind]
	case r.died:
		return f.kind == Atomic || f.kind == Lockdep || f.kind == Warning
	}
	return false
}

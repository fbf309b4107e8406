#include "textflag.h"

// A signal handler: it returns, to the restorer (amd64) or to where the kernel
// has the link register point (arm64, riscv64).
TEXT spare<>(SB), NOSPLIT|NOFRAME, $0-0
	RET

// var spare uintptr
DATA ·spare(SB)/8, $spare<>(SB)
GLOBL ·spare(SB), RODATA, $8

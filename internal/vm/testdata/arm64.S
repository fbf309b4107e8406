// An Image (Documentation/arm64/booting.rst) that prints its text on the first
// serial port and then resets the machine, or prints a dot every 10 ms.
	b	start
	.word	0
	.quad	0, 4096, 0, 0, 0, 0
	.ascii	"ARM\x64"
	.word	0
start:	mov	x1, #0x09000000		// PL011 of virt
	adr	x2, text
1:	ldrb	w0, [x2], #1
	cbz	w0, 2f
	str	w0, [x1]
	b	1b
2:	adr	x2, flag
	ldrb	w0, [x2]
	cbnz	w0, tick
	mov	w0, #0x0009
	movk	w0, #0x8400, lsl #16	// PSCI SYSTEM_RESET
	hvc	#0
	b	.
tick:	mrs	x3, cntvct_el0
	mrs	x4, cntfrq_el0
	mov	x5, #100
	udiv	x4, x4, x5
	add	x3, x3, x4
3:	mrs	x5, cntvct_el0
	cmp	x5, x3
	b.lo	3b
	mov	w0, #'.'
	str	w0, [x1]
	b	tick
	.balign	256
flag:	.byte	0
text:	.byte	0

// An Image (Documentation/riscv/boot-image-header.rst) that does the same.
	.option norvc
	j	start
	.word	0
	.quad	0x200000, 4096, 0
	.word	2, 0
	.quad	0
	.ascii	"RISCV\0\0\0"
	.ascii	"RSC\x05"
	.word	0
start:	li	t1, 0x10000000		// 16550 of virt
	lla	t2, text
1:	lbu	a0, 0(t2)
	beqz	a0, 2f
	sb	a0, 0(t1)
	addi	t2, t2, 1
	j	1b
2:	lla	t2, flag
	lbu	a0, 0(t2)
	bnez	a0, tick
	li	a7, 0x53525354		// SBI system reset
	li	a6, 0
	li	a0, 1
	li	a1, 0
	ecall
	j	.
tick:	rdtime	t3
	li	t4, 100000		// 10 ms at 10 MHz
	add	t3, t3, t4
3:	rdtime	t5
	bltu	t5, t3, 3b
	li	a0, '.'
	sb	a0, 0(t1)
	j	tick
	.balign	256
flag:	.byte	0
text:	.byte	0

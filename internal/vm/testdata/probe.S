# The guest of the KVM probe: probeCode in pvh.go is this file, assembled and
# linked at 1 MiB. A test compares the two.
#
# It is entered by the PVH boot ABI: 32-bit protected mode, flat segments, no
# paging. The page tables are behind it in the image, see probeImage.

	.set BASE, 0x100000
	.set SCRATCH, BASE + 0xf00	# 16 bytes, aligned

	.code32
	.globl _start
_start:
	mov	$'A', %al		# to isa-debugcon: a first instruction was executed
	out	%al, $0xe9
	lgdt	gdtr
	mov	%cr4, %eax
	or	$0x20, %eax		# PAE
	mov	%eax, %cr4
	mov	$BASE + 0x1000, %eax
	mov	%eax, %cr3
	mov	$0xc0000080, %ecx	# EFER
	rdmsr
	or	$0x100, %eax		# LME
	wrmsr
	mov	%cr0, %eax
	or	$0x80000000, %eax	# PG
	mov	%eax, %cr0
	ljmp	$8, $long

	.code64
long:
	mov	$SCRATCH, %edi
	lock cmpxchg16b (%rdi)		# SLUB's, and beyond KVM's own instruction emulator
	mov	$20000000, %ecx		# 0.01 s on hardware, 0.1 s under TCG, 10 s in that emulator
1:	dec	%ecx
	jnz	1b
	mov	$42, %eax		# probeValue to isa-debug-exit
	out	%eax, $0xf4
2:	hlt
	jmp	2b

	.balign	8
gdt:	.quad	0
	.quad	0x00af9b000000ffff	# 64-bit code
gdtr:	.word	gdtr - gdt - 1
	.long	gdt

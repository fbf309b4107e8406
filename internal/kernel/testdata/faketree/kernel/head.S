	.globl startup
startup:
	jmp startup
	/* XEN_ELFNOTE_PHYS32_ENTRY */
	.section .note.Xen, "a", @note
	.long 4, 4, 18
	.asciz "Xen"
	.long 0x1000000
	.section .note.GNU-stack, "", @progbits

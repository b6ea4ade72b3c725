#include "textflag.h"

#define SYS_clone   56
#define SYS_exit    60
#define SYS_getppid 110
#define SYS_prctl   157
#define SYS_futex   202

// CLONE_VM|CLONE_FS|CLONE_FILES|CLONE_SIGHAND, SIGCHLD at its end
#define FLAGS 0xf11

// func forkChild(parent uintptr, over *uint32, end *syscall.Timespec) int
//
// The child runs on the parent's stack, so it must not touch it. All that it
// needs is in registers, which a system call leaves alone, but for AX, CX, R11.
TEXT ·forkChild(SB),NOSPLIT|NOFRAME,$0-32
	MOVQ	parent+0(FP), R12
	MOVQ	over+8(FP), R13
	MOVQ	end+16(FP), BX
	MOVL	$FLAGS, DI
	XORL	SI, SI
	XORL	DX, DX
	XORL	R10, R10
	XORL	R8, R8
	MOVL	$SYS_clone, AX
	SYSCALL
	TESTQ	AX, AX
	JEQ	child
	MOVQ	AX, ret+24(FP)
	RET

child:
	MOVL	$1, DI // PR_SET_PDEATHSIG
	MOVL	$9, SI // SIGKILL
	MOVL	$SYS_prctl, AX
	SYSCALL
	MOVL	$SYS_getppid, AX
	SYSCALL
	CMPQ	AX, R12
	JNE	exit // it was gone before

	MOVQ	R13, DI
	MOVL	$9, SI // FUTEX_WAIT_BITSET, until a time of CLOCK_MONOTONIC
	XORL	DX, DX
	MOVQ	BX, R10
	XORL	R8, R8
	MOVL	$0xffffffff, R9 // FUTEX_BITSET_MATCH_ANY
	MOVL	$SYS_futex, AX
	SYSCALL

exit:
	XORL	DI, DI
	MOVL	$SYS_exit, AX
	SYSCALL
	JMP	exit

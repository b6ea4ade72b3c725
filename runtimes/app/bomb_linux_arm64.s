#include "textflag.h"

#define SYS_exit    93
#define SYS_futex   98
#define SYS_prctl   167
#define SYS_getppid 173
#define SYS_clone   220

// CLONE_VM|CLONE_FS|CLONE_FILES|CLONE_SIGHAND, SIGCHLD at its end
#define FLAGS 0xf11

// func forkChild(parent uintptr, over *uint32, end *syscall.Timespec) int
//
// The child runs on the parent's stack, so it must not touch it. All that it
// needs is in registers, which a system call leaves alone, but for R0.
TEXT ·forkChild(SB),NOSPLIT|NOFRAME,$0-32
	MOVD	parent+0(FP), R19
	MOVD	over+8(FP), R20
	MOVD	end+16(FP), R21
	MOVD	$FLAGS, R0
	MOVD	$0, R1
	MOVD	$0, R2
	MOVD	$0, R3
	MOVD	$0, R4
	MOVD	$SYS_clone, R8
	SVC
	CBZ	R0, child
	MOVD	R0, ret+24(FP)
	RET

child:
	MOVD	$1, R0 // PR_SET_PDEATHSIG
	MOVD	$9, R1 // SIGKILL
	MOVD	$SYS_prctl, R8
	SVC
	MOVD	$SYS_getppid, R8
	SVC
	CMP	R0, R19
	BNE	exit // it was gone before

	MOVD	R20, R0
	MOVD	$9, R1 // FUTEX_WAIT_BITSET, until a time of CLOCK_MONOTONIC
	MOVD	$0, R2
	MOVD	R21, R3
	MOVD	$0, R4
	MOVD	$0xffffffff, R5 // FUTEX_BITSET_MATCH_ANY
	MOVD	$SYS_futex, R8
	SVC

exit:
	MOVD	$0, R0
	MOVD	$SYS_exit, R8
	SVC
	JMP	exit

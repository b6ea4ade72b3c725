//go:build !race

#include "textflag.h"

// Offsets in script and step, and the flags of step: see script_linux.go.
#define script_steps  0
#define script_at     8
#define script_kept   16
#define script_result 24
#define step_number   0
#define step_args     8
#define step_flags    56
#define step_size     64

#define KEEP      $1
#define USE_KEPT  $2
#define MAY_FAIL  $4
#define WANT_ZERO $8
#define WANT_MORE $16
#define LEAVE     $32

#define SYS_exit  60

// func cloneAndRun(args *cloneArgs, size uintptr, s *script) int
//
// The child shares this stack with the parent, whose frames are on it: it must
// not push, pop, call or return. All that it needs is in registers, which a
// system call leaves alone, but for AX, CX and R11.
TEXT ·cloneAndRun(SB),NOSPLIT|NOFRAME,$0-32
	MOVQ	args+0(FP), DI
	MOVQ	size+8(FP), SI
	MOVQ	s+16(FP), R12
	MOVQ	$435, AX // clone3
	SYSCALL
	TESTQ	AX, AX
	JZ	child
	MOVQ	AX, ret+24(FP)
	RET

child:
	MOVQ	script_steps(R12), R13

step:
	MOVQ	R13, script_at(R12)
	MOVQ	step_flags(R13), BX
	MOVQ	(step_args+0)(R13), DI
	MOVQ	(step_args+8)(R13), SI
	MOVQ	(step_args+16)(R13), DX
	MOVQ	(step_args+24)(R13), R10
	MOVQ	(step_args+32)(R13), R8
	MOVQ	(step_args+40)(R13), R9
	TESTQ	USE_KEPT, BX
	JZ	call
	MOVQ	script_kept(R12), DI

call:
	MOVQ	step_number(R13), AX
	SYSCALL
	TESTQ	KEEP, BX
	JZ	judge
	MOVQ	AX, script_kept(R12)

judge:
	TESTQ	MAY_FAIL, BX
	JNZ	next
	TESTQ	AX, AX
	JS	fail
	JNZ	more
	TESTQ	WANT_MORE, BX
	JNZ	fail
	JMP	next

more:
	TESTQ	LEAVE, BX
	JNZ	exit
	TESTQ	WANT_ZERO, BX
	JNZ	fail

next:
	ADDQ	$step_size, R13
	JMP	step

fail:
	MOVQ	AX, script_result(R12)

exit:
	MOVQ	$0, DI
	MOVQ	$SYS_exit, AX
	SYSCALL
	JMP	exit

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

#define KEEP_BIT      0
#define USE_KEPT_BIT  1
#define MAY_FAIL_BIT  2
#define WANT_ZERO_BIT 3
#define WANT_MORE_BIT 4
#define LEAVE_BIT     5

#define SYS_exit  93

// func cloneAndRun(args *cloneArgs, size uintptr, s *script) int
//
// The child shares this stack with the parent, whose frames are on it: it must
// not touch it, nor call or return. All that it needs is in registers, which a
// system call leaves alone, but for R0.
TEXT ·cloneAndRun(SB),NOSPLIT|NOFRAME,$0-32
	MOVD	args+0(FP), R0
	MOVD	size+8(FP), R1
	MOVD	s+16(FP), R19
	MOVD	$435, R8 // clone3
	SVC
	CBZ	R0, child
	MOVD	R0, ret+24(FP)
	RET

child:
	MOVD	script_steps(R19), R20

step:
	MOVD	R20, script_at(R19)
	MOVD	step_flags(R20), R21
	MOVD	(step_args+0)(R20), R0
	MOVD	(step_args+8)(R20), R1
	MOVD	(step_args+16)(R20), R2
	MOVD	(step_args+24)(R20), R3
	MOVD	(step_args+32)(R20), R4
	MOVD	(step_args+40)(R20), R5
	TBZ	$USE_KEPT_BIT, R21, call
	MOVD	script_kept(R19), R0

call:
	MOVD	step_number(R20), R8
	SVC
	TBZ	$KEEP_BIT, R21, judge
	MOVD	R0, script_kept(R19)

judge:
	TBNZ	$MAY_FAIL_BIT, R21, next
	TBNZ	$63, R0, fail
	CBNZ	R0, more
	TBNZ	$WANT_MORE_BIT, R21, fail
	JMP	next

more:
	TBNZ	$LEAVE_BIT, R21, exit
	TBNZ	$WANT_ZERO_BIT, R21, fail

next:
	ADD	$step_size, R20
	JMP	step

fail:
	MOVD	R0, script_result(R19)

exit:
	MOVD	$0, R0
	MOVD	$SYS_exit, R8
	SVC
	JMP	exit

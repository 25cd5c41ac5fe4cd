// SPDX-License-Identifier: GPL-2.0-only
/*
 * Divisions of 64 bits on 32-bit Arm: what compilers call there, made of the kernel's own. The kernel has none for C, whose
 * authors are to see what a division costs; in Rust the same sources are compiled for 64 bits.
 */
#ifdef CONFIG_ARM
#include <linux/math64.h>

s64 rloop_div_s64_rem(s64 dividend, s64 divisor, s64 *remainder);
void __aeabi_uldivmod(void);
void __aeabi_ldivmod(void);

/* Divides, towards 0. Any context. */
s64 rloop_div_s64_rem(s64 dividend, s64 divisor, s64 *remainder)
{
	s64 quotient = div64_s64(dividend, divisor);

	*remainder = dividend - quotient * divisor;
	return quotient;
}

/*
 * By Arm's run-time ABI the dividend is in r0 and r1, the divisor in r2 and r3; afterwards the quotient is in r0 and r1, and
 * the remainder in r2 and r3. A function of C takes a fifth word on the stack: where it is to leave the remainder, which here
 * lies above it.
 */
#define RLOOP_DIVMOD(function)		\
	asm("push {r4, lr}\n\t"		\
	    "sub sp, sp, #16\n\t"	\
	    "add r4, sp, #8\n\t"	\
	    "str r4, [sp]\n\t"		\
	    "bl " #function "\n\t"	\
	    "ldrd r2, r3, [sp, #8]\n\t"	\
	    "add sp, sp, #16\n\t"	\
	    "pop {r4, pc}")

/* Divides without a sign. Any context. */
__naked void __aeabi_uldivmod(void)
{
	RLOOP_DIVMOD(div64_u64_rem);
}

/* Divides with a sign, towards 0. Any context. */
__naked void __aeabi_ldivmod(void)
{
	RLOOP_DIVMOD(rloop_div_s64_rem);
}
#endif

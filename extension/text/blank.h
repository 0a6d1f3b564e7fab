/*
 * blank.h
 *	  Characters that say nothing, as sorted ranges from the first to the last.
 *
 * The HTTP service knows a blank answer by them, too, so this header needs nothing else.
 */
#ifndef EDURANGE_BLANK_H
#define EDURANGE_BLANK_H

/* clang-format off */

/* What ECMA 262 takes for white space and ends of lines: \s, and what trim() removes. */
#define WHITE_SPACE_RANGES                                                                         \
	{'\t', '\r'}, {' ', ' '}, {0xA0, 0xA0}, {0x1680, 0x1680}, {0x2000, 0x200A}, {0x2028, 0x2029},  \
	{0x202F, 0x202F}, {0x205F, 0x205F}, {0x3000, 0x3000}, {0xFEFF, 0xFEFF}

/*
 * What shows nothing and changes no letter beside it: soft hyphen; zero width space; marks and embeddings of
 * direction; word joiner; its old form.
 */
#define UNSEEN_RANGES                                                                              \
	{0xAD, 0xAD}, {0x200B, 0x200B}, {0x200E, 0x200F}, {0x202A, 0x202E}, {0x2060, 0x2060},          \
	{0x2066, 0x2069}, {0xFEFF, 0xFEFF}

/*
 * The same in SQL: white space as a text for btrim(), which takes no longer where there is much of it inside, and that
 * of ASCII alone; the other as a class of regular expressions.
 */
#define ASCII_SPACE "\\u0009\\u000a\\u000b\\u000c\\u000d\\u0020"
#define ASCII_SPACE_SQL "E'" ASCII_SPACE "'"
#define WHITE_SPACE_SQL                                                                            \
	"E'" ASCII_SPACE "\\u00a0\\u1680\\u2000\\u2001\\u2002\\u2003\\u2004\\u2005\\u2006\\u2007\\u2008"      \
	"\\u2009\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000\\ufeff'"
#define UNSEEN_CLASS "[\\u00ad\\u200b\\u200e\\u200f\\u202a-\\u202e\\u2060\\u2066-\\u2069\\ufeff]"

/* clang-format on */

#endif

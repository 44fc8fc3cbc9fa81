#ifndef TALLY_PARSE_H
#define TALLY_PARSE_H

int tally_parse(const char *text, long *n);

#endif

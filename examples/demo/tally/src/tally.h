/* All of tally, for those who do not want to choose. */
#include "count.h"
#include "group.h"
#include "parse.h"
#include "roman.h"
#include "trim.h"
#include "wrap.h"
